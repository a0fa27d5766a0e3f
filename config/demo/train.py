#!/usr/bin/env python3
"""The recipe of the demo model: simulate, train with stock xgboost, measure, save.

Trains on one simulated bank and measures on another (another seed, other
customers, other shops).  Writes model.ubj and features.json beside this file.
The same xgboost version gives the same bytes: one thread, fixed seeds.

example:
  image/root/enter python3 config/demo/train.py
"""

import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
import xgboost

sys.dont_write_bytecode = True
import simulate  # noqa: E402 (beside this file)

HERE = pathlib.Path(__file__).resolve().parent
TRAIN = {"count": 120000, "seed": 101}
TEST = {"count": 40000, "seed": 202}
REVIEW, DECLINE = 0.5, 0.9  # the defaults of decision.review_threshold and decline_threshold
TREES = 90
PARAMS = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.15, "min_child_weight": 4,
          "lambda": 2.0, "tree_method": "hist", "nthread": 1, "seed": 7}


def table(count, seed):
    rows, labels, scenarios = [], [], []
    for request, scenario in simulate.simulate(count, seed):
        given = request["features"]
        rows.append([given.get(name, np.nan) for name in simulate.FEATURES])
        labels.append(bool(scenario))
        scenarios.append(scenario)
    return np.array(rows, np.float32), np.array(labels, np.float32), np.array(scenarios)


def auc(labels, scores):
    """Mann-Whitney: the chance that a fraud scores above an honest payment."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive = labels.sum()
    negative = len(labels) - positive
    return (ranks[labels == 1].sum() - positive * (positive + 1) / 2) / (positive * negative)


def report(scores, labels, scenarios):
    print(f"test: {len(labels)} payments of another bank, {int(labels.sum())} frauds, "
          f"AUC {auc(labels, scores):.4f}")
    verdicts = np.where(scores >= DECLINE, "decline", np.where(scores >= REVIEW, "review", "approve"))
    print(f"with review at {REVIEW}, decline at {DECLINE}:")
    print(f"  {'':10}{'approve':>9}{'review':>9}{'decline':>9}")
    for name in ("", "stolen", "skimmed", "scam"):
        mine = verdicts[scenarios == name]
        print(f"  {name or 'honest':10}" + "".join(f"{int((mine == v).sum()):9}"
                                                  for v in ("approve", "review", "decline")))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder to write to")
    args = parser.parse_args()
    names = list(simulate.FEATURES)
    features, labels, _ = table(**TRAIN)
    booster = xgboost.train(PARAMS, xgboost.DMatrix(features, labels, feature_names=names), TREES)
    features, labels, scenarios = table(**TEST)
    report(booster.predict(xgboost.DMatrix(features, feature_names=names)), labels, scenarios)
    model = args.out / "model.ubj"
    booster.save_model(model)
    (args.out / "features.json").write_text(json.dumps(names, indent=1) + "\n")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    print(f"{model.name}: {model.stat().st_size} bytes, sha256:{digest}, xgboost {xgboost.__version__}")


if __name__ == "__main__":
    main()
