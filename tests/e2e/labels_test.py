#!/usr/bin/env python3
"""POST /v1/labels: what became of payments, who may tell, and what later payments see."""

import json
import pathlib
import re
import shutil
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import forge
import tap
from bank import Bank, merchant, pay


def label(appliance, body, name="client"):
    caller = appliance.caller(name)
    status, answer = caller.post("/v1/labels", body)
    caller.close()
    return status, answer


def outcomes(appliance, *labels):
    status, answer = label(appliance, {"labels": [{"id": name, "label": kind}
                                                  for name, kind in labels]})
    tap.same(status, 200, f"status ({answer})")
    tap.same([row["id"] for row in answer["labels"]], [name for name, _ in labels], "ids")
    return [row["outcome"] for row in answer["labels"]]


def frauds(appliance, number, shop, time):
    """How many frauds a payment at that shop sees, in its record and in its reasons."""
    caller = appliance.caller()
    answer = pay(caller, number, merchant=merchant(shop), time=time, card=f"tok_l{number}")
    caller.close()
    record = next(r for r in appliance.decisions() if r["sequence"] == answer["audit"]["sequence"])
    seen = record["values"]["merchant_frauds"]
    told = [rule["text"] for rule in answer["rules"] if rule["id"] == "told"]
    tap.same(told, [f"{int(seen)} frauds at {shop}"] if seen else [], "rules that hit")
    return seen


def test_outcomes(appliance):
    """applied, unchanged, changed and unknown; a review's outcome is another fact"""
    caller = appliance.caller()
    for number in range(3):
        pay(caller, number, merchant=merchant("m-out"))
    caller.close()
    tap.same(outcomes(appliance, ("p-0", "fraud"), ("p-0", "fraud"), ("p-0", "genuine"),
                      ("nobody", "fraud"), ("p-1", "released"), ("p-1", "rejected"),
                      ("p-1", "fraud"), ("p-1", "none"), ("p-1", "fraud")),
             ["applied", "unchanged", "changed", "unknown", "applied", "changed", "applied",
              "changed", "applied"], "outcomes")
    status, answer = label(appliance, {"id": "p-2", "label": "genuine"})
    tap.same((status, answer), (200, {"labels": [{"id": "p-2", "outcome": "applied"}]}), "one alone")


def test_delayed(appliance):
    """a label changes what later payments see, once its delay is over"""
    caller = appliance.caller()
    for number in range(10, 13):
        pay(caller, number, merchant=merchant("m-del"), time="2026-07-01T12:00:00Z")
    caller.close()
    outcomes(appliance, ("p-10", "fraud"), ("p-11", "fraud"))
    tap.same(frauds(appliance, 13, "m-del", "2026-07-02T11:59:59Z"), 0, "frauds within the delay")
    tap.same(frauds(appliance, 14, "m-del", "2026-07-02T12:00:00Z"), 2, "frauds after it")
    outcomes(appliance, ("p-11", "genuine"))
    tap.same(frauds(appliance, 15, "m-del", "2026-07-02T12:00:00Z"), 1, "after a contradiction")
    outcomes(appliance, ("p-12", "fraud"), ("p-10", "none"), ("p-12", "fraud"))
    tap.same(frauds(appliance, 16, "m-del", "2026-07-03T12:00:00Z"), 1, "after one was taken back")
    tap.same(frauds(appliance, 17, "m-del", "2026-07-31T12:00:00Z"), 1, "at the end of the window")
    tap.same(frauds(appliance, 18, "m-del", "2026-08-01T12:00:00Z"), 0, "after the window")


def test_refused(appliance):
    """who may not is refused, and so is a body with a fault; nothing of it is done"""
    before = len(appliance.audit_records())
    status, answer = label(appliance, {"id": "p-0", "label": "fraud"}, "client2")
    tap.same((status, answer["type"]), (403, "urn:assay:problem:http_forbidden"), "status, type")
    for body, place in (({"labels": [{"id": "p-0", "label": "fraud"}, {"id": "p-1", "label": "bad"}]},
                         "/labels/1/label"), ({"id": "p-0"}, "/label"), ({"labels": []}, "/labels"),
                        ({"id": "p-0", "label": "fraud", "why": 1}, "/why")):
        status, answer = label(appliance, body)
        tap.same((status, answer.get("place")), (422, place), f"status and place of {body}")
    tap.same(len(appliance.audit_records()), before, "records")


