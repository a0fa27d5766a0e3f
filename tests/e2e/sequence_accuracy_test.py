#!/usr/bin/env python3
"""What a model of the last payments adds to the trees: three months of simulated card payments.

Trained is as accuracy_test.py does, on April and May without their last week, by the two recipes of
config/recipe with the features of cards.cfg; June is scored, by the trees, by a GRU over each card's
last seven payments, and by both: their logits weighted as a logistic regression over the last week
of May says, on which neither was trained.  The GRU's scores are the engine's
(assayctl score; in the long form, deciding the stream), and onnxruntime's within a bound.

By default one card in OF = 8 takes part, for the time it takes (features are those of the whole
stream), and the daily top 100 is of so many cards fewer; OF=1 is the long form, whose table is in
config/recipe/README.md.
"""

import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "tests/lib"))
sys.path.insert(0, str(TREE / "config/recipe"))

# pylint: disable=wrong-import-position
import cards
import tap

CONFIG = TREE / "config/recipe/cards.cfg"
FROM, UNTIL = "2018-04-01", "2018-06-01"
OF = tap.times("OF", 8)
TOP = 100 // OF
# What the long form has to reach, and the short one: AUC, average precision, share of fraud among the
# top of a day.  Measured, less what another machine's torch may make of the same seed.
LEAST = {1: {"trees": (.904, .800, .592), "sequence": (.908, .775, .580), "both": (.904, .803, .592)},
         8: {"trees": (.925, .825, .67), "sequence": (.910, .760, .62), "both": (.920, .820, .66)}}
PARITY_BOUND = 1e-5


def mine(card):
    return int(card) % OF == 0


class Study:
    """The stream as a file, the features of the cards that take part, and both models."""

    def __enter__(self):
        cards.need_all()
        self.folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.raw = self.folder / "raw.csv"
        with gzip.open(cards.RAW) as packed, open(self.raw, "wb") as out:
            shutil.copyfileobj(packed, out)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def read(self, recipe):
        with open(self.raw, encoding="utf-8") as file, subprocess.Popen(
                [cards.ASSAYCTL, "features", "--keys", "--csv", "--config", CONFIG], stdin=file,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            head = next(child.stdout)
            rows = (line for line in child.stdout if mine(line.split(",", 3)[2]))
            table = recipe.read_features(iter([head, *rows]))
        tap.same(child.returncode, 0, "exit status of assayctl features")
        recipe.read_labels(table, str(self.raw), recipe.columns_of(CONFIG.read_text()), 7 * recipe.DAY)
        return table

    def decide(self, model, steps):
        """id -> score of the engine over the whole stream; None: it can't read the file."""
        info = subprocess.run([cards.ASSAYCTL, "score", "--info", model], capture_output=True, text=True,
                              check=False)
        if info.returncode:
            tap.note(f"the engine does not read the file: {info.stderr.strip()}")
            return None
        config = self.folder / "sequence.cfg"
        config.write_text(CONFIG.read_text() + f'model: {{ file = "{model}"; }};\n'
                          f'history: {{ steps = {steps}; missing_step = "nan"; }};\n')
        scores, pattern = {}, re.compile(r'"id":"([^"]*)".*?"score":([0-9.e+-]+)')
        with open(self.raw, encoding="utf-8") as file, subprocess.Popen(
                [cards.ASSAYCTL, "decide", "--csv", "--config", config], stdin=file, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            for line in child.stdout:
                found = pattern.search(line)
                if found:
                    scores[found[1]] = float(found[2])
        tap.same(child.returncode, 0, "exit status of assayctl decide")
        return scores


def onnxruntime_scores(model, windows, payments):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    return [float(session.run(None, {"window": windows.of([payment])})[0][0, 0]) for payment in payments]


def stack(trees, sequence, truth, fitted_on):
    """(probabilities of both together, the weights): logistic regression by Newton's method."""
    import numpy as np
    logits = [np.log(clipped / (1 - clipped)) for clipped in
              (np.clip(scores.astype(float), 1e-7, 1 - 1e-7) for scores in (trees, sequence))]
    rows = np.column_stack([np.ones(len(truth)), *logits])
    some, weights = rows[fitted_on], np.array([0, .5, .5])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-some @ weights))
        curve = (some * (chance * (1 - chance))[:, None]).T @ some + 1e-3 * np.eye(3)
        weights = weights + np.linalg.solve(curve, some.T @ (truth[fitted_on] - chance))
    return 1 / (1 + np.exp(-rows @ weights)), weights


