#!/usr/bin/env python3
"""Deciders on threads of their own: payments, batches, labels, list edits and reloads at
once, and the log of it decides again to the same bytes on one core and on four."""

import json
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

SEED = tap.times("SEED", 20261125)
REQUESTS = tap.times("REQUESTS", 400)  # of each of two callers
ENTITIES = [
    {"name": "card", "key": ["card"]},
    {"name": "card_currency", "key": ["card", "currency"]},
    {"name": "merchant", "key": ["merchant"]},
    {"name": "account", "key": ["account"], "decisions": True},
    {"name": "payee_in", "key": ["payee", "currency"], "read": ["account", "currency"]},
]
COMPUTED = [
    {"name": "card_count_1h", "kind": "count", "entity": "card", "window": "1h"},
    {"name": "card_sum_1d", "kind": "sum", "entity": "card_currency", "window": "1d"},
    {"name": "card_distinct_merchant_1d", "kind": "distinct", "of": "merchant", "entity": "card",
     "window": "1d"},
    {"name": "merchant_frauds_1d", "kind": "frauds", "entity": "merchant", "window": "1d"},
    {"name": "account_declines_1d", "kind": "declines", "entity": "account", "window": "1d"},
    {"name": "payee_in_sum_1d", "kind": "sum", "entity": "payee_in", "window": "1d"},
]
RULES = """
list blocked of merchant room 64 { }
rule blocked_merchant { when merchant in blocked; then decline; severity high;
    reason "merchant {merchant} is blocked"; }
rule busy_card { when card_count_1h > %d; then review; severity low;
    reason "{card_count_1h} payments within the hour"; }
rule fraud_seen { when merchant_frauds_1d > 0; then review; severity high;
    reason "{merchant_frauds_1d} frauds at this merchant today"; }
rule declined_before { when account_declines_1d > 2; then review; severity low;
    reason "{account_declines_1d} declines before"; }
"""


class Decided(Appliance):
    """Two deciders beside the net core; both on the processor that the rest uses."""

    def __init__(self):
        super().__init__("deciders", model=False, settings={
            "cores.decide": [0, 0], "entities": ENTITIES, "computed": COMPUTED,
            "audit.reply": "queued", "rules.file": "bank.rules",
            "decision.on_model_missing": "approve", "decision.accept_silent_approval": True})

    def write_config(self, **changed):
        self.write_rules(4)
        super().write_config(**changed)

    def write_rules(self, busy):
        (self.directory / "bank.rules").write_text(RULES % busy)


def payment(chance, number):
    return payments.payment(number, id=f"d-{number}", card=f"tok_{chance.randrange(20)}",
                            account=f"acc_{chance.randrange(10)}",
                            payee=f"acc_{chance.randrange(10)}",
                            merchant={"id": f"m-{chance.randrange(15)}", "category": "5411",
                                      "country": "DE"})


def work(appliance, first, errors):
    chance = random.Random(SEED + first)
    caller = appliance.caller()
    number = first
    try:
        for turn in range(REQUESTS):
            count = chance.choice((1, 1, 1, 7, 30))
            batch = [payment(chance, number + i) for i in range(count)]
            number += count
            body = batch[0] if count == 1 else {"transactions": batch}
            status, answer = caller.post("/v1/decisions", body)
            tap.same(status, 200, f"status of {answer}")
            if turn % 5 == 0:
                status, answer = caller.post("/v1/labels", {"labels": [
                    {"id": f"d-{number - 1}", "label": "fraud"},
                    {"id": "d-nobody", "label": "genuine"}]})
                tap.same((status, [row["outcome"] for row in answer["labels"]]),
                         (200, ["applied", "unknown"]), f"labels {answer}")
            if turn % 9 == 0:
                edit = {"list": "blocked", "value": f"m-{chance.randrange(15)}"}
                if chance.random() < .5:
                    edit["remove"] = True
                tap.same(caller.post("/v1/lists", edit)[0], 200, "status of an edit")
    except Exception as error:  # pylint: disable=broad-except
        errors.append(error)
    caller.close()


def test_at_once(appliance):
    """two callers, reloads of the rules meanwhile, and no request fails"""
    errors = []
    threads = [threading.Thread(target=work, args=(appliance, first, errors))
               for first in (0, 1000000)]
    for thread in threads:
        thread.start()
    for busy in range(5, 10):
        appliance.write_rules(busy)
        appliance.reload()
    for thread in threads:
        thread.join()
    tap.same(errors[:2], [], "errors")
    records = appliance.audit_records()
    kinds = {kind: sum(record["kind"] == kind for record in records)
             for kind in ("decision", "label", "list", "config")}
    tap.note(kinds)
    tap.check(min(kinds.values()) >= 5, "hardly anything happened")
    rules = {rule["id"] for record in records for rule in record.get("rules", [])}
    tap.check(len(rules) >= 3, f"only these rules hit: {rules}")


def test_replay(appliance):
    """the log decides again to the same bytes"""
    tap.same(appliance.stop(), 0, "exit status")
    for cores in (1, 4):
        tap.note(appliance.replayed(cores))


if __name__ == "__main__":
    tap.main([test_at_once, test_replay], Decided)