def test_other_caller(appliance):
    """a label of another caller's payment names that caller"""
    caller = appliance.caller("client2")
    pay(caller, 30, merchant=merchant("m-other"))
    caller.close()
    tap.same(outcomes(appliance, ("p-30", "fraud")), ["unknown"], "without the caller")
    status, answer = label(appliance, {"id": "p-30", "label": "fraud",
                                       "caller": "urn:assay:demo:client2"})
    tap.same((status, answer["labels"][0]["outcome"]), (200, "applied"), "with it")
    tap.same(frauds(appliance, 31, "m-other", "2026-07-05T12:00:00Z"), 1, "frauds")


def test_recorded(appliance):
    """labels are in the log, in order, and point at what they label"""
    records = appliance.audit_records()
    orders = {r["transaction"]["id"]: r["order"] for r in records if r["kind"] == "decision"}
    labels = [r for r in records if r["kind"] == "label"]
    tap.check(len(labels) >= 15, f"{len(labels)} labels")
    for record in labels:
        name, unknown = record["label"]["id"], record["outcome"] == "unknown"
        tap.same(record["labelled_order"], 0 if unknown else orders[name], f"order of {name}")
    order = [r["order"] for r in records if r["kind"] in ("decision", "label", "list")]
    tap.same(order, list(range(1, len(order) + 1)), "order")


def test_killed(appliance):
    """labels survive kill -9, from the log and from a snapshot, and replay sees them"""
    appliance.kill()
    appliance.start()
    tap.same(frauds(appliance, 40, "m-other", "2026-07-05T12:00:00Z"), 1, "frauds after kill -9")
    tap.same(outcomes(appliance, ("p-30", "fraud")), ["unknown"], "another caller's")
    tap.same(outcomes(appliance, ("p-0", "genuine")), ["unchanged"], "what was told before")
    appliance.stop()
    appliance.ctl("snapshot", "--config", appliance.config_file)
    appliance.start()
    tap.check("snapshot of record" in appliance.log.read_text(), "no snapshot was used")
    tap.same(frauds(appliance, 41, "m-other", "2026-07-05T12:00:00Z"), 1, "frauds from a snapshot")
    tap.same(outcomes(appliance, ("p-40", "fraud"), ("p-0", "genuine")), ["applied", "unchanged"],
             "labels after a snapshot")
    tap.note(json.dumps(appliance.replayed(2)))


def forged(appliance, what, sequence, change, word):
    """A log with one record altered and chained anew: replay has to find that record."""
    copy = appliance.directory / "forged"
    shutil.copytree(appliance.audit, copy)
    forge.alter(copy, sequence, change)
    appliance.ctl("audit", "verify", copy)
    done = appliance.ctl("replay", copy, check=False)
    shutil.rmtree(copy)
    tap.same(done.returncode, 1, f"exit status of replay of {what} ({done.stdout}{done.stderr})")
    tap.same(re.search(r"different +(\d+)", done.stdout)[1], "1", f"records that differ: {what}")
    for words in (f"record {sequence}, ", word):
        tap.check(words in done.stdout, f"{what}: replay does not say '{words}': {done.stdout}")


def test_forged(appliance):
    """control: what a label or an edit did and whom a repeat repeats is decided again, too"""
    caller = appliance.caller()
    pay(caller, 40, merchant=merchant("m-other"), time="2026-07-05T12:00:00Z", card="tok_l40")
    tap.same(caller.request("POST", "/v1/lists", json.dumps({"list": "trusted", "value": "v"}))[0], 200,
             "status of an edit")
    caller.close()
    appliance.stop()
    records = appliance.audit_records()
    unknown = next(r["sequence"] for r in records if r["kind"] == "label" and r["outcome"] == "unknown")
    known = next(r["sequence"] for r in records if r["kind"] == "label" and r["outcome"] == "applied")
    edit = next(r["sequence"] for r in records if r["kind"] == "list" and r["outcome"] == "done")
    repeat = next(r["sequence"] for r in records if r["kind"] == "repeat")
    forged(appliance, "an outcome", unknown, lambda part: part[:-9] + b"\0" + part[-8:], "outcome")
    forged(appliance, "an order", known, lambda part: part[:-8] + struct.pack("<Q", 2),
           "labelled_order")
    forged(appliance, "an edit", edit, lambda part: part[:-2] + b"\x0c\0list_unknown", "outcome")
    forged(appliance, "a repeat", repeat, lambda part: part[:-8] + struct.pack("<Q", 2),
           "first_sequence")


if __name__ == "__main__":
    tap.main([test_outcomes, test_delayed, test_refused, test_other_caller, test_recorded,
              test_killed, test_forged], lambda: Bank("labels", snapshots=True))