def score_windows(model, windows, payments):
    """assayctl score of these windows, its columns in order; None: it can't read the file."""
    import numpy as np
    info = subprocess.run([cards.ASSAYCTL, "score", "--info", model], capture_output=True, text=True,
                          check=False)
    if info.returncode:
        tap.note(f"the engine does not read the file: {info.stderr.strip()}")
        return None
    size = windows.at.shape[1] * windows.rows.shape[1]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as table:
        table.write(",".join(f"c{at}" for at in range(size)) + "\n")
        form = ",".join(["%.9g"] * size) + "\n"
        for payment in payments:
            table.write(form % tuple(windows.of(payment).ravel()))
        table.seek(0)
        answers = cards.run("score", model, stdin=table).splitlines()
    at = answers[0].split(",").index("probability" if "probability" in answers[0] else "prediction")
    return np.array([float(line.split(",")[at]) for line in answers[1:]])


def sequence_scores(study, table, windows, payments, model):
    """Of these payments, by the engine if it can: deciding the whole stream in the long form."""
    import numpy as np
    by_stock = np.array(onnxruntime_scores(model, windows, payments))
    if OF == 1:
        found = study.decide(model, windows.at.shape[1])
        scores = found and np.array([found[table.ids[payment]] for payment in payments])
    else:
        scores = score_windows(model, windows, payments)
    if scores is None:
        tap.note("scores of the sequence model: onnxruntime")
        return by_stock
    worst = float(np.abs(scores - by_stock).max())
    tap.note(f"scores of the sequence model: the engine, {'deciding' if OF == 1 else 'assayctl score'}; of "
             f"onnxruntime's they differ by at most {worst:.2g}")
    tap.check(worst < PARITY_BOUND, f"the engine's scores differ by {worst}")
    return scores


def test_both(study):
    """June, by trees, by a sequence model, and by both"""
    import numpy as np
    import train as recipe
    import train_sequence as sequence
    begun = time.monotonic()
    table = study.read(recipe)
    start, until, late = recipe.time_of(FROM), recipe.time_of(UNTIL), 7 * recipe.DAY
    tap.note(f"{len(table.ids)} payments of one card in {OF}, {len(table.names)} features, "
             f"{time.monotonic() - begun:.0f} s")
    booster, _ = recipe.train(table, start, until, late)
    args = sequence.parser_of().parse_args(["--features", "-", "--out", str(study.folder / "model.onnx")])
    windows = sequence.make_windows(table, args.steps)
    network, facts = sequence.train(table, windows, start, until, late, args)
    sequence.Exported(network, table.names, args.steps).save_model(args.out)
    tap.note(f"trained on {facts['rows']} payments, {facts['frauds']} frauds, {time.monotonic() - begun:.0f} s")
    rows = table.times >= until - late
    scored = np.flatnonzero(rows)
    june = table.times[rows] >= until
    truth = (table.labels_at(2**62)[rows] == 1).astype(np.int8)
    scores = {"trees": recipe.predict_of(booster)(table, rows),
              "sequence": sequence_scores(study, table, windows, scored, args.out)}
    scores["both"], weights = stack(scores["trees"], scores["sequence"], truth, ~june)
    tap.note(f"{june.sum()} payments of June scored, {truth[june].sum()} frauds; weights of both: trees "
             f"{weights[1]:.2f}, sequence {weights[2]:.2f}; {time.monotonic() - begun:.0f} s")
    tap.note(f"{'June':12}{'AUC':>9}{'AP':>9}{f'top {TOP}':>10}")
    figures = {}
    for name, values in scores.items():
        figures[name] = (recipe.auc(truth[june], values[june]),
                         recipe.average_precision(truth[june], values[june]),
                         recipe.daily_top(truth[june], values[june], np.array(table.cards)[scored][june],
                                          table.times[scored][june] // recipe.DAY, TOP))
        tap.note(f"{name:12}{figures[name][0]:9.4f}{figures[name][1]:9.4f}{100 * figures[name][2]:9.2f}%")
    for name, least in LEAST.get(OF, {}).items():
        for got, bound in zip(figures[name], least):
            tap.check(got >= bound, f"{name}: {got:.4f} is below {bound}")
    tap.check(figures["both"][1] > figures["sequence"][1], "both are not better than the sequence model")
    if OF == 1:
        tap.check(figures["both"][1] > figures["trees"][1], "both are not better than the trees")


if __name__ == "__main__":
    tap.main([test_both], Study)
