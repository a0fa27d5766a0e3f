#!/usr/bin/env python3
"""ONNX files of fitted models, scored by assayctl, by onnxruntime and by who fitted them.

tests/lib/onnx_models.py writes scikit-learn's models as skl2onnx does; PyTorch exports its own.
On 10,000 rows (sequences: 2,000), with missing values where the model takes them, `assayctl
score` must agree with onnxruntime, and both with the library's own prediction, within 1e-5 of
the probability or, for regressors, of the answers' largest size.  Prints TAP."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import numpy as np  # noqa: E402
import onnx_models as om  # noqa: E402
from onnx_models import Graph, TensorProto  # noqa: E402

ERROR_MAX = 1e-5
ROWS = 10000
FEATURES = 12
ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"
SHARED = pathlib.Path(os.environ.get("ASSAY_SHARED") or "../shared")


class Skip(Exception):
    pass


# ---- rows to fit and to score

def table(missing=0.0, seed=5):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    rows[:, 3] = random.integers(0, 6, ROWS)
    rows[:, 7] = random.lognormal(3, 1, ROWS)
    score = rows[:, 0] + 0.5 * rows[:, 1] * rows[:, 2] + (rows[:, 3] == 2) - 0.02 * rows[:, 7]
    score = score + random.normal(size=ROWS)
    rows[random.random(rows.shape) < missing] = np.nan
    return rows, score.astype(np.float64)


def labels(score, classes):
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])) * 3 + 1


# ---- one case: the file, the inputs of onnxruntime, the rows of score, the own prediction

def classifier_case(make, write, classes, missing=0.0, zip_map=True, names=None):
    rows, score = table(missing)
    model = make().fit(rows[::4], labels(score, classes)[::4])
    graph = Graph(FEATURES)
    label, value = write(graph, model, "X")
    graph.probabilities(label, value, model.classes_, zip_map)
    return graph.file(names), {"X": rows}, rows, model.predict_proba(rows)


def regressor_case(make, write, missing=0.0, targets=1):
    rows, score = table(missing)
    wanted = score if targets == 1 else np.stack([score, 2 - score], 1)
    model = make().fit(rows[::4], wanted[::4])
    graph = Graph(FEATURES)
    graph.give(write(graph, model, "X"), "variable", TensorProto.FLOAT, [None, targets])
    return graph.file(), {"X": rows}, rows, model.predict(rows)


def pipeline_case(steps, writers, make, write, missing=0.0, only=None):
    from sklearn.pipeline import make_pipeline
    rows, score = table(missing)
    if only is not None:
        random = np.random.default_rng(3)
        rows = random.integers(0, 5, (ROWS, only)).astype(np.float32)
        score = rows.sum(1) + random.normal(size=ROWS)
    pipeline = make_pipeline(*[step() for step in steps], make())
    pipeline.fit(rows[::4], labels(score, 2)[::4])
    graph, value = Graph(rows.shape[1]), "X"
    for writer, step in zip(writers, pipeline.named_steps.values()):
        value = writer(graph, step, value)
    label, value = write(graph, pipeline[-1], value)
    graph.probabilities(label, value, pipeline.classes_)
    return graph.file(), {"X": rows}, rows, pipeline.predict_proba(rows)


def isolation_case():
    from sklearn.ensemble import IsolationForest
    rows, _ = table()
    model = IsolationForest(n_estimators=100, random_state=1).fit(rows[::4])
    graph = Graph(FEATURES)
    om.isolation_forest(graph, model, "X")
    return graph.file(), {"X": rows}, rows, model.decision_function(rows)


def normalizer_case():
    rows, _ = table()
    graph = Graph(FEATURES)
    graph.give(graph.ml("Normalizer", ["X"], norm="MAX"), "Y", TensorProto.FLOAT, [None, FEATURES])
    return graph.file(), {"X": np.abs(rows)}, np.abs(rows), None


def frame_case():
    """A column each, found by name and in another order than the file's."""
    from sklearn.linear_model import LogisticRegression
    rows, score = table()
    model = LogisticRegression().fit(rows[:, :4], labels(score, 2))
    names = ["amount", "age", "velocity", "kind"]
    inputs = [om.helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 1]) for n in names]
    graph = Graph(4, inputs=inputs)
    value = graph.add("Concat", names, axis=1)
    label, value = om.linear_classifier(graph, model, value)
    graph.probabilities(label, value, model.classes_)
    feed = {name: rows[:, i:i + 1] for i, name in enumerate(names)}
    return graph.file(), feed, rows[:, [2, 0, 3, 1]], model.predict_proba(rows[:, :4]), \
        ["velocity", "amount", "kind", "age"]


