"""ONNX files of fitted scikit-learn models, with the node patterns and attribute names of skl2onnx.

    file = onnx_models.classifier(model, features)          # bytes of an ONNX file
    answers = onnx_models.stock(file, {"X": rows})          # what onnxruntime makes of it

Debian has no skl2onnx, so this is written after what it emits: labels beside probabilities,
ZipMap at the end, base values, one score for two classes in boosted trees, and so on.
"""

import contextlib
import os

import numpy as np

OPSET, OPSET_ML = 17, 3


@contextlib.contextmanager
def quiet():
    """onnx and onnxruntime share a library that complains of its own schemas on stderr."""
    old, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(old, 2)
        os.close(old)
        os.close(null)


with quiet():
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"


class Graph:
    """Nodes as they are added; names are given in order."""

    def __init__(self, features, name="X", elem=TensorProto.FLOAT, inputs=None):
        self.nodes, self.constants, self.outputs = [], [], []
        self.inputs = inputs or [helper.make_tensor_value_info(name, elem, [None, features])]
        self.count = 0

    def constant(self, values, kind=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def add(self, op, inputs, outputs=1, domain="", **attributes):
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, f"n{self.count}_{op}",
                                           domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def ml(self, op, inputs, outputs=1, **attributes):
        return self.add(op, inputs, outputs, ML, **attributes)

    def give(self, value, name, elem, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name], f"out_{name}"))
        self.outputs.append(helper.make_tensor_value_info(name, elem, shape))

    def probabilities(self, label, value, classes, zip_map=True):
        """The two outputs of a classifier; with zip_map the second is a list of maps."""
        self.give(label, "output_label", TensorProto.INT64, [None])
        if not zip_map:
            self.give(value, "output_probability", TensorProto.FLOAT, [None, len(classes)])
            return
        self.nodes.append(helper.make_node("ZipMap", [value], ["output_probability"], "ZipMap",
                                           domain=ML, classlabels_int64s=[int(c) for c in classes]))
        kind = helper.make_map_type_proto(TensorProto.INT64,
                                          helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        self.outputs.append(helper.make_value_info("output_probability",
                                                   helper.make_sequence_type_proto(kind)))

    def file(self, names=None, opset=OPSET, opset_ml=OPSET_ML):
        graph = helper.make_graph(self.nodes, "graph", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, producer_name="skl2onnx", ir_version=8, opset_imports=[
            helper.make_opsetid("", opset), helper.make_opsetid(ML, opset_ml)])
        if names:
            helper.set_model_props(model, {"feature_names": ",".join(names)})
        return model.SerializeToString()


# ---- trees

class Trees:
    """The attributes of an ensemble, tree after tree."""

    def __init__(self, kind):
        self.kind = kind  # "class" or "target"
        self.nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values",
                                            "truenodeids", "falsenodeids",
                                            "missing_value_tracks_true")}
        self.leaves = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
        self.count = 0

    def node(self, number, feature, threshold, left, right, missing_left, mode="BRANCH_LEQ"):
        low = np.float32(threshold)
        if float(low) > threshold:  # the largest float that decides alike
            low = np.nextafter(low, np.float32(-np.inf))
        row = (self.count, number, int(feature), mode, float(low), int(left), int(right),
               int(missing_left))
        for name, value in zip(self.nodes, row):
            self.nodes[name].append(value)

    def leaf(self, number, weights):
        self.node(number, 0, 0.0, 0, 0, 0, "LEAF")
        for target, weight in weights:
            for name, value in zip(self.leaves, (self.count, number, target, float(weight))):
                self.leaves[name].append(value)

    def tree(self, tree, weights_of):
        """One tree_ of scikit-learn; weights_of(values of a leaf) gives (target, weight)s."""
        missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, np.uint8))
        for n in range(tree.node_count):
            if tree.children_left[n] < 0:
                self.leaf(n, weights_of(n, tree.value[n]))
            else:
                self.node(n, tree.feature[n], tree.threshold[n], tree.children_left[n],
                          tree.children_right[n], missing[n])
        self.count += 1

    def hist_tree(self, nodes, target):
        for n, node in enumerate(nodes):
            if node["is_leaf"]:
                self.leaf(n, [(target, node["value"])])
            else:
                self.node(n, node["feature_idx"], node["num_threshold"], node["left"], node["right"],
                          node["missing_go_to_left"])
        self.count += 1

    def attributes(self):
        out = {f"nodes_{name}": values for name, values in self.nodes.items()}
        out.update({f"{self.kind}_{name}": values for name, values in self.leaves.items()})
        out["nodes_hitrates"] = [1.0] * len(self.nodes["treeids"])
        return out


