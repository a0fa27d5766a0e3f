#!/usr/bin/env python3
"""Every row of a real week, scored by assayctl and by the library itself.

Stock xgboost trains models of many shapes on the reference features of the card
data's first week, saves each as JSON and as UBJSON, and predicts every row.
`assayctl score` must give the same margins within 1e-6 (it is expected to give
the same bits; the count of rows that differ is printed) and probabilities
within 1e-6.  Prints TAP."""

import csv
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ERROR_MAX = 1e-6
TRAIN_EVERY = 4  # rows trained on; every row is scored
ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"
DATA = (pathlib.Path(os.environ.get("ASSAY_SHARED") or "../shared")
        / "data/cards/handbook_features_2018-04-01_07.csv.gz")
NOT_FEATURES = {"TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_TIME_SECONDS",
                "TX_TIME_DAYS", "TX_FRAUD", "TX_FRAUD_SCENARIO"}

# name, training parameters, trees, share of cells made missing, give names
LOGISTIC = {"objective": "binary:logistic"}
SQUARED = {"objective": "reg:squarederror"}
SHAPES = [
    ("default of the library", {**LOGISTIC}, 100, 0.0, True),
    ("100 trees of depth 3", {**LOGISTIC, "max_depth": 3, "eta": 0.3}, 100, 0.0, True),
    ("500 trees of depth 6", {**LOGISTIC, "max_depth": 6, "eta": 0.05}, 500, 0.0, True),
    ("one stump", {**LOGISTIC, "max_depth": 1}, 1, 0.0, True),
    ("37 stumps, missing cells", {**LOGISTIC, "max_depth": 1}, 37, 0.2, True),
    ("depth 5, missing cells", {**LOGISTIC, "max_depth": 5}, 61, 0.2, True),
    ("depth 8, missing cells", {**LOGISTIC, "max_depth": 8, "min_child_weight": 0}, 33, 0.1, True),
    ("depth 9, missing cells", {**LOGISTIC, "max_depth": 9, "min_child_weight": 0}, 20, 0.1, True),
    ("depth 10, missing cells", {**LOGISTIC, "max_depth": 10, "min_child_weight": 0}, 50, 0.2, True),
    ("base score 0.01", {**LOGISTIC, "max_depth": 4, "base_score": 0.01}, 50, 0.0, True),
    ("base score 0.9", {**LOGISTIC, "max_depth": 4, "base_score": 0.9}, 50, 0.1, True),
    ("leaf-wise growth, 200 leaves", {**LOGISTIC, "tree_method": "hist", "max_depth": 0,
     "grow_policy": "lossguide", "max_leaves": 200, "min_child_weight": 0}, 40, 0.1, True),
    ("exact splits", {**LOGISTIC, "tree_method": "exact", "max_depth": 7}, 20, 0.1, True),
    ("pruned trees", {**LOGISTIC, "tree_method": "exact", "gamma": 3.0, "max_depth": 8}, 40, 0.0, True),
    ("random forest rounds", {**LOGISTIC, "num_parallel_tree": 7, "subsample": 0.5,
     "colsample_bynode": 0.5, "max_depth": 6}, 6, 0.1, True),
    ("columns in order, no names", {**LOGISTIC, "max_depth": 4}, 20, 0.1, False),
    ("reg:squarederror, depth 6", {**SQUARED, "max_depth": 6}, 100, 0.0, True),
    ("reg:squarederror, depth 10, missing", {**SQUARED, "max_depth": 10}, 64, 0.2, True),
    ("reg:squarederror, base score 3", {**SQUARED, "max_depth": 3, "base_score": 3.0}, 10, 0.0, True),
]


def read_week():
    with gzip.open(DATA, "rt", newline="") as file:
        rows = csv.reader(file)
        head = next(rows)
        use = [i for i, name in enumerate(head) if name not in NOT_FEATURES]
        fraud = head.index("TX_FRAUD")
        table = [([float(row[i]) for i in use], int(row[fraud])) for row in rows]
    features = np.array([row for row, _ in table], np.float32)
    return [head[i] for i in use], features, np.array([label for _, label in table], np.float32)


def write_csv(path, names, features):
    """Nine digits tell any two floats apart; a missing cell is empty or NaN by turns."""
    with open(path, "w") as file:
        file.write(",".join(names) + "\n")
        for number, row in enumerate(features):
            missing = "" if number % 2 else "NaN"
            file.write(",".join(missing if np.isnan(v) else "%.9g" % v for v in row) + "\n")


def score(model, table, logistic):
    with open(table) as stdin:
        done = subprocess.run([ASSAYCTL, "score", model], stdin=stdin, capture_output=True,
                              text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    lines = done.stdout.splitlines()
    assert lines[0] == ("margin,probability" if logistic else "margin,prediction"), lines[0]
    return np.array([line.split(",") for line in lines[1:]], np.float64).astype(np.float32)


def compare(got, margins, outputs):
    """(problem or None, remark)"""
    if len(got) != len(margins):
        return f"{len(got)} rows answered of {len(margins)}", ""
    margin_error = float(np.max(np.abs(got[:, 0].astype(np.float64) - margins)))
    output_error = float(np.max(np.abs(got[:, 1].astype(np.float64) - outputs)))
    differ = int(np.count_nonzero(got[:, 0].view(np.uint32) != margins.view(np.uint32)))
    remark = (f"{len(got)} rows, margin error {margin_error:.3g} ({differ} rows not bit-equal), "
              f"output error {output_error:.3g}, margins {margins.min():.3f} to {margins.max():.3f}")
    if not (margin_error <= ERROR_MAX and output_error <= ERROR_MAX):
        return "differs from the library", remark
    return None, remark


def try_shape(shape, names, features, labels, folder, report):
    import xgboost
    title, params, trees, missing, named = shape
    random = np.random.default_rng(7)
    features = features.copy()
    features[random.random(features.shape) < missing] = np.nan
    target = labels if params["objective"] == "binary:logistic" else np.nan_to_num(features[:, 0]) / 50
    given = names if named else None
    part = xgboost.DMatrix(features[::TRAIN_EVERY], target[::TRAIN_EVERY], feature_names=given)
    booster = xgboost.train({"nthread": 2, "seed": 1, **params}, part, trees)
    matrix = xgboost.DMatrix(features, feature_names=given)
    margins = booster.predict(matrix, output_margin=True)
    outputs = booster.predict(matrix)
    table = folder / f"week-{missing}-{named}.csv"
    if not table.exists():
        order = list(range(len(names)))[::-1 if named else 1]
        write_csv(table, [names[i] for i in order], features[:, order])
    for kind in ("json", "ubj"):
        model = folder / f"model.{kind}"
        booster.save_model(model)
        try:
            got = score(model, table, params["objective"] == "binary:logistic")
            problem, remark = compare(got, margins, outputs)
        except (RuntimeError, AssertionError) as error:
            problem, remark = str(error), ""
        report(f"{title}, {kind}", problem, remark)


def main():
    if not DATA.exists():
        print(f"1..0 # SKIP {DATA.name} is not there (ASSAY_SHARED)")
        return 0
    names, features, labels = read_week()
    print(f"1..{2 * len(SHAPES)}")
    count = failed = 0

    def report(name, problem, remark):
        nonlocal count, failed
        count += 1
        failed += problem is not None
        print(f"# {problem}: {remark}" if problem else f"# {remark}")
        print(f"{'not ok' if problem else 'ok'} {count} - {name}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            try_shape(shape, names, features, labels, pathlib.Path(folder), report)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