def named_case():
    """Names in the file's metadata, columns in another order."""
    from sklearn.tree import DecisionTreeClassifier
    names = [f"feature {i}" for i in range(FEATURES)]
    file, feed, rows, own = classifier_case(lambda: DecisionTreeClassifier(max_depth=6),
                                            om.forest_classifier, 2, names=names)
    order = list(range(FEATURES))[::-1]
    return file, feed, rows[:, order], own, [names[i] for i in order]


def modes_case(missing):
    """Every kind of comparison, and both ways for what is missing; there is no own model."""
    rows, _ = table(0.2)
    graph, trees = Graph(FEATURES), om.Trees("target")
    number = 0
    for mode in ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"):
        for feature in (3, 0):
            threshold = 2.0 if feature == 3 or "EQ" in mode[-2:] else float(rows[17, 0])
            trees.node(0, feature, threshold, 1, 2, missing, mode)
            number += 1
            trees.leaf(1, [(0, 1.0 / 3 ** number)])
            trees.leaf(2, [(0, -1.5 / 3 ** number)])
            trees.count += 1
    value = graph.ml("TreeEnsembleRegressor", ["X"], n_targets=1, post_transform="NONE",
                     base_values=[0.25], **trees.attributes())
    graph.give(value, "variable", TensorProto.FLOAT, [None, 1])
    return graph.file(), {"X": rows}, rows, None


def scores_case(weights, ids, classes, post, base):
    """TreeEnsembleClassifier in the forms that the specification leaves to the program."""
    rows, _ = table()
    graph, trees = Graph(FEATURES), om.Trees("class")
    for feature in range(3):
        trees.node(0, feature, 0.1, 1, 2, 0)
        trees.leaf(1, [(i, w) for i, w in zip(ids, weights)])
        trees.leaf(2, [(i, w / 3) for i, w in zip(ids, weights)])
        trees.count += 1
    label, value = graph.ml("TreeEnsembleClassifier", ["X"], 2, post_transform=post,
                            classlabels_int64s=list(range(classes)),
                            **({"base_values": base} if base else {}), **trees.attributes())
    graph.probabilities(label, value, range(classes), zip_map=False)
    return graph.file(), {"X": rows}, rows, None


# ---- PyTorch

def torch_case(make, shape, opset, rows=ROWS, transpose=None, **export):
    import warnings
    import torch
    torch.manual_seed(7)
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # it is of no operator that can be exported
    model = make().eval()
    random = np.random.default_rng(11)
    batch = random.normal(size=(rows, *shape)).astype(np.float32)
    feed = batch if transpose is None else batch.transpose(transpose)
    out = io.BytesIO()
    axis = 0 if transpose is None else 1
    one = torch.from_numpy(np.ascontiguousarray(feed.take([0], axis)))
    with warnings.catch_warnings(), torch.no_grad(), om.quiet(), \
            contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (one,), out, input_names=["x"], output_names=["y"],
                          opset_version=opset, dynamo=False,
                          dynamic_axes={"x": {axis: "batch"}, "y": {0: "batch"}}, **export)
        own = model(torch.from_numpy(np.ascontiguousarray(feed))).numpy()
    return out.getvalue(), {"x": feed}, batch.reshape(rows, -1), own


def mlp(activation):
    def make():
        from torch import nn
        return nn.Sequential(nn.Linear(12, 32), activation(nn), nn.Linear(32, 16), activation(nn),
                             nn.Linear(16, 1), nn.Sigmoid())
    return make