def _estimators(model):
    return model.estimators_ if hasattr(model, "estimators_") else [model]


def _shares(model):
    estimators = _estimators(model)

    def weights(_, value):
        shares = value[0] / value[0].sum() / len(estimators)
        return list(enumerate(shares))
    return estimators, weights


def forest_classifier(graph, model, value):
    trees = Trees("class")
    estimators, weights = _shares(model)
    for estimator in estimators:
        trees.tree(estimator.tree_, weights)
    return graph.ml("TreeEnsembleClassifier", [value], 2, post_transform="NONE",
                    classlabels_int64s=[int(c) for c in model.classes_], **trees.attributes())


def forest_regressor(graph, model, value, aggregate="SUM"):
    trees = Trees("target")
    estimators = _estimators(model)
    share = 1.0 if aggregate == "AVERAGE" else 1.0 / len(estimators)
    for estimator in estimators:
        trees.tree(estimator.tree_, lambda _, v: [(t, w * share) for t, w in enumerate(v[:, 0])])
    return graph.ml("TreeEnsembleRegressor", [value], n_targets=int(estimators[0].n_outputs_),
                    aggregate_function=aggregate, post_transform="NONE", **trees.attributes())


def boosted_classifier(graph, model, value):
    """GradientBoosting and HistGradientBoosting: one score of class 0 for two classes."""
    trees, classes = Trees("class"), len(model.classes_)
    if hasattr(model, "_predictors"):
        for stage in model._predictors:
            for target, predictor in enumerate(stage):
                trees.hist_tree(predictor.nodes, target)
        base = np.ravel(model._baseline_prediction)
    else:
        for stage in model.estimators_:
            for target, estimator in enumerate(stage):
                trees.tree(estimator.tree_, lambda _, v, t=target:
                           [(t, model.learning_rate * v[0, 0])])
        base = np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32)))
    return graph.ml("TreeEnsembleClassifier", [value], 2, base_values=[float(b) for b in base],
                    post_transform="LOGISTIC" if classes == 2 else "SOFTMAX",
                    classlabels_int64s=[int(c) for c in model.classes_], **trees.attributes())


def boosted_regressor(graph, model, value):
    trees = Trees("target")
    if hasattr(model, "_predictors"):
        for stage in model._predictors:
            trees.hist_tree(stage[0].nodes, 0)
        base = np.ravel(model._baseline_prediction)
    else:
        for stage in model.estimators_:
            trees.tree(stage[0].tree_, lambda _, v: [(0, model.learning_rate * v[0, 0])])
        base = np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32)))
    return graph.ml("TreeEnsembleRegressor", [value], n_targets=1, aggregate_function="SUM",
                    post_transform="NONE", base_values=[float(base[0])], **trees.attributes())


