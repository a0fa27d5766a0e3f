#!/usr/bin/env python3
"""Every kind of XGBoost model that is read, against the library itself, row by row.

Stock xgboost trains a small model of each objective and kind (DART, categories, several classes
and targets, forests) on made-up rows and predicts 10,000 others, with missing cells, categories
never seen, negative, broken and huge ones.  `assayctl score` must give margins within 1e-6 of the
library's (relative to max(1, |margin|); the count of rows whose bits differ is printed) and
predictions within 1e-6; its contributions must be within 1e-5 of pred_contribs and sum to the
margin within 1e-5.  Prints TAP."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import xgboost

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402  pylint: disable=wrong-import-position

ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"
ROWS = 10000
EXPLAINED = 200
NUMBERS, CATEGORIES = 7, 40
NAMES = [f"n{i}" for i in range(NUMBERS)] + ["few", "many"]
TYPES = ["q"] * NUMBERS + ["c", "c"]


def make_rows(seed, count, odd):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, NUMBERS + 2)).astype(np.float32)
    x[:, NUMBERS] = random.integers(0, 4, count)
    x[:, NUMBERS + 1] = random.integers(0, CATEGORIES, count)
    if odd:
        strange = np.array([-1, -0.5, 0.5, 3.999, 41, 63, 64, 1000, 16777215, 16777216, 3e9, 1e30,
                            -1e30, -0.0], np.float32)
        where = random.random(count) < 0.3
        x[where, NUMBERS + 1] = random.choice(strange, where.sum())
        x[~where, NUMBERS] = random.choice(strange, (~where).sum())
    x[random.random(x.shape) < 0.1] = np.nan
    return x


TRAIN, TEST = make_rows(1, 3000, False), make_rows(2, ROWS, True)
CLEAN = np.nan_to_num(TRAIN)
REAL = (CLEAN[:, 0] + CLEAN[:, 1] * CLEAN[:, 2] + (CLEAN[:, NUMBERS + 1] % 5) / 2
        - CLEAN[:, NUMBERS]).astype(np.float32)
YES = (REAL > 0.5).astype(np.float32)
COUNT = np.floor(np.exp(np.clip(REAL / 3, -3, 3))).astype(np.float32)
CLASS = np.clip(np.floor(REAL), -1, 2).astype(np.float32) + 1
TWO = np.stack([REAL, CLEAN[:, 3] - REAL], 1)
GROUPS = np.full(60, 50)

# name, label, parameters, rounds
PLAIN = {"max_depth": 4, "eta": 0.3, "nthread": 2, "seed": 3}
SHAPES = [
    ("binary:logistic", YES, {"objective": "binary:logistic"}, 20),
    ("binary:logitraw", YES, {"objective": "binary:logitraw", "base_score": 0.3}, 20),
    ("binary:hinge", YES, {"objective": "binary:hinge"}, 20),
    ("reg:squarederror", REAL, {"objective": "reg:squarederror"}, 20),
    ("reg:squaredlogerror", COUNT, {"objective": "reg:squaredlogerror"}, 20),
    ("reg:logistic", YES * 0.8, {"objective": "reg:logistic"}, 20),
    ("reg:pseudohubererror", REAL, {"objective": "reg:pseudohubererror"}, 20),
    ("reg:absoluteerror", REAL, {"objective": "reg:absoluteerror"}, 20),
    ("reg:quantileerror", REAL, {"objective": "reg:quantileerror", "quantile_alpha": 0.8}, 20),
    ("reg:quantileerror of three quantiles", REAL,
     {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, 10),
    ("reg:gamma", COUNT + 0.5, {"objective": "reg:gamma"}, 20),
    ("reg:tweedie", COUNT, {"objective": "reg:tweedie", "tweedie_variance_power": 1.3}, 20),
    ("count:poisson", COUNT, {"objective": "count:poisson", "base_score": 1.7}, 20),
    ("multi:softprob", CLASS, {"objective": "multi:softprob", "num_class": 4}, 12),
    ("multi:softmax", CLASS, {"objective": "multi:softmax", "num_class": 4}, 12),
    ("rank:pairwise", YES, {"objective": "rank:pairwise"}, 15),
    ("rank:ndcg", YES, {"objective": "rank:ndcg"}, 15),
    ("rank:map", YES, {"objective": "rank:map"}, 15),
    ("two targets, a tree each", TWO, {"objective": "reg:squarederror"}, 15),
    ("several labels of a row", np.stack([YES, 1 - YES, YES], 1), {"objective": "binary:logistic"}, 8),
    ("DART", YES, {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4,
                   "base_score": 0.37}, 25),
    ("DART of several classes", CLASS, {"objective": "multi:softprob", "num_class": 4,
                                        "booster": "dart", "rate_drop": 0.4}, 10),
    ("categories one by one", YES, {"objective": "binary:logistic", "max_cat_to_onehot": 1000}, 20),
    ("categories in sets, deep trees", REAL, {"objective": "reg:squarederror",
                                              "max_cat_to_onehot": 1, "max_depth": 11}, 20),
    ("parallel trees", CLASS, {"objective": "multi:softprob", "num_class": 4,
                               "num_parallel_tree": 3, "subsample": 0.5}, 5),
]


def train(label, params, rounds):
    linear = params.get("booster") == "gblinear"
    matrix = xgboost.DMatrix(TRAIN, label, feature_names=NAMES,
                             feature_types=["q"] * len(TYPES) if linear else TYPES,
                             enable_categorical=True)
    if params["objective"].startswith("rank:"):
        matrix.set_group(GROUPS)
    return xgboost.train({**PLAIN, **params}, matrix, rounds)


def table_of(rows):
    return ",".join(NAMES) + "\n" + "".join(
        ",".join("" if np.isnan(v) else "%.9g" % v for v in row) + "\n" for row in rows)


TABLES = {ROWS: table_of(TEST), EXPLAINED: table_of(TEST[:EXPLAINED])}


def score(model, rows, *options):
    table = TABLES[len(rows)]
    done = subprocess.run([ASSAYCTL, "score", *options, model], input=table, capture_output=True,
                          text=True, check=False)
    tap.check(done.returncode == 0, done.stderr.strip())
    lines = done.stdout.splitlines()
    return lines[0].split(","), np.array([line.split(",") for line in lines[1:]], np.float64)


def error_of(got, wanted):
    return float(np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted))))


def check_scores(name, booster, model, objective):
    matrix = xgboost.DMatrix(TEST, feature_names=NAMES, feature_types=TYPES, enable_categorical=True)
    margins = booster.predict(matrix, output_margin=True).reshape(ROWS, -1)
    wanted = booster.predict(matrix).reshape(ROWS, -1)
    head, got = score(model, TEST)
    outputs = margins.shape[1]
    tap.same(len(head), 2 * outputs, f"{name}: columns {head}")
    mine, answers = got[:, :outputs], got[:, outputs:]
    differ = int(np.count_nonzero(mine.astype(np.float32) != margins))
    error = error_of(mine, margins)
    tap.note(f"{name}: margin error {error:.3g}, {differ} of {margins.size} not bit-equal")
    tap.check(error <= 1e-6, f"{name}: margins differ by {error}")
    if objective == "multi:softmax":
        tap.same(int(np.count_nonzero(np.argmax(answers, 1) != wanted[:, 0])), 0, "other class")
    else:
        tap.check(error_of(answers, wanted) <= 1e-6, f"{name}: scores differ by {error_of(answers, wanted)}")


def check_contributions(name, booster, model):
    rows = TEST[:EXPLAINED]
    matrix = xgboost.DMatrix(rows, feature_names=NAMES, feature_types=TYPES, enable_categorical=True)
    wanted = booster.predict(matrix, pred_contribs=True).reshape(EXPLAINED, -1, len(NAMES) + 1)
    outputs = wanted.shape[1]
    head, got = score(model, rows, "--contributions")
    tap.same(head[-1], "bias" if outputs == 1 else f"bias_{outputs - 1}", "the last column")
    mine = got[:, 2 * outputs:].reshape(wanted.shape)
    error, gap = error_of(mine, wanted), error_of(mine.sum(2), got[:, :outputs])
    tap.note(f"{name}: contributions within {error:.3g}, their sum within {gap:.3g} of the margin")
    tap.check(error <= 1e-5, f"{name}: contributions differ by {error}")
    tap.check(gap <= 1e-5, f"{name}: contributions sum to {gap} beside the margin")


def kind(name, label, params, rounds):
    def test(folder):
        booster = train(label, params, rounds)
        for ending in ("json", "ubj"):
            model = folder / f"model.{ending}"
            booster.save_model(model)
            check_scores(name, booster, model, params["objective"])
        check_contributions(name, booster, model)
    test.__doc__ = name
    return test


def refused(name, params, label, words):
    def test(folder):
        model = folder / "model.json"
        train(label, params, 2).save_model(model)
        done = subprocess.run([ASSAYCTL, "score", "--info", model], capture_output=True, text=True,
                              check=False)
        tap.same(done.returncode, 2, "exit code")
        tap.check(words in done.stderr, done.stderr)
    test.__doc__ = f"refused: {name}"
    return test


def no_covers(folder):
    """refused: contributions of a file that has no sum_hessian; scores are not"""
    model = folder / "model.json"
    train(YES, {"objective": "binary:logistic"}, 2).save_model(model)
    text = json.loads(model.read_text())
    for tree in text["learner"]["gradient_booster"]["model"]["trees"]:
        del tree["sum_hessian"]
    model.write_text(json.dumps(text))
    score(model, TEST[:EXPLAINED])
    done = subprocess.run([ASSAYCTL, "score", "--contributions", model], input="n0\n", text=True,
                          capture_output=True, check=False)
    tap.same(done.returncode, 2, "exit code")
    tap.check("how many training rows came to each node" in done.stderr, done.stderr)


class Folder:
    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        return pathlib.Path(self.temporary.__enter__())

    def __exit__(self, *details):
        return self.temporary.__exit__(*details)


TESTS = [kind(*shape) for shape in SHAPES] + [
    refused("survival objectives", {"objective": "survival:cox"}, np.abs(REAL) + 1,
            'objective "survival:cox" is not supported'),
    refused("leaves with vectors", {"objective": "reg:squarederror", "max_cat_to_onehot": 1,
                                    "multi_strategy": "multi_output_tree"}, TWO, "multi_output_tree"),
    refused("gblinear", {"objective": "reg:squarederror", "booster": "gblinear"}, REAL,
            'booster "gblinear" is not supported'),
    no_covers,
]

if __name__ == "__main__":
    tap.main(TESTS, Folder)