def softmax_net():
    from torch import nn
    return nn.Sequential(nn.Linear(12, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.3),
                         nn.LayerNorm(24), nn.Linear(24, 4), nn.Softmax(dim=1))


def recurrent(kind, batch_first=True, layers=2, both=False):
    def make():
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = getattr(nn, kind)(10, 24, layers, batch_first=batch_first,
                                             bidirectional=both)
                self.head = nn.Linear(48 if both else 24, 1)

            def forward(self, x):
                out, _ = self.rnn(x)
                last = out[:, -1, :] if batch_first else out[-1]
                return self.head(last).sigmoid()
        return Net()
    return make


def convolution():
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv1d(10, 16, 3, padding=1)
            self.second = nn.Conv1d(16, 16, 3, stride=2, dilation=2, groups=4)
            self.pool = nn.MaxPool1d(2)
            self.head = nn.Linear(16, 2)

        def forward(self, x):
            x = self.pool(self.first(x.transpose(1, 2)).relu())
            x = self.second(x).tanh().mean(2)
            return self.head(x).softmax(1)
    return Net()


def transformer():
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Linear(10, 16)
            self.layer = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True)
            self.head = nn.Linear(16, 1)

        def forward(self, x):
            return self.head(self.layer(self.up(x)).mean(1)).sigmoid()
    return Net()


def attention():
    """Written out, as people write it: split, scores, softmax, joined again."""
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.all = nn.Linear(10, 48)
            self.norm = nn.LayerNorm(16)
            self.head = nn.Linear(16, 3)

        def forward(self, x):
            n, t, _ = x.shape
            q, k, v = self.all(x).split(16, 2)
            q, k, v = (p.reshape(n, t, 4, 4).transpose(1, 2) for p in (q, k, v))
            w = (q @ k.transpose(2, 3) / 2.0).softmax(3)
            out = (w @ v).transpose(1, 2).reshape(n, t, 16)
            return self.head(self.norm(out)[:, -1]).softmax(1)
    return Net()


def gru_truth(constants, x):
    """The IBM network in float64: what both programs approximate."""
    def sigmoid(v):
        return 1 / (1 + np.exp(-v))
    for w, r, b in (("W__39", "R__40", "B__41"), ("W__46", "R__47", "B__48")):
        w, r, b = constants[w][0], constants[r][0], constants[b][0]
        size = w.shape[0] // 3
        h, out = np.zeros((x.shape[1], size)), []
        for step in x:
            of_x, of_h = step @ w.T + b[:3 * size], h @ r.T + b[3 * size:]
            z = sigmoid(of_x[:, :size] + of_h[:, :size])
            reset = sigmoid(of_x[:, size:2 * size] + of_h[:, size:2 * size])
            h = (1 - z) * np.tanh(of_x[:, 2 * size:] + reset * of_h[:, 2 * size:]) + z * h
            out.append(h)
        x = np.stack(out)
    return sigmoid(x @ constants["sequential/dense/Tensordot/ReadVariableOp:0"]
                   + constants["sequential/dense/BiasAdd/ReadVariableOp:0"])[:, :, 0].T