def isolation_forest(graph, model, value):
    """For each tree the leaf's number, looked up for its rows and depth; then the mean path."""
    from sklearn.ensemble._iforest import _average_path_length
    scores = []
    for estimator, columns in zip(model.estimators_, model.estimators_features_):
        tree = estimator.tree_
        gathered = graph.add("Gather", [value, graph.constant(columns, np.int64)], axis=1)
        trees = Trees("target")
        trees.tree(tree, lambda n, _: [(0, n)])
        leaf = graph.ml("TreeEnsembleRegressor", [gathered], n_targets=1, post_transform="NONE",
                        **trees.attributes())
        depth = {0: 1}
        for n in range(tree.node_count):
            if tree.children_left[n] >= 0:
                depth[tree.children_left[n]] = depth[tree.children_right[n]] = depth[n] + 1
        leaves = [n for n in range(tree.node_count) if tree.children_left[n] < 0]

        def look_up(values):
            whole = graph.add("Cast", [leaf], to=TensorProto.INT64)
            found = graph.ml("LabelEncoder", [whole], keys_int64s=leaves,
                             values_floats=[float(v) for v in values])
            return graph.add("Reshape", [found, graph.constant([-1, 1], np.int64)])

        samples = look_up([tree.n_node_samples[n] for n in leaves])
        length = look_up([depth[n] for n in leaves])
        two = graph.constant([2])
        is_two = graph.add("Cast", [graph.add("Equal", [samples, two])], to=TensorProto.FLOAT)
        above = graph.add("Cast", [graph.add("Greater", [samples, two])], to=TensorProto.FLOAT)
        kept = graph.add("Mul", [above, samples])
        less = graph.add("Add", [kept, graph.constant([-1])])
        log = graph.add("Log", [graph.add("Max", [less, graph.constant([1])])])
        log = graph.add("Mul", [graph.add("Add", [log, graph.constant([np.euler_gamma])]), two])
        ratio = graph.add("Div", [graph.add("Max", [less, graph.constant([0])]),
                                  graph.add("Max", [kept, graph.constant([1])])])
        ratio = graph.add("Mul", [ratio, graph.constant([-2])])
        average = graph.add("Mul", [graph.add("Add", [log, ratio]), above])
        average = graph.add("Add", [is_two, average])
        path = graph.add("Add", [graph.add("Add", [length, average]), graph.constant([-1])])
        scores.append(path)
    count = len(model.estimators_) * float(_average_path_length([model._max_samples])[0])
    mean = graph.add("Div", [graph.add("Sum", scores), graph.constant([count])])
    power = graph.add("Pow", [graph.constant([2]), graph.add("Neg", [mean])])
    decision = graph.add("Add", [graph.add("Neg", [power]), graph.constant([-model.offset_])])
    less = graph.add("Less", [decision, graph.constant([0])])
    label = graph.add("Mul", [graph.add("Cast", [less], to=TensorProto.INT64),
                              graph.constant([-2], np.int64)])
    label = graph.add("Add", [label, graph.constant([1], np.int64)])
    graph.give(label, "label", TensorProto.INT64, [None, 1])
    graph.give(decision, "scores", TensorProto.FLOAT, [None, 1])


# ---- linear models and networks

def linear_classifier(graph, model, value):
    coefficients, intercepts = model.coef_, model.intercept_
    two = len(model.classes_) == 2
    if two:
        coefficients = np.vstack([-coefficients, coefficients])
        intercepts = np.hstack([-intercepts, intercepts])
    label, scores = graph.ml(
        "LinearClassifier", [value], 2, classlabels_ints=[int(c) for c in model.classes_],
        coefficients=coefficients.ravel().tolist(), intercepts=intercepts.tolist(),
        multi_class=0 if two else 1, post_transform="LOGISTIC" if two else "SOFTMAX")
    return label, graph.ml("Normalizer", [scores], norm="L1") if two else scores


