#!/usr/bin/env python3
"""What an appliance remembers is there again after kill -9: from snapshots its role makes
under load, and from the log behind them; and replay of the whole log finds every byte.
ROUNDS=20 is the long form."""

import datetime
import http.client
import json
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from bank import Bank, ask, merchant, pay
from load import Load

ROUNDS = tap.times("ROUNDS", 3)
SEED = tap.times("SEED", 20261125)
LONG_LOG = 400000


def recovered(appliance):
    """(sequence of the snapshot, records read) of the last start, from its log."""
    lines = [json.loads(line) for line in appliance.log.read_text().splitlines()
             if '"recovered: ' in line]
    words = lines[-1]["message"].split()
    return int(words[4].strip(",")), int(words[6])


def counted(appliance):
    """Each card's payments are counted one by one, over every restart."""
    seen = {}
    for record in appliance.decisions():
        card = record["transaction"]["card"]
        seen[card] = seen.get(card, 0) + 1
        tap.same(record["values"]["card_count"], seen[card], f"count in {record['sequence']}")
    return sum(seen.values())


def test_load(appliance):
    """snapshots made under load carry a kill -9, again and again"""
    chance = random.Random(SEED)
    tap.note(f"seed {SEED}, {ROUNDS} kills")
    for number in range(ROUNDS):
        load = Load(appliance, threads=4, prefix=f"r{number}-").start().wait_answers(4)
        appliance.wait_snapshot()
        time.sleep(chance.uniform(0, 1))
        appliance.kill()
        load.cut()
        appliance.start()
        sequence, records = recovered(appliance)
        tap.note(f"snapshot of record {sequence}, then {records} records")
        tap.check(sequence > 0, "no snapshot was used")
    tap.note(f"{counted(appliance)} decisions")
    for cores in (1, 3):
        tap.note(json.dumps(appliance.replayed(cores)))


def test_damaged(appliance):
    """a damaged snapshot is passed over with a sentence; the one before, or the log, serves"""
    appliance.wait_snapshot()
    appliance.stop()
    appliance.ctl("snapshot", "--config", appliance.config_file)
    snaps = sorted(appliance.snapshots.glob("*.snap"))
    tap.same(len(snaps), 2, "snapshots kept")
    for number, snap in enumerate(reversed(snaps)):
        whole = bytearray(snap.read_bytes())
        whole[-1] ^= 16  # of a section: no hash covers what lies between two
        snap.write_bytes(whole)
        before = len(appliance.log.read_text())
        appliance.start()
        told = appliance.log.read_text()[before:]
        tap.check(snap.name in told, f"it does not name {snap.name}: {told}")
        sequence, _ = recovered(appliance)
        tap.same(sequence, 0 if number else int(snaps[0].stem.split("-")[1]), "snapshot used")
        caller = appliance.caller()
        pay(caller, number, id=f"damaged-{number}")
        caller.close()
        appliance.kill()
    appliance.start()
    counted(appliance)
    appliance.replayed()


def test_half_written(appliance):
    """a snapshot that a power cut left half-written is removed at the start"""
    appliance.kill()
    part = appliance.snapshots / "snapshot-00000000000000000007.snap.part"
    part.write_bytes(b"half")
    appliance.start()
    tap.check(not part.exists(), f"{part.name} is still there")
    done = appliance.ctl("snapshot", "--config", appliance.config_file, check=False)
    tap.check(done.returncode == 2 and "works there" in done.stderr,
              f"assayctl snapshot beside the appliance: {done.returncode} {done.stderr}")


def test_thresholds(appliance):
    """another threshold does not make a snapshot useless, another window does"""
    appliance.wait_snapshot()
    appliance.kill()
    appliance.write_config(decision__review_threshold=0.45)
    appliance.start()
    tap.check(recovered(appliance)[0] > 0, "another threshold made the snapshot useless")
    counted(appliance)
    appliance.replayed(2)


def probe(appliance):
    """(asked, answered, status) of the readiness probe; 0: no answer."""
    asked = datetime.datetime.now(datetime.timezone.utc)
    caller = appliance.caller(timeout=0.2)
    try:
        status = caller.request("GET", "/v1/health/ready")[0]
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        caller.close()
    return asked, datetime.datetime.now(datetime.timezone.utc), status


def long_log(appliance):
    """Puts a log there that takes seconds to follow, and no snapshot; what was there is kept."""
    stream = appliance.directory / "payments.jsonl"
    with open(stream, "w", encoding="utf-8") as file:
        for number in range(LONG_LOG):
            file.write(json.dumps(payments.payment(number, card=f"tok_{number % 5000}")) + "\n")
    for folder in (appliance.audit, appliance.snapshots):
        folder.rename(folder.with_suffix(".kept"))
    with open(stream, encoding="utf-8") as file:
        appliance.ctl("decide", "--config", appliance.config_file, "--audit", appliance.audit,
                      stdin=file)