def judge_ibm(folder):
    """The public GRU of IBM, made for a batch of 16, on rows that are mostly one-hot.

    Its weights magnify float32's rounding: onnxruntime itself is 1e-4 from the same network in
    float64.  So the judge is float64: no row may be further from it than onnxruntime's worst,
    the middle half of all answers not by 1e-6 from onnxruntime's."""
    path = SHARED / "data/models/ibm_ccf_gru.onnx"
    if not path.exists():
        raise Skip(f"{path.name} is not there (ASSAY_SHARED)")
    random = np.random.default_rng(2)
    rows = (random.random((2000, 7, 220)) < 0.05).astype(np.float32)
    rows[:, :, :8] = random.random((2000, 7, 8))
    file = path.read_bytes()
    stock = np.concatenate([om.stock(file, {"input": rows[b:b + 16].transpose(1, 0, 2)})[:, :, 0].T
                            for b in range(0, 2000, 16)])
    constants = {i.name: om.numpy_helper.to_array(i).astype(np.float64)
                 for i in om.onnx.load_from_string(file).graph.initializer}
    truth = gru_truth(constants, rows.transpose(1, 0, 2).astype(np.float64))
    got = score(file, rows.reshape(2000, -1), None, folder)
    ours, theirs = np.abs(got - truth), np.abs(stock - truth)
    apart = np.abs(got - stock)
    middle = np.quantile(apart, 0.75)
    remark = (f"2000 rows, 7 answers each; from float64: ours at most {ours.max():.2g}, "
              f"onnxruntime {theirs.max():.2g}; from each other: three quarters {middle:.2g}, "
              f"{np.mean(apart <= ERROR_MAX):.2%} within {ERROR_MAX:g}")
    assert ours.max() <= theirs.max() and middle <= 1e-6, remark
    return remark


def ibm_twin():
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(220, 200, 2)
            self.head = nn.Linear(200, 1)

        def forward(self, x):
            return self.head(self.rnn(x)[0][-1]).sigmoid()
    return Net()


