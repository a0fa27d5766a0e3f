#!/usr/bin/env python3
"""The training recipe: its measures against their definitions, whose labels count, and
the whole way from simulated payments to a model that decides."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "tests/lib"))
sys.path.insert(0, str(TREE / "config/recipe"))

# pylint: disable=wrong-import-position
import numpy as np
import tap
import train as recipe

ASSAYCTL = pathlib.Path(os.environ.get("B") or TREE / "build").resolve() / "assayctl"
TRAIN = TREE / "config/recipe/train.py"
ENGINE = (TREE / "config/demo/engine.cfg").read_text()
COUNT = 30000


def same_within(got, expected, what):
    tap.check(abs(got - expected) < 1e-12, f"{what}: got {got!r}, expected {expected!r}")


def test_measures():
    """AUC, average precision and the daily top are what their definitions say, ties too"""
    rng = random.Random(5)
    for _ in range(200):
        size = rng.randint(2, 40)
        truth = [1, 0] + [int(rng.random() < .3) for _ in range(size - 2)]
        scores = [rng.randint(0, 6) / 8 for _ in range(size)]
        pairs = [(f > g) + (f == g) / 2 for f, a in zip(scores, truth) if a
                 for g, b in zip(scores, truth) if not b]
        precision, before = 0.0, 0
        for edge in sorted(set(scores), reverse=True):
            above = [t for t, s in zip(truth, scores) if s >= edge]
            precision += (sum(above) - before) / sum(truth) * sum(above) / len(above)
            before = sum(above)
        arrays = np.array(truth), np.array(scores)
        same_within(recipe.auc(*arrays), sum(pairs) / len(pairs), "AUC")
        same_within(recipe.average_precision(*arrays), precision, "average precision")
    days = np.array([0, 0, 0, 0, 1, 1])
    cards = np.array(["a", "a", "b", "c", "a", "b"])
    # day 0: a .9 (its fraud scored .1), b .8, c .7; day 1: b .6, a .5
    top = recipe.daily_top(np.array([0, 1, 0, 1, 1, 0]), np.array([.9, .1, .8, .7, .5, .6]), cards,
                           days, 2)
    same_within(top, (1 / 2 + 1 / 2) / 2, "top 2")


def table_of(times, labels):
    table = recipe.Table(["x"], [[t] for t in times], [str(t) for t in times],
                         [t * recipe.DAY for t in times], ["c"] * len(times))
    table.labels = [(row, known * recipe.DAY, value) for row, known, value in labels]
    return table


def test_late_labels():
    """a label counts once it is known, the latest of them; the last days are left out"""
    table = table_of(range(20), [(1, 3, 1), (2, 11, 1), (3, 5, 1), (3, 8, 0), (4, 6, 1), (4, 12, -1)])
    tap.same(table.labels_at(10 * recipe.DAY)[:6].tolist(), [-1, 1, -1, 0, 1, -1], "known on day 10")
    tap.same(table.labels_at(12 * recipe.DAY)[:6].tolist(), [-1, 1, 1, 0, -1, -1], "known on day 12")
    _, facts = recipe.train(table, 0, 10 * recipe.DAY, 3 * recipe.DAY, trees=1)
    tap.same((facts["rows"], facts["frauds"], facts["unlabelled"]), (7, 2, 4), "rows, frauds, unlabelled")


def tool(arguments, folder, stdin=None):
    done = subprocess.run([str(word) for word in arguments], cwd=folder, input=stdin,
                          capture_output=True, text=True, check=False)
    tap.same(done.returncode, 0, f"{arguments[0]} {arguments[1]} ({done.stderr[-500:]})")
    return done.stdout


def write_config(folder, model):
    text = ENGINE.replace('"../rules/', f'"{TREE}/config/rules/')
    (folder / "engine.cfg").write_text(text.replace('model: { file = "model.ubj"; };', model))


def export(folder):
    """Simulated payments and labels through the engine: the audit export of it."""
    write_config(folder, "")
    payments = tool([TREE / "config/demo/simulate.py", "--count", COUNT, "--seed", 77, "--feedback",
                     "--labels", "truth.jsonl"], folder)
    (folder / "payments.jsonl").write_text(
        "".join(line + "\n" for line in payments.splitlines() if not line.startswith('{"labels"')))
    (folder / "audit").mkdir()
    tool([ASSAYCTL, "decide", "--config", "engine.cfg", "--audit", "audit"], folder, payments)
    (folder / "export.jsonl").write_text(
        tool([ASSAYCTL, "audit", "cat", "--config", "engine.cfg", "audit"], folder))
    return payments


def test_whole_way():
    """simulated payments, audit log, training, and the model decides; the same bytes again"""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        payments = export(folder)
        command = [TRAIN, "--audit", "export.jsonl", "--until", "2026-03-16", "--late", "6d",
                   "--trees", 40, "--out"]
        tap.note(tool([*command, "model.ubj"], folder))
        tool([*command, "again.ubj"], folder)
        tap.check((folder / "model.ubj").read_bytes() == (folder / "again.ubj").read_bytes(),
                  "trained twice, the models differ")
        card = json.loads((folder / "model.json").read_text())
        tap.check(card["test"]["auc"] > .95 and card["test"]["average_precision"] > .7, str(card["test"]))
        named = tool([ASSAYCTL, "score", "--info", "model.ubj"], folder)
        tap.check(card["digest"] in named, f"digest {card['digest']} is not that of {named[:200]}")
        tap.same([line.strip() for line in named.splitlines() if line.startswith("  ")],
                 card["features"], "names in the model")
        write_config(folder, f'model: {{ file = "model.ubj"; digest = "{card["digest"]}"; }};')
        answers = tool([ASSAYCTL, "decide", "--config", "engine.cfg"], folder, payments).splitlines()
        tap.same(len(answers), COUNT, "answers")
        same_scores(folder, answers)


def same_scores(folder, answers):
    """What xgboost says of the recorded features is what the engine answered."""
    import xgboost
    with open(folder / "export.jsonl", encoding="utf-8") as file:
        table = recipe.read_audit(file)
    scores = xgboost.Booster(model_file=folder / "model.ubj").predict(
        xgboost.DMatrix(table.rows, feature_names=table.names))
    got = np.array([json.loads(line)["score"] for line in answers], np.float32)
    worst = float(np.abs(got - scores).max())
    tap.note(f"{len(got)} scores of the engine and of xgboost differ by at most {worst:.2g}")
    tap.check(worst < 1e-6, f"scores differ by {worst}")


def test_transactions():
    """from payments and a file of labels: the same features as the log's, bit for bit"""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        write_config(folder, "")
        payments = tool([TREE / "config/demo/simulate.py", "--count", 3000, "--labels", "truth.jsonl"],
                        folder)
        (folder / "payments.jsonl").write_text(payments)
        (folder / "audit").mkdir()
        tool([ASSAYCTL, "decide", "--config", "engine.cfg", "--audit", "audit"], folder, payments)
        log = tool([ASSAYCTL, "audit", "cat", "--config", "engine.cfg", "audit"], folder)
        recorded = recipe.read_audit(log.splitlines())
        computed = recipe.compute_features(ASSAYCTL, folder / "engine.cfg", str(folder / "payments.jsonl"))
        tap.check(computed.histories.endswith(recipe.NOTHING_LOST), computed.histories)
        tap.same(computed.names, recorded.names, "names")
        tap.same(computed.ids, recorded.ids, "ids")
        tap.same(computed.cards, recorded.cards, "cards or accounts")
        tap.check((computed.times == recorded.times).all(), "times differ")
        tap.check(np.array_equal(computed.rows, recorded.rows, equal_nan=True), "features differ")
        tap.note(tool([TRAIN, "--transactions", "payments.jsonl", "--config", "engine.cfg", "--labels",
                       "truth.jsonl", "--late", "6h", "--trees", 5, "--assayctl", ASSAYCTL, "--out",
                       "model.ubj"], folder))