def test_readiness(appliance):
    """who asks all the time gets no 200 before a long log has been followed"""
    appliance.kill()
    long_log(appliance)
    before = len(appliance.log.read_text())
    appliance.start(wait=False)
    probes = [probe(appliance)]
    while probes[-1][2] != 200:
        tap.check(len(probes) < 600, f"not ready after {len(probes)} probes")
        probes.append(probe(appliance))
    recovered_at, = (datetime.datetime.fromisoformat(json.loads(line)["time"])
                     for line in appliance.log.read_text()[before:].splitlines()
                     if json.loads(line)["message"].startswith("recovered: "))
    early = [status for asked, answered, status in probes if answered < recovered_at]
    tap.note(f"{recovered(appliance)[1]} records; {len(early)} probes answered or given up before: "
             f"{sorted(set(early))}")
    tap.check(len(early) > 1, "hardly anybody asked before it had recovered")
    tap.check(200 not in early, "200 before it had recovered")
    appliance.kill()
    for folder in (appliance.audit, appliance.snapshots):
        shutil.rmtree(folder)
        folder.with_suffix(".kept").rename(folder)
    appliance.start()


def test_stop(appliance):
    """SIGTERM is obeyed while a long log is being followed"""
    appliance.kill()
    long_log(appliance)
    before = len(appliance.log.read_text())
    appliance.start(wait=False)
    end = time.monotonic() + 20
    # The last line before the past is read.
    while "answers: room for" not in appliance.log.read_text()[before:]:
        tap.check(time.monotonic() < end, "it does not boot")
        time.sleep(0.02)
    time.sleep(0.1)
    tap.check("recovered: " not in appliance.log.read_text()[before:], "it has recovered already")
    start = time.monotonic()
    tap.same(appliance.stop(), 0, "exit status")
    took = time.monotonic() - start
    tap.note(f"stopped in {took:.2f} s")
    tap.check(took < 1, f"it took {took:.1f} s")
    tap.check("stopped while booting" in appliance.log.read_text(), "the log does not say so")
    for folder in (appliance.audit, appliance.snapshots):
        shutil.rmtree(folder)
        folder.with_suffix(".kept").rename(folder)
    appliance.start()


def test_deadline(appliance):
    """a deadline that cannot be kept follows the table; replay follows the record"""
    caller = appliance.caller()
    tap.same(pay(caller, 1, id="in-time", deadline_us=10**7, card="tok_dl",
                 merchant=merchant("m-dl"))["decision"], "approve", "in time")
    late = pay(caller, 2, id="too-late", deadline_us=1, card="tok_dl", merchant=merchant("m-dl"))
    tap.same(late["decision"], "review", "too late")
    tap.check("deadline_rules" in [reason["code"] for reason in late["reasons"]],
              f"reasons {late['reasons']}")
    tap.same(pay(caller, 3, id="after", card="tok_dl", merchant=merchant("m-dl"))["decision"],
             "approve", "the next")
    appliance.write_config(deadline__on_missed_rules="refuse", deadline__on_missed_model="refuse")
    appliance.reload()
    status, answer = ask(caller, payments.payment(4, id="refused", deadline_us=1, card="tok_dl"))
    tap.same(status, 503, f"status ({answer})")
    tap.check(b"deadline_refused" in answer, f"answer {answer}")
    tap.same(ask(caller, payments.payment(4, id="refused", card="tok_dl")), (503, answer),
             "asked again, without a deadline")
    caller.close()
    appliance.kill()
    appliance.start()
    caller = appliance.caller()
    tap.same(ask(caller, payments.payment(4, id="refused", card="tok_dl")), (503, answer),
             "asked again after kill -9")
    caller.close()
    records = {r["transaction"]["id"]: r for r in appliance.decisions()}
    tap.check(records["too-late"]["stages_run"] != records["in-time"]["stages_run"],
              "both ran the same stages")
    tap.same([records[name]["values"]["card_count"] for name in ("in-time", "too-late", "after")],
             [1, 2, 3], "counts of the card: what is late is counted, too")
    refused = records["refused"]
    tap.same((refused["decision"], refused["reasons"][-1]["code"]), ("decline", "deadline_refused"),
             "what is recorded of the refusal")
    tap.note(json.dumps(appliance.replayed(2)))


if __name__ == "__main__":
    tap.main([test_load, test_damaged, test_half_written, test_thresholds,
              test_readiness, test_stop, test_deadline],
             lambda: Bank("recover", {"audit.reply": "durable"}, snapshots=True))