def cases():
    import warnings
    from sklearn import ensemble, linear_model, neural_network, preprocessing, tree
    from sklearn.impute import SimpleImputer
    warnings.simplefilter("ignore")
    yield "logistic regression, two classes", lambda: classifier_case(
        linear_model.LogisticRegression, om.linear_classifier, 2)
    yield "logistic regression, four classes", lambda: classifier_case(
        lambda: linear_model.LogisticRegression(max_iter=300), om.linear_classifier, 4)
    yield "linear regression", lambda: regressor_case(linear_model.LinearRegression,
                                                      om.linear_regressor)
    for classes in (2, 4):
        for title, make, missing in (
                ("decision tree", lambda: tree.DecisionTreeClassifier(random_state=1), 0.1),
                ("random forest", lambda: ensemble.RandomForestClassifier(60, random_state=1), 0.1),
                ("extra trees", lambda: ensemble.ExtraTreesClassifier(60, random_state=1), 0.0)):
            yield f"{title}, {classes} classes", lambda m=make, c=classes, n=missing: \
                classifier_case(m, om.forest_classifier, c, n)
        yield f"gradient boosting, {classes} classes", lambda c=classes: classifier_case(
            lambda: ensemble.GradientBoostingClassifier(n_estimators=40), om.boosted_classifier, c)
        yield f"histogram gradient boosting, {classes} classes", lambda c=classes: classifier_case(
            lambda: ensemble.HistGradientBoostingClassifier(max_iter=60), om.boosted_classifier, c,
            0.15)
    yield "random forest without ZipMap", lambda: classifier_case(
        lambda: ensemble.RandomForestClassifier(20), om.forest_classifier, 2, zip_map=False)
    yield "decision tree regressor", lambda: regressor_case(tree.DecisionTreeRegressor,
                                                            om.forest_regressor, 0.1)
    yield "random forest regressor", lambda: regressor_case(
        lambda: ensemble.RandomForestRegressor(40), om.forest_regressor, 0.1)
    yield "random forest regressor, two targets", lambda: regressor_case(
        lambda: ensemble.RandomForestRegressor(20), om.forest_regressor, 0.0, 2)
    yield "random forest regressor, aggregate AVERAGE", lambda: regressor_case(
        lambda: ensemble.RandomForestRegressor(20),
        lambda g, m, v: om.forest_regressor(g, m, v, "AVERAGE"))
    yield "extra trees regressor", lambda: regressor_case(
        lambda: ensemble.ExtraTreesRegressor(40), om.forest_regressor)
    yield "gradient boosting regressor", lambda: regressor_case(
        lambda: ensemble.GradientBoostingRegressor(n_estimators=60), om.boosted_regressor)
    yield "histogram gradient boosting regressor", lambda: regressor_case(
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=60), om.boosted_regressor, 0.15)
    yield "isolation forest", isolation_case
    for activation in ("relu", "tanh", "logistic", "identity"):
        yield f"MLPClassifier, {activation}", lambda a=activation: pipeline_case(
            [preprocessing.StandardScaler], [om.scaled],
            lambda: neural_network.MLPClassifier((24, 12), activation=a, max_iter=20,
                                                 random_state=1), om.network_classifier)
    yield "MLPClassifier, four classes", lambda: classifier_case(
        lambda: neural_network.MLPClassifier((16,), max_iter=20), om.network_classifier, 4)
    yield "MinMaxScaler, then trees", lambda: pipeline_case(
        [preprocessing.MinMaxScaler], [om.scaled], linear_model.LogisticRegression,
        om.linear_classifier)
    yield "SimpleImputer, StandardScaler, logistic regression", lambda: pipeline_case(
        [SimpleImputer, preprocessing.StandardScaler], [om.imputed, om.scaled],
        linear_model.LogisticRegression, om.linear_classifier, 0.2)
    yield "ai.onnx.ml Normalizer MAX", normalizer_case
    for norm in ("l1", "l2", "max"):
        yield f"Normalizer {norm}, logistic regression", lambda n=norm: pipeline_case(
            [lambda: preprocessing.Normalizer(norm=n)], [om.normalized],
            linear_model.LogisticRegression, om.linear_classifier)
    yield "OneHotEncoder, random forest", lambda: pipeline_case(
        [lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)],
        [om.one_hot], lambda: ensemble.RandomForestClassifier(20), om.forest_classifier, only=4)
    yield "OrdinalEncoder, random forest", lambda: pipeline_case(
        [preprocessing.OrdinalEncoder], [om.ordinal], lambda: ensemble.RandomForestClassifier(20),
        om.forest_classifier, only=4)
    yield "columns of a data frame by name", frame_case
    yield "names in the file's metadata", named_case
    for missing in (0, 1):
        yield f"every comparison, missing goes {missing}", lambda m=missing: modes_case(m)
    for number, (weights, ids, classes, post, base) in enumerate((
            ([0.2], [0], 2, "NONE", None), ([-0.2], [0], 2, "NONE", None),
            ([-0.4], [0], 2, "LOGISTIC", [0.3]), ([0.2], [0], 2, "LOGISTIC", [0.1]),
            ([0.3], [1], 2, "NONE", None), ([-0.3], [1], 2, "LOGISTIC", [0.1]),
            ([0.3, -0.1], [0, 1], 2, "LOGISTIC", None), ([0.3, -0.1], [0, 1], 2, "SOFTMAX", None),
            ([0.3, -0.1], [0, 1], 2, "NONE", [0.1]), ([-0.3], [0], 2, "SOFTMAX", None),
            ([0.3, 1.1, -2.0], [0, 1, 2], 3, "SOFTMAX", [0.1, 0.2, 0.3]))):
        yield f"scores {number}: classes {ids} of {classes}, {post}, base {base}", \
            lambda w=weights, i=ids, c=classes, p=post, b=base: scores_case(w, i, c, p, b)
    for opset in (9, 11, 13, 17, 20):
        yield f"torch MLP, ReLU, opset {opset}", lambda o=opset: torch_case(
            mlp(lambda nn: nn.ReLU()), (12,), o)
        yield f"torch norms and softmax, opset {opset}", lambda o=opset: torch_case(
            softmax_net, (12,), o)
    for name, layer in (("Tanh", lambda nn: nn.Tanh()), ("Sigmoid", lambda nn: nn.Sigmoid()),
                        ("LeakyReLU", lambda nn: nn.LeakyReLU(0.2)), ("ELU", lambda nn: nn.ELU()),
                        ("SELU", lambda nn: nn.SELU()), ("GELU", lambda nn: nn.GELU()),
                        ("GELU tanh", lambda nn: nn.GELU("tanh")), ("SiLU", lambda nn: nn.SiLU()),
                        ("Softplus", lambda nn: nn.Softplus()), ("Mish", lambda nn: nn.Mish()),
                        ("Hardsigmoid", lambda nn: nn.Hardsigmoid()),
                        ("Hardtanh", lambda nn: nn.Hardtanh()),
                        ("Softsign", lambda nn: nn.Softsign())):
        yield f"torch MLP, {name}", lambda a=layer: torch_case(mlp(a), (12,), 17)
    yield "torch MLP, GELU, opset 20", lambda: torch_case(mlp(lambda nn: nn.GELU()), (12,), 20)
    for kind in ("GRU", "LSTM"):
        for opset in (9, 11, 13, 17):
            yield f"torch {kind}, opset {opset}", lambda k=kind, o=opset: torch_case(
                recurrent(k), (9, 10), o, 2000)
        yield f"torch {kind}, time first", lambda k=kind: torch_case(
            recurrent(k, False), (9, 10), 13, 2000, (1, 0, 2))
        yield f"torch {kind}, both directions", lambda k=kind: torch_case(
            recurrent(k, both=True, layers=1), (9, 10), 13, 2000)
    for opset in (9, 11, 13, 17, 20):
        yield f"torch Conv1d, opset {opset}", lambda o=opset: torch_case(convolution, (20, 10), o,
                                                                          2000)
        yield f"torch attention, opset {opset}", lambda o=opset: torch_case(attention, (9, 10), o,
                                                                             2000)
    for opset in (14, 17, 20):
        yield f"torch TransformerEncoderLayer, opset {opset}", lambda o=opset: torch_case(
            transformer, (9, 10), o, 2000)
    yield "the IBM GRU", judge_ibm
    yield "an LSTM of its shape", lambda: torch_case(ibm_twin, (7, 220), 13, 500, (1, 0, 2))


