#!/usr/bin/env python3
"""assayctl features against golden values: the published features of the card data's
first week, and small cases by hand (tests/golden/features/README.md)."""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import cards
import tap
from settings import TREE

GOLDEN = TREE / "tests/golden/features"
RELATIVE = 1e-9


def features(config, given, *options):
    done = subprocess.run([cards.ASSAYCTL, "features", "--config", config, *options], stdin=given,
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def small(name, ending, *options):
    with open(GOLDEN / f"{name}.{ending}", encoding="utf-8") as given:
        status, out, told = features(GOLDEN / f"{name}.cfg", given, *options)
    tap.same(status, 0, f"exit status ({told})")
    tap.same(out.splitlines(), (GOLDEN / f"{name}.expected.csv").read_text().splitlines(),
             f"features of {name}")


def test_small():
    """a dozen payments by hand: ties, one out of order, one too late, late labels"""
    for cores in ("1", "3"):
        small("small", "jsonl", "--cores", cores)


def test_quoted():
    """CSV cells with quotes and commas, a column that is not read, labels"""
    small("quoted", "csv", "--csv")


def test_unsorted():
    """rows in no order of time are told of; sorted, nothing is"""
    with open(GOLDEN / "small.jsonl", encoding="utf-8") as given:
        lines = [line for line in given if "time" in json.loads(line)]
    for order, told in ((sorted(lines, key=lambda line: json.loads(line)["time"]), False),
                        (sorted(lines, key=lambda line: json.loads(line)["time"], reverse=True), True)):
        with tempfile.TemporaryFile("w+") as given:
            given.writelines(order)
            given.seek(0)
            status, _, words = features(GOLDEN / "small.cfg", given)
        tap.same((status, "sort the input by time" in words), (0, told), f"status, told ({words})")


def test_parties():
    """entities by a party's IBAN, by two agents, by an identifier of any scheme"""
    small("parties", "csv", "--csv")


def test_unfiled():
    """a label of a payment too late to be filed is lost, on any number of cores"""
    for cores in ("1", "3"):
        small("unfiled", "jsonl", "--cores", cores)
    with open(GOLDEN / "unfiled.jsonl", encoding="utf-8") as given:
        _, _, told = features(GOLDEN / "unfiled.cfg", given, "--verbose")
    tap.check("1 late, 1 labels lost" in told, f"counted: {told}")


def mismatches(config):
    """(rows, mismatched values) of the first week against the published features."""
    with cards.week() as given:
        status, out, told = features(config, given, "--csv")
    tap.same(status, 0, f"exit status ({told[-500:]})")
    mine = {row["id"]: row for row in csv.DictReader(out.splitlines())}
    rows, wrong = 0, []
    for row in cards.reference():
        rows += 1
        for theirs, ours in cards.NAMES.items():
            expected, text = float(row[theirs]), mine[row["TRANSACTION_ID"]][ours]
            exact = not ("mean" in ours or "risk" in ours)
            near = 0 if exact else RELATIVE * abs(expected)
            if text == "" or abs(float(text) - expected) > near:
                wrong.append((row["TRANSACTION_ID"], ours, text, expected))
    return rows, wrong


def test_week():
    """the card data's first week: 14 features of 66,976 rows, not one differs"""
    cards.need()
    rows, wrong = mismatches(cards.CONFIG)
    tap.note(f"{rows} rows, {len(cards.NAMES)} features, {len(wrong)} mismatches")
    tap.same(wrong[:5], [], "mismatches (id, feature, ours, expected)")
    tap.same(rows, cards.WEEK_ROWS, "rows")


def test_control():
    """control: a delay of 6 days, or a window of 23 hours, does not pass"""
    cards.need()
    text = cards.CONFIG.read_text()
    for name, old, new in (("delay", 'delay = "7d"', 'delay = "6d"'),
                           ("window", '"customer"; window = "1d"', '"customer"; window = "23h"')):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "cards.cfg"
            config.write_text(text.replace(old, new))
            _, wrong = mismatches(config)
        tap.note(f"{name}: {len(wrong)} mismatches")
        tap.check(len(wrong) > 100, f"another {name} gives {len(wrong)} mismatches")


if __name__ == "__main__":
    tap.main([test_small, test_quoted, test_unsorted, test_parties, test_unfiled, test_week,
              test_control])
