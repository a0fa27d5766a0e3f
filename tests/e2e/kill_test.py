#!/usr/bin/env python3
"""kill -9 under load with audit.reply = "durable": every answer a client received is
in a chain that verifies, under the sequence and the hash it was told.  KILLS=200 is
the long form."""

import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import Appliance
from load import Load

KILLS = tap.times("KILLS", 20)
SEED = tap.times("SEED", 20261124)
THREADS = 8


def told(answers):
    return {(name, sequence, digest) for name, sequence, digest, _ in answers}


def recorded(appliance):
    return {(record["transaction"]["id"], record["sequence"], record["hash"])
            for record in appliance.audit_records() if record["kind"] == "decision"}


def test_kill(appliance):
    """every answered payment survives kill -9 under load"""
    chance = random.Random(SEED)
    received = set()
    tap.note(f"seed {SEED}, {KILLS} kills")
    for number in range(KILLS):
        load = Load(appliance, THREADS, prefix=f"k{number}-").start().wait_answers(THREADS)
        time.sleep(chance.uniform(0, 0.5))
        appliance.kill()
        load.cut()
        tap.check(load.answers, f"no answer before kill {number}")
        received |= told(load.answers)
        appliance.start()
        appliance.ctl("audit", "verify", appliance.audit)
    lost = received - recorded(appliance)
    tap.note(f"{len(received)} answers received")
    tap.same(sorted(lost)[:5], [], "answers that are not in the log")
    tap.check(len(received) > 10 * KILLS, "hardly any load")


def test_stop(appliance):
    """it still stops in peace, and its chain verifies"""
    tap.same(appliance.stop(), 0, "exit status")
    appliance.ctl("audit", "verify", appliance.audit)


if __name__ == "__main__":
    tap.main([test_kill, test_stop],
             lambda: Appliance("kill", settings={"audit.reply": "durable"}))
