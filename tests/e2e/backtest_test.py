#!/usr/bin/env python3
"""assayctl backtest: how other thresholds, rules or features would have decided, counted a
second time from the log itself."""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import cards
import tap

ROWS = tap.times("ROWS", 60000)
VERDICTS = ("approve", "review", "decline")


class Log(cards.Study):
    """A log, and what its records say."""

    def __init__(self):
        super().__init__("backtest", ROWS)

    def __enter__(self):
        super().__enter__()
        self.decide("log", self.stream("payments.jsonl"))
        text = cards.run("audit", "cat", self.path("log"))
        self.records = [record for record in map(json.loads, text.splitlines())
                        if record["kind"] == "decision"]
        return self

    def test(self, config, *options):
        found = json.loads(cards.run("backtest", "--config", config, "--json", *options,
                                     self.path("log")))
        moved = {(row["then"], row["now"]): row["count"] for row in found["moved"]}
        return moved, {row["id"]: (row["then"], row["now"]) for row in found["rules"]}, found["scores"]


def counts(pairs):
    """Every pair of verdicts, how often."""
    table = {(then, now): 0 for then in VERDICTS for now in VERDICTS}
    for pair in pairs:
        table[pair] += 1
    return table


def by_score(score, review, decline):
    return "decline" if score >= decline else "review" if score >= review else "approve"


def strictest(*verdicts):
    return max(verdicts, key=VERDICTS.index)


def decided(record, review, decline):
    """The verdict with other thresholds, where no rule looks at the score."""
    asked = [rule["verdict"] for rule in record["rules"] if rule["id"] != "trusted_card"]
    ids = {rule["id"] for rule in record["rules"]}
    if "trusted_card" in ids and "blocked_terminal" not in ids:
        return "approve"
    return strictest(by_score(record["score"], review, decline), *asked)


def test_same(log):
    """the config it was decided with moves nothing"""
    for cores in ("1", "3"):
        moved, rules, scores = log.test(log.config, "--cores", cores)
        tap.same(moved, counts((r["decision"], r["decision"]) for r in log.records), "moved")
        tap.same([name for name, (then, now) in rules.items() if then != now], [], "rules that moved")
        tap.same((scores["same"], scores["count"]), (ROWS, ROWS), "scores")


def test_thresholds(log):
    """stricter and laxer thresholds move as many as the scores in the log say"""
    for review, decline in ((0.05, 0.3), (0.9, 0.99)):
        config = log.write_config("other.cfg", review=review, decline=decline)
        moved, _, _ = log.test(config)
        expected = counts((r["decision"], decided(r, review, decline)) for r in log.records)
        tap.note(f"review {review}, decline {decline}: " +
                 ", ".join(f"{then} to {now} {n}" for (then, now), n in moved.items() if then != now))
        tap.same(moved, expected, "moved")
        tap.check(any(n for (then, now), n in moved.items() if then != now), "nothing moved")


def test_rules(log):
    """another limit in a rule hits as often as the amounts in the log say"""
    rules = log.path("other.rules")
    rules.write_text(cards.RULES.read_text().replace("amount > 220", "amount > 150"))
    _, hits, _ = log.test(log.write_config("other.cfg", rules=rules))
    large = [sum(float(r["transaction"]["amount"]) > limit for r in log.records) for limit in (220, 150)]
    tap.note(f"'large' hit {large[0]} times, with a limit of 150 {large[1]} times")
    tap.same(hits["large"], tuple(large), "hits of the rule, then and now")


def test_table(log):
    """the table tells the same numbers, with examples that did move"""
    config = log.write_config("other.cfg", review=0.05, decline=0.3)
    moved, _, _ = log.test(config)
    text = cards.run("backtest", "--config", config, log.path("log"))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[2:5]}
    tap.same(rows, {then: [str(moved[then, now]) for now in VERDICTS] for then in VERDICTS}, "table")
    examples = [line.split() for line in text.splitlines() if " -> " in line]
    tap.check(examples, f"no examples: {text}")
    found = json.loads(cards.run("backtest", "--config", config, "--json", log.path("log")))
    tap.same([[row["then"], "->", row["now"], name] for row in found["moved"]
              if row["then"] != row["now"] for name in row["examples"]], examples, "examples as JSON")
    tap.same(found["hits_of_further_rules"], 0, "hits of rules beyond the table")
    by_id = {r["transaction"]["id"]: r for r in log.records}
    for then, _, now, name in examples:
        tap.same((by_id[name]["decision"], decided(by_id[name], 0.05, 0.3)), (then, now), name)


def test_refused(log):
    """what cannot be done is said, and the log is left as it was"""
    before = cards.digest(log.path("log"))
    bad = log.write_config("bad.cfg", review=0.9, decline=0.3)
    for words, what in ((("--config", bad, log.path("log")), "threshold"),
                        (("--config", log.config, log.path("nothing")), "nothing"),
                        ((log.path("log"),), "--config")):
        done = subprocess.run([cards.ASSAYCTL, "backtest", *words], capture_output=True, text=True,
                              check=False)
        tap.same(done.returncode, 2, f"exit status of {words}")
        tap.check(what in done.stderr, f"it says: {done.stderr[-300:]}")
    tap.same(cards.digest(log.path("log")), before, "digest")


if __name__ == "__main__":
    cards.need_all()
    tap.main([test_same, test_thresholds, test_rules, test_table, test_refused], Log)
