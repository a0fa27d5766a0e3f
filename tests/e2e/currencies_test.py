#!/usr/bin/env python3
"""Payments in several currencies: what the shipped rules and features make of them.  An
amount is never added to, or compared with, one of another currency."""

import csv
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import cards
import tap
from settings import TREE

ENGINE = TREE / "config/demo/engine.cfg"


def payment(place, amount, currency, **more):
    return {"id": f"p-{place}", "time": f"2026-07-01T12:{place:02}:00Z",
            "amount": {"value": amount, "currency": currency}, "channel": "wire",
            "account": "acc-1", "payee": f"payee-{place}", **more}


def transfers(*amounts):
    return [payment(place, *amount) for place, amount in enumerate(amounts)]


def card(*amounts):
    return [{**payment(place, *amount, card="tok_1", channel="card_not_present"), "payee": "x"}
            for place, amount in enumerate(amounts)]


def run(command, payments):
    done = subprocess.run([cards.ASSAYCTL, command, "--config", ENGINE], check=False, text=True,
                          input="".join(json.dumps(one) + "\n" for one in payments),
                          capture_output=True)
    tap.same(done.returncode, 0, f"exit status of {command} ({done.stderr[-500:]})")
    return done.stdout.splitlines()


def reasons(payments):
    """The rules the last payment hit: {id: reason}."""
    answer = json.loads(run("decide", payments)[-1])
    return {rule["id"]: rule["text"] for rule in answer.get("rules", [])}


def features(payments):
    return list(csv.DictReader(run("features", payments)))


def test_structuring():
    """structuring: three transfers of one currency hit, of two currencies do not"""
    told = reasons(transfers(("9000.00", "EUR"), ("9000.00", "EUR"), ("2000.00", "EUR")))
    tap.check("3 transfers of at most 9000.00 make 20000.00 EUR" in told.get("structuring", ""),
              f"three in euros are told: {told}")
    told = reasons(transfers(("9000.00", "HUF"), ("9000.00", "HUF"), ("2000.00", "EUR")))
    tap.check("structuring" not in told, f"forints and euros are not one sum: {told}")
    told = reasons(transfers(("9000.00", "EUR"), ("9000.00", "HUF"), ("9000.00", "EUR"),
                             ("2000.00", "EUR")))
    tap.check("3 transfers of at most 9000.00 make 20000.00 EUR" in told.get("structuring", ""),
              f"a payment in forints between them hides nothing: {told}")


def test_card_testing():
    """card testing: small amounts are small in their own currency"""
    small = [("1.00", "EUR")] * 4
    told = reasons(card(*small, ("1.50", "EUR")))
    tap.check("card_testing_small" in told, f"in one currency: {told}")
    told = reasons(card(*[("1.00", "USD")] * 4, ("500.00", "HUF")))
    tap.check("card_testing_small" not in told, f"dollars say nothing of forints: {told}")


def test_features():
    """sums, means, ratios and deviations are of the payment's own currency, counts of all"""
    rows = features(card(("10.00", "EUR"), ("90000", "JPY"), ("20.00", "EUR"), ("3.000", "TND"),
                         ("60.00", "EUR")))
    last = rows[-1]
    tap.same([row["card_count_1h"] for row in rows], list("12345"), "counts")
    tap.same([float(row["card_sum_1h"]) for row in rows], [10, 90000, 30, 3, 90], "sums")
    tap.same(float(last["card_mean_30d"]), 30.0, "mean of 10, 20 and 60 EUR")
    tap.same(float(last["card_ratio_30d"]), 4.0, "60 EUR to the mean of 10 and 20 EUR")
    tap.same([row["card_ratio_30d"] for row in (rows[1], rows[3])], ["", ""],
             "a first payment in a currency has no ratio")
    tap.same(round(float(last["card_zscore_30d"]), 6), round(45 / 50 ** 0.5, 6), "deviation")


if __name__ == "__main__":
    tap.main([test_structuring, test_card_testing, test_features])