def linear_regressor(graph, model, value):
    return graph.ml("LinearRegressor", [value], coefficients=np.ravel(model.coef_).tolist(),
                    intercepts=np.ravel(model.intercept_).tolist())


ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def network(graph, model, value, last):
    for layer, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
        value = graph.add("MatMul", [value, graph.constant(weights)])
        value = graph.add("Add", [value, graph.constant(bias.reshape(1, -1))])
        if layer + 1 < len(model.coefs_):
            if model.activation != "identity":
                value = graph.add(ACTIVATIONS[model.activation], [value])
        elif last:
            value = graph.add(last, [value], **({"axis": 1} if last == "Softmax" else {}))
    return value


def network_classifier(graph, model, value):
    value = graph.add("Cast", [value], to=TensorProto.FLOAT)
    two = len(model.classes_) == 2
    value = network(graph, model, value, "Sigmoid" if two else "Softmax")
    if two:
        other = graph.add("Sub", [graph.constant([1]), value])
        value = graph.add("Concat", [other, value], axis=1)
    best = graph.add("ArgMax", [value], axis=1)
    classes = graph.constant(model.classes_, np.int64)
    label = graph.ml("ArrayFeatureExtractor", [classes, best])
    label = graph.add("Reshape", [label, graph.constant([-1], np.int64)])
    return label, value


# ---- before the model

def scaled(graph, scaler, value):
    if hasattr(scaler, "mean_"):
        return graph.ml("Scaler", [value], offset=scaler.mean_.tolist(),
                        scale=(1.0 / scaler.scale_).tolist())
    value = graph.add("Mul", [value, graph.constant(scaler.scale_)])
    return graph.add("Add", [value, graph.constant(scaler.min_)])


def imputed(graph, imputer, value):
    return graph.ml("Imputer", [value], imputed_value_floats=imputer.statistics_.tolist(),
                    replaced_value_float=float("nan"))


def normalized(graph, normalizer, value):
    if normalizer.norm == "max":  # scikit-learn's is of sizes, ai.onnx.ml's is not
        size = graph.add("ReduceMax", [graph.add("Abs", [value])], axes=[1], keepdims=1)
        return graph.add("Div", [value, size])
    return graph.ml("Normalizer", [value], norm=normalizer.norm.upper())


def _column(graph, value, column):
    return graph.ml("ArrayFeatureExtractor", [value, graph.constant([column], np.int64)])


def one_hot(graph, encoder, value):
    parts = []
    for column, categories in enumerate(encoder.categories_):
        whole = graph.add("Cast", [_column(graph, value, column)], to=TensorProto.INT64)
        hot = graph.ml("OneHotEncoder", [whole], cats_int64s=[int(c) for c in categories],
                       zeros=1 if encoder.handle_unknown == "ignore" else 0)
        parts.append(graph.add("Reshape", [hot, graph.constant([-1, len(categories)], np.int64)]))
    return graph.add("Concat", parts, axis=1)


def ordinal(graph, encoder, value):
    parts = []
    for column, categories in enumerate(encoder.categories_):
        whole = graph.add("Cast", [_column(graph, value, column)], to=TensorProto.INT64)
        code = graph.ml("LabelEncoder", [whole], keys_int64s=[int(c) for c in categories],
                        values_int64s=list(range(len(categories))))
        parts.append(graph.add("Reshape", [code, graph.constant([-1, 1], np.int64)]))
    return graph.add("Cast", [graph.add("Concat", parts, axis=1)], to=TensorProto.FLOAT)


# ---- the judge

def stock(file, inputs):
    """The numbers onnxruntime answers with: of the first output that is no label, [rows, n]."""
    with quiet():
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        answers = session.run(None, inputs)
    for answer in answers:
        if isinstance(answer, list):
            return np.array([[row[key] for key in sorted(row)] for row in answer], np.float64)
        if answer.dtype in (np.float32, np.float64):
            return answer.astype(np.float64)
    raise AssertionError("no output holds numbers")


def gives_label(file):
    model = onnx.load_from_string(file)
    return any(output.type.WhichOneof("value") == "tensor_type" and output.type.tensor_type.elem_type
               == TensorProto.INT64 for output in model.graph.output)