HEAD = "id,time,card,account,x\n"
ROW = "a,2026-03-02T10:00:00Z,c,,1\n"
# name, files, arguments, what it says
REFUSALS = [
    ("nothing to read", {}, ["--features", "none.csv"], "none.csv: No such file or directory"),
    ("a table without keys", {"f": "id,x\na,1\n"}, ["--features", "f"], "assayctl features --keys"),
    ("a table without rows", {"f": HEAD}, ["--features", "f"], "f: no payment in it"),
    ("a feature in words", {"f": HEAD + "a,2026-03-02T10:00:00Z,c,,many\n"}, ["--features", "f"],
     "a feature is no number"),
    ("no labels", {"f": HEAD + ROW}, ["--features", "f"], "no label anywhere"),
    ("labels of others", {"f": HEAD + ROW, "l.csv": "id,fraud\nb,1\n"},
     ["--features", "f", "--labels", "l.csv"], "no label in it is of one of these 1 payments"),
    ("labels without their column", {"f": HEAD + ROW, "l.csv": "id,what\na,1\n"},
     ["--features", "f", "--labels", "l.csv"], "its columns have to be id and fraud"),
    ("a label in other words", {"f": HEAD + ROW, "l.csv": "id,fraud\na,maybe\n"},
     ["--features", "f", "--labels", "l.csv"], "label 1 is 'maybe'; allowed: 1, 0, fraud"),
    ("no fraud known", {"f": HEAD + ROW, "l.csv": "id,fraud\na,0\n"},
     ["--features", "f", "--labels", "l.csv"], "nothing can be learnt"),
    ("a feature that is not there", {"f": HEAD + ROW, "l.csv": "id,fraud\na,0\n"},
     ["--features", "f", "--labels", "l.csv", "--only", "y"], "no feature is called y; there are: x"),
    ("no record", {"f": "{}\n"}, ["--audit", "f"], "line 1 is no record"),
    ("no date", {"f": HEAD + ROW, "l.csv": "id,fraud\na,0\n"},
     ["--features", "f", "--labels", "l.csv", "--until", "soon"], "'soon' is not a time"),
    ("transactions alone", {"f": ROW}, ["--transactions", "f"], "--transactions needs --config"),
]


def test_refusals():
    """what is wrong is told in words"""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for name, files, arguments, words in REFUSALS:
            for file, text in files.items():
                (pathlib.Path(folder) / file).write_text(text)
            done = subprocess.run([TRAIN, *arguments, "--out", "m.ubj"], cwd=folder, text=True,
                                  capture_output=True, check=False)
            tap.check(done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr,
                      f"{name}: status {done.returncode}, {done.stderr[-300:]}")


if __name__ == "__main__":
    tap.main([test_measures, test_late_labels, test_whole_way, test_transactions, test_refusals])
