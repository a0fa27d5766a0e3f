#!/usr/bin/env python3
"""Write the forests that tests/bench/forest.c measures: forest_model.py DIRECTORY

model.json    500 trees of depth 6 over 64 features, trained by XGBoost
model.onnx    the same trees as a TreeEnsembleRegressor
rows.f32      rows of 64 floats, one in twenty missing"""

import json
import pathlib
import sys

import numpy as np
import onnx
import xgboost
from onnx import TensorProto, helper

TREES, DEPTH, FEATURES, ROWS = 500, 6, 64, 4096


def ensemble(trees, base):
    a = {key: [] for key in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes",
                             "nodes_values", "nodes_truenodeids", "nodes_falsenodeids",
                             "nodes_missing_value_tracks_true", "target_treeids",
                             "target_nodeids", "target_ids", "target_weights")}
    for number, tree in enumerate(trees):
        for node, left in enumerate(tree["left_children"]):
            leaf = left == -1
            a["nodes_treeids"].append(number)
            a["nodes_nodeids"].append(node)
            a["nodes_featureids"].append(0 if leaf else tree["split_indices"][node])
            a["nodes_modes"].append("LEAF" if leaf else "BRANCH_LT")
            a["nodes_values"].append(0.0 if leaf else tree["split_conditions"][node])
            a["nodes_truenodeids"].append(0 if leaf else left)
            a["nodes_falsenodeids"].append(0 if leaf else tree["right_children"][node])
            a["nodes_missing_value_tracks_true"].append(0 if leaf else tree["default_left"][node])
            if leaf:
                a["target_treeids"].append(number)
                a["target_nodeids"].append(node)
                a["target_ids"].append(0)
                a["target_weights"].append(tree["split_conditions"][node])
    return helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
                            aggregate_function="SUM", post_transform="NONE", base_values=[base], **a)


def main(folder):
    random = np.random.default_rng(11)
    x = random.normal(size=(40000, FEATURES)).astype(np.float32)
    x[random.random(x.shape) < 0.05] = np.nan
    clean = np.nan_to_num(x)
    y = clean[:, 0] + np.sin(3 * clean[:, 1]) * clean[:, 2] + (clean @ random.normal(size=FEATURES)) / 4
    y += random.normal(size=len(y))
    params = {"objective": "reg:squarederror", "max_depth": DEPTH, "eta": 0.05, "nthread": 2,
              "min_child_weight": 0, "colsample_bytree": 0.5, "base_score": 0.25}
    booster = xgboost.train(params, xgboost.DMatrix(x, y), TREES)
    booster.save_model(folder / "model.json")
    learner = json.loads((folder / "model.json").read_text())["learner"]
    node = ensemble(learner["gradient_booster"]["model"]["trees"], 0.25)
    graph = helper.make_graph(
        [node], "forest", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17),
                                                    helper.make_opsetid("ai.onnx.ml", 3)])
    model.ir_version = 8
    onnx.save(model, folder / "model.onnx")
    (folder / "rows.f32").write_bytes(np.ascontiguousarray(x[:ROWS]).tobytes())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
