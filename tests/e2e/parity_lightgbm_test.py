#!/usr/bin/env python3
"""LightGBM's text models by assayctl and by a plain reference (tests/lib/lightgbm_text.py).

The three files of the shared data and random models of every kind (all types of missing values,
categories, several classes, averages, every objective's link) score 10,000 rows with missing
cells, zeros of both signs, tiny numbers, unseen and broken categories.  Margins must be within
1e-6 of the reference's, relative to max(1, |margin|), scores within 1e-6; contributions sum to
the margin within 1e-6.  Prints TAP."""

import math
import os
import pathlib
import random as randomness
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lightgbm_text  # noqa: E402  pylint: disable=wrong-import-position
import numpy as np  # noqa: E402  pylint: disable=wrong-import-position
import tap  # noqa: E402  pylint: disable=wrong-import-position

ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"
SHARED = pathlib.Path(os.environ.get("ASSAY_SHARED") or "../shared") / "data/models/lightgbm"
ROWS, EXPLAINED = 10000, 100
ODD = [0.0, -0.0, 1e-35, -1e-35, 1.1e-35, 1e-40, -1e-40, 1e-45, 3.4e38, -3.4e38, -1.0, -0.5, 0.5, 31.0,
       32.0, 95.9, 96.0, 1000.0, 2147483520.0, 2147483648.0, 1e20]

# name, arguments of lightgbm_text.write
MADE = [
    ("binary sigmoid:1", {"objective": "binary sigmoid:1"}),
    ("binary sigmoid:0.37, version 3", {"objective": "binary sigmoid:0.37", "version": "v3"}),
    ("regression", {"objective": "regression"}),
    ("regression sqrt", {"objective": "regression sqrt"}),
    ("regression_l1", {"objective": "regression_l1"}),
    ("huber", {"objective": "huber"}),
    ("fair", {"objective": "fair"}),
    ("quantile", {"objective": "quantile alpha:0.9"}),
    ("mape", {"objective": "mape"}),
    ("poisson", {"objective": "poisson"}),
    ("gamma", {"objective": "gamma"}),
    ("tweedie", {"objective": "tweedie tweedie_variance_power:1.5"}),
    ("cross_entropy", {"objective": "cross_entropy"}),
    ("multiclass", {"objective": "multiclass num_class:3", "outputs": 3}),
    ("multiclassova", {"objective": "multiclassova num_class:4 sigmoid:0.5", "outputs": 4}),
    ("lambdarank", {"objective": "lambdarank"}),
    ("rank_xendcg", {"objective": "rank_xendcg"}),
    ("no objective", {"objective": None}),
    ("a random forest", {"objective": "binary sigmoid:1", "average": True}),
    ("a random forest of classes", {"objective": "multiclass num_class:3", "outputs": 3,
                                    "average": True}),
    ("numbers only, small trees", {"objective": "regression", "categorical": 0, "leaves": 8,
                                   "iterations": 50}),
    ("numbers only, large trees", {"objective": "regression", "categorical": 0, "leaves": 120}),
    ("leaves alone", {"objective": "regression", "leaves": 1}),
]


def cell_for(random):
    if random.random() < 0.12:
        return math.nan
    if random.random() < 0.3:
        return random.choice(ODD)
    return random.gauss(0, 2) if random.random() < 0.5 else float(random.randrange(0, 110))


def make_rows(seed, features, count):
    random = randomness.Random(seed)
    rows = [[cell_for(random) for _ in range(features)] for _ in range(count)]
    return np.array(rows, np.float64).astype(np.float32)


def score(model, names, rows, *options):
    table = ",".join(names) + "\n" + "".join(
        ",".join("NaN" if np.isnan(v) else "%.9g" % v for v in row) + "\n" for row in rows)
    done = subprocess.run([ASSAYCTL, "score", *options, model], input=table, capture_output=True,
                          text=True, check=False)
    tap.check(done.returncode == 0, done.stderr.strip())
    return np.array([line.split(",") for line in done.stdout.splitlines()[1:]], np.float64)


def error_of(got, wanted):
    return float(np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted))))


def compare(path, rows):
    model = lightgbm_text.Model(path.read_text())
    margins = np.array([model.margins([float(v) for v in row]) for row in rows])
    scores = np.array([model.scores(list(row)) for row in margins])
    got = score(path, model.names, rows)
    outputs = model.outputs
    worst = error_of(got[:, :outputs], margins)
    tap.note(f"{len(rows)} rows, {len(model.trees)} trees: margin error {worst:.3g}, "
             f"margins {margins.min():.3f} to {margins.max():.3f}, "
             f"{len(np.unique(margins))} different")
    tap.check(worst <= 1e-6, f"margins differ by {worst}")
    tap.check(error_of(got[:, outputs:], scores) <= 1e-6,
              f"scores differ by {error_of(got[:, outputs:], scores)}")
    return outputs, got


def explain(path, rows, outputs, got):
    model = lightgbm_text.Model(path.read_text())
    given = score(path, model.names, rows[:EXPLAINED], "--contributions")[:, 2 * outputs:]
    sums = given.reshape(len(given), outputs, -1).sum(2)
    tap.check(error_of(sums, got[:EXPLAINED, :outputs]) <= 1e-6,
              "contributions do not sum to the margin")


def shared(name):
    def test(_):
        path = SHARED / f"{name}.txt"
        if not path.exists():
            tap.skip(f"{path.name} is not there (ASSAY_SHARED)")
        features = len(lightgbm_text.Model(path.read_text()).names)
        rows = make_rows(len(name), features, ROWS)
        outputs, got = compare(path, rows)
        explain(path, rows, outputs, got)
    test.__doc__ = f"shared {name}.txt"
    return test


def made(number, name, arguments):
    def test(folder):
        path = folder / "model.txt"
        path.write_text(lightgbm_text.write(1000 + number, **arguments))
        rows = make_rows(number, 6, ROWS)
        outputs, got = compare(path, rows)
        explain(path, rows, outputs, got)
    test.__doc__ = f"made: {name}"
    return test


class Folder:
    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        return pathlib.Path(self.temporary.__enter__())

    def __exit__(self, *details):
        return self.temporary.__exit__(*details)


if __name__ == "__main__":
    tap.main([shared(name) for name in ("airline", "leaf_scan", "mixed_categorical")]
             + [made(number, *row) for number, row in enumerate(MADE)], Folder)
