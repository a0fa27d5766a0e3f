#!/usr/bin/env python3
"""A bad cable between client and appliance: 1 % of the frames lost, 1 % doubled, some
overtaken by later ones, each way; then the same through a VLAN.

10,000 requests (REQUESTS) have to be answered, and none may be in the audit log twice.  A cable
that lost nothing would prove nothing, and fails."""

import collections
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import BUILD, Appliance
from load import Load
from relay import Relay

REQUESTS = tap.times("REQUESTS", 10000)
THREADS = 20
VLAN = 77
SEED = int(os.environ.get("SEED") or 20261124)
BAD = {"seed": SEED, "loss": 10, "duplicate": 10, "reorder": 20}


class Cabled(Appliance):
    """An appliance behind the relay, which is there before it boots."""

    def __init__(self, name, fate, **settings):
        super().__init__(name, settings={k.replace("__", "."): v for k, v in settings.items()},
                         relay=True)
        self.fate = fate

    def start(self, wait=True):
        self.relay = Relay(self.wires, BUILD / "tests/e2e/relay", **self.fate)
        return super().start(wait)


def recorded(appliance):
    return collections.Counter(record["transaction"]["id"]
                               for record in appliance.audit_records()
                               if record["kind"] == "decision")


def exercise(appliance, requests):
    load = Load(appliance, THREADS, requests // THREADS).start().join()
    towards, back = appliance.relay.close()
    tap.note(f"seed {SEED}; to the appliance: {towards}; from it: {back}")
    tap.same(load.errors[:3], [], "errors of the clients")
    tap.same(len(load.answers), requests // THREADS * THREADS, "answers")
    seen = recorded(appliance)
    tap.same([name for name, times in seen.items() if times != 1][:3], [], "recorded twice")
    tap.same(set(seen), {answer[0] for answer in load.answers}, "recorded and answered")
    for side in (towards, back):
        tap.check(side["lost"] and side["duplicated"] and side["reordered"],
                  "the relay was kinder than it should be; this run proves nothing")
    appliance.ctl("audit", "verify", appliance.audit)
    return towards, back


def test_loss():
    """1 % loss, 1 % duplication, reordering: every request answered, each recorded once"""
    with Cabled("loss", BAD) as appliance:
        exercise(appliance, REQUESTS)


def test_vlan():
    """the same with an 802.1Q tag on the appliance's side"""
    with Cabled("vlan", {**BAD, "vlan": VLAN}, net__vlan=VLAN) as appliance:
        towards, back = exercise(appliance, REQUESTS // 10)
        tap.check(towards["carried"] and back["carried"], "nothing was carried")
        tap.same(back["untagged"], 0, "frames of the appliance without its tag")


if __name__ == "__main__":
    tap.main([test_loss, test_vlan])