# ---- assayctl

def score(file, rows, names, folder):
    model, csv = folder / "model.onnx", folder / "rows.csv"
    model.write_bytes(file)
    with open(csv, "w") as out:
        out.write(",".join(names or [f"c{i}" for i in range(rows.shape[1])]) + "\n")
        np.savetxt(out, rows, "%.9g", ",")
    with open(csv) as stdin:
        done = subprocess.run([ASSAYCTL, "score", model], stdin=stdin, capture_output=True,
                              text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.strip())
    lines = done.stdout.splitlines()
    table_of = np.array([line.split(",") for line in lines[1:]], np.float64)
    return table_of[:, table_of.shape[1] // 2:]


def compare(got, wanted, second, who):
    wanted = np.asarray(wanted, np.float64).reshape(len(got), -1)
    if second and wanted.shape[1] == 2 and got.shape[1] == 1:
        wanted = wanted[:, 1:]
    assert got.shape == wanted.shape, f"{got.shape[1]} outputs, {who} has {wanted.shape[1]}"
    assert not np.isnan(got).any(), "an answer is not a number"
    size = max(1.0, float(np.abs(wanted).max()))
    error = float(np.abs(got - wanted).max()) / size
    assert error <= ERROR_MAX, f"differs from {who} by {error:.3g}"
    return error


def judge(case, folder):
    if case is judge_ibm:
        return judge_ibm(folder)
    file, feed, rows, own, *names = case()
    stock = feed if isinstance(feed, np.ndarray) else om.stock(file, feed)
    got = score(file, rows, names[0] if names else None, folder)
    second = om.gives_label(file)
    remark = f"{len(rows)} rows; error to onnxruntime {compare(got, stock, second, 'onnxruntime'):.2g}"
    if own is not None:
        remark += f", to the library {compare(got, own, second, 'the library'):.2g}"
    return remark + f"; answers {got.min():.3g} to {got.max():.3g}"


def main():
    only = os.environ.get("CASES", "")
    chosen = [case for case in cases() if only in case[0]]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, case) in enumerate(chosen, 1):
            try:
                print(f"# {judge(case, pathlib.Path(folder))}")
                print(f"ok {number} - {name}", flush=True)
            except Skip as reason:
                print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                text = str(error).splitlines() or [type(error).__name__]
                print(f"# {type(error).__name__}: {text[0]}")
                print(f"not ok {number} - {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
