#!/usr/bin/env python3
"""A label of a payment that came too late to be filed is lost, though its card's history
has merged the hours it is dated in: also after a restart from a snapshot and the log
behind it, from the log alone, with deciders beside the net core, and in a replay.  And
what an entity may take, as the boot table says."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from bank import Bank, pay

ENTITIES = [{"name": "card", "key": ["card", "currency"], "history": 4},
            {"name": "account", "key": ["account"], "history": 4, "decisions": True}]
COMPUTED = [{"name": "count", "kind": "count", "entity": "card", "window": "7d"},
            {"name": "frauds", "kind": "frauds", "entity": "card", "window": "7d"},
            {"name": "declines", "kind": "declines", "entity": "account", "window": "7d"}]
RULES = """\
rule refused { when merchant == "m-bad"; then decline; reason "bad"; }
"""
BAD = {"id": "m-bad", "category": "5411", "country": "DE"}
MEMORY_MIB = 16


def hour(number, minute=0):
    return f"2026-07-01T{number:02}:{minute:02}:00Z"


def of_account(number, when, **more):
    return {"id": f"u-{number}", "card": "tok_u", "account": "acc_u", "time": when, **more}


def label(caller, name):
    status, _, answer = caller.request("POST", "/v1/labels", json.dumps(
        {"labels": [{"id": name, "label": "fraud"}]}))
    tap.same((status, json.loads(answer)["labels"][0]["outcome"]), (200, "applied"), name)


def last(appliance):
    values = appliance.decisions()[-1]["values"]
    return {name: values[name] for name in ("count", "frauds", "declines")}


def test_table(appliance):
    """the boot table: what one entity takes, and how many fit"""
    pattern = re.compile(r"(histories|verdicts): one (\w+) takes (\d+) to (\d+) bytes; "
                         r"(\d+) fit with the least, (\d+) with the most")
    rows = {found[2]: found for found in pattern.finditer(appliance.log.read_text())}
    tap.same({name: found[1] for name, found in rows.items()},
             {"card": "histories", "account": "verdicts"}, "rows")
    for found in rows.values():
        least, most, many, few = (int(found[at]) for at in (3, 4, 5, 6))
        tap.check(64 <= least <= most and many >= few > 0, found[0])
        share = (MEMORY_MIB << 20) // 8 * (1 if found[1] == "verdicts" else 7)
        tap.check(least * many <= share and share * 0.25 < most * few <= share,
                  f"{found[0]} in {share} bytes")


def test_late(appliance):
    """labels and a decline of a payment too late, after kill -9, are no one else's"""
    caller = appliance.caller()
    for number in range(12):
        pay(caller, number, **of_account(number, hour(1 + number)))
    tap.same(pay(caller, 20, **of_account("late", hour(3, 30), merchant=BAD))["decision"],
             "decline", "the late one")
    pay(caller, 21, **of_account("late-2", hour(4, 30)))
    caller.close()
    appliance.wait_snapshot()
    appliance.kill()
    appliance.start()
    tap.check("snapshot of record" in appliance.log.read_text(), "no snapshot was used")
    caller = appliance.caller()
    label(caller, "u-late")
    pay(caller, 12, **of_account(12, hour(13)))
    tap.same(last(appliance), {"count": 13, "frauds": 0, "declines": 0}, "after a snapshot")
    label(caller, "u-1")
    caller.close()
    appliance.kill()
    for snapshot in appliance.snapshots.glob("*.snap"):
        snapshot.unlink()
    appliance.write_config(cores__decide=[0, 0])
    appliance.start()
    caller = appliance.caller()
    label(caller, "u-late-2")
    pay(caller, 13, **of_account(13, hour(14)))
    tap.same(last(appliance), {"count": 14, "frauds": 1, "declines": 0}, "from the log")
    caller.close()
    tap.same(appliance.stop(), 0, "exit status")
    for cores in (1, 3):
        tap.note(json.dumps(appliance.replayed(cores)))


if __name__ == "__main__":
    tap.main([test_table, test_late],
             lambda: Bank("unfiled", {"entities": ENTITIES, "computed": COMPUTED,
                                      "state.memory_mib": MEMORY_MIB,
                                      "state.lateness_seconds": 3600,
                                      "audit.reply": "durable"},
                          rules=RULES, snapshots=True))
