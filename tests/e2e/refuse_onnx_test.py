#!/usr/bin/env python3
"""ONNX files that must not be run: each is refused with its place and a sentence.

The files are written with python3-onnx, each with one thing wrong.  A case says what the
refusal must name: the node and its operator, the tensor, or the byte; and what was found.
Prints TAP."""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import numpy as np  # noqa: E402
import onnx_models as om  # noqa: E402
import tap  # noqa: E402
from onnx_models import ML, Graph, TensorProto, Trees, helper  # noqa: E402

ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"


def info(file):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as out:
        out.write(file)
        out.flush()
        done = subprocess.run([ASSAYCTL, "score", "--info", out.name], capture_output=True,
                              text=True, check=False, timeout=60)
        return done.returncode, done.stderr.replace(out.name, "FILE").strip()


def refused(file, *words):
    code, said = info(file)
    tap.check(code == 2, f"ended with {code}, said {said!r}")
    for word in words:
        tap.check(word in said, f"the refusal names no {word!r}: {said}")


def graph_of(build, features=4, opset=om.OPSET, **kwargs):
    graph = Graph(features)
    value = build(graph)
    graph.give(value, "Y", TensorProto.FLOAT, [None, 1])
    return graph.file(opset=opset, **kwargs)


def model(edit, features=4):
    """A good small file, then changed."""
    file = om.onnx.load_from_string(graph_of(
        lambda g: g.add("MatMul", ["X", g.constant(np.ones((features, 1)))]), features))
    edit(file)
    return file.SerializeToString()


def test_operators():
    """Operators that are not supported, and those of other domains"""
    refused(graph_of(lambda g: g.add("Einsum", ["X", "X"], equation="ij,ij->i")),
            "node 'n1_Einsum' (Einsum)", "not supported")
    refused(graph_of(lambda g: g.ml("SVMClassifier", ["X"], 2)[1]),
            "node 'n1_SVMClassifier' (SVMClassifier)", "ai.onnx.ml")
    refused(graph_of(lambda g: g.ml("SVMRegressor", ["X"])), "(SVMRegressor)")
    refused(graph_of(lambda g: g.add("Loop", ["X"])), "(Loop)", "not supported")
    refused(graph_of(lambda g: g.add("Gelu", ["X"], domain="com.microsoft")),
            "(Gelu)", "com.microsoft")
    refused(graph_of(lambda g: g.add("LayerNormalization", ["X", g.constant(np.ones(4))]),
                     opset=13), "(LayerNormalization)", "from operator set 17 to 21", "13")


def test_attributes():
    """Attributes and forms that would be computed otherwise"""
    refused(graph_of(lambda g: g.add("Relu", ["X"], strange=3)), "(Relu)", '"strange"')
    refused(graph_of(lambda g: g.add("Add", ["X"])), "(Add)", "1 inputs; allowed are 2 to 2")
    refused(graph_of(lambda g: g.ml("Normalizer", ["X"], norm="L7")), "(Normalizer)", '"L7"')

    def recurrent(graph, **attributes):
        x = graph.add("Reshape", ["X", graph.constant([1, 1, 4], np.int64)])
        return graph.add("GRU", [x, graph.constant(np.ones((1, 6, 4))),
                                 graph.constant(np.ones((1, 6, 2)))], hidden_size=2, **attributes)
    refused(graph_of(lambda g: recurrent(g, activations=["Relu", "Tanh"])),
            "(GRU)", "activation 0 is not Sigmoid")
    refused(graph_of(lambda g: recurrent(g, clip=3.0)), "(GRU)", '"clip"')
    refused(graph_of(lambda g: g.add("Clip", ["X", "X"])), "(Clip)", "known at load")
    refused(graph_of(lambda g: g.add("Reshape", ["X", g.add("Cast", ["X"], to=7)])),
            "(Reshape)", "depends on the features")


def test_shapes():
    """Shapes that do not go together, and dimensions beyond all bounds"""
    refused(graph_of(lambda g: g.add("MatMul", ["X", g.constant(np.ones((3, 2)))])),
            "node 'n1_MatMul' (MatMul)", "[1, 4]", "[2, 3]")
    refused(graph_of(lambda g: g.add("Add", ["X", g.constant(np.ones(3))])), "(Add)", "[3]")
    refused(graph_of(lambda g: g.add("Reshape", ["X", g.constant([3, 7], np.int64)])),
            "(Reshape)", "[3, 7]")
    refused(graph_of(lambda g: g.add("Gather", ["X", g.constant([9], np.int64)], axis=1)),
            "(Gather)", "outside the axis' 4")
    refused(graph_of(lambda g: g.add("Concat", ["X", "X"], axis=5)), "(Concat)", "axis 5")
    refused(graph_of(lambda g: g.add("Expand", ["X", g.constant([1 << 23, 4], np.int64)])),
            "(Expand)")
    refused(graph_of(lambda g: g.add("Expand", [g.constant([1.0]),
                                                g.constant([1 << 23], np.int64)])),
            "(Expand)", "a file of this size")
    refused(graph_of(lambda g: g.add("ConstantOfShape", [g.constant([1 << 62], np.int64)])),
            "(ConstantOfShape)")
    refused(graph_of(lambda g: g.add("Add", ["X", g.constant(123456789, np.int64)])),
            "initializer 'c0'", "123456789")


def test_inputs():
    """Inputs whose shape is not fixed, or that hold no numbers"""
    def shape(*dims, elem=TensorProto.FLOAT):
        return model(lambda m: m.graph.input[0].CopyFrom(
            helper.make_tensor_value_info("X", elem, list(dims))))
    refused(shape("n", "f"), "input 'X'", "free dimensions beside the batch")
    refused(shape("n", "t", 4), "input 'X'", "must be fixed")
    refused(shape("n", 3, 3, 4), "input 'X'", "4 axes")
    refused(shape("n", 4, elem=TensorProto.STRING), "input 'X'", "type 8")
    refused(shape("n", 1 << 40), "input 'X'", "dimension")
    refused(shape("n", 5000), "5000 features; allowed are")
    refused(model(lambda m: m.graph.input.pop()), "no inputs")
    refused(model(lambda m: m.graph.output.pop()), "no output holds numbers")


def test_order():
    """Graphs that are cyclic or out of order, and names given twice"""
    graph = Graph(4)
    graph.nodes.append(helper.make_node("Add", ["X", "b"], ["a"], "first"))
    graph.nodes.append(helper.make_node("Relu", ["a"], ["b"], "second"))
    graph.give("b", "Y", TensorProto.FLOAT, [None, 4])
    refused(graph.file(), "node 'first' (Add)", '"b"', "cyclic or out of order")
    refused(model(lambda m: m.graph.initializer.append(m.graph.initializer[0])),
            "initializer 'c0'", "given twice")
    refused(model(lambda m: m.graph.node[0].output.__setitem__(0, "X")), "node")
    refused(model(lambda m: m.graph.node[1].input.__setitem__(0, "nowhere")), '"nowhere"')


def test_tensors():
    """Tensors elsewhere, of other types, or with other counts than their shape"""
    def external(m):
        m.graph.initializer[0].data_location = TensorProto.EXTERNAL
    refused(model(external), "initializer 'c0'", "external data")
    refused(model(lambda m: setattr(m.graph.initializer[0], "data_type", TensorProto.STRING)),
            "initializer 'c0'", "type 8")
    refused(model(lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234567")),
            "initializer 'c0'", "[4, 1]", "holds 1 numbers")
    refused(model(lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 50)),
            "initializer 'c0'", "dimension")
    refused(model(lambda m: m.graph.initializer[0].dims.__setitem__(0, -4)), "initializer 'c0'")
    refused(model(lambda m: m.graph.initializer[0].dims.extend([1] * 7)), "9 axes")
    refused(model(lambda m: setattr(m.opset_import[0], "version", 99)), "opset_import", "9 to 21")
    refused(model(lambda m: setattr(m.opset_import[0], "version", 3)), "opset_import", "9 to 21")


def tree_file(change, **attributes):
    trees = Trees("target")
    trees.node(0, 1, 0.5, 1, 2, 0)
    trees.leaf(1, [(0, 1.0)])
    trees.node(2, 0, 0.25, 3, 4, 0)
    trees.leaf(3, [(0, 2.0)])
    trees.leaf(4, [(0, 3.0)])
    trees.count += 1
    fields = {**trees.attributes(), "n_targets": 1, **attributes}
    change(fields)
    return graph_of(lambda g: g.ml("TreeEnsembleRegressor", ["X"], **fields))


def test_trees():
    """Trees that are cyclic, shared or broken; thresholds and weights that are no numbers"""
    where = "node 'n1_TreeEnsembleRegressor' (TreeEnsembleRegressor)"

    def put(name, at, value):
        return tree_file(lambda f: f[name].__setitem__(at, value))
    tap.check(info(tree_file(lambda f: None))[0] == 0, "the good tree is refused")
    refused(put("nodes_values", 2, float("nan")), where, "tree 0, node 2", "NaN")
    refused(put("nodes_values", 0, float("-inf")), where, "tree 0, node 0", "-inf")
    refused(put("target_weights", 0, float("inf")), where, "node 1", "finite")
    refused(put("nodes_truenodeids", 2, 0), where, "node 0", "cycle")
    refused(put("nodes_truenodeids", 2, 1), where, "node 1", "shared")
    refused(put("nodes_truenodeids", 2, 2), where, "node 2", "not there")
    refused(put("nodes_truenodeids", 2, 77), where, "node 2", "not there")
    refused(put("nodes_modes", 2, "LEAF"), where, "no node leads to it")
    refused(put("nodes_modes", 2, "BRANCH_MAYBE"), where, "mode")
    refused(put("nodes_modes", 2, "BRANCH_EQ"), where, "no category")
    refused(put("nodes_featureids", 2, 4), where, "a feature that the input does not have")
    refused(put("nodes_featureids", 2, -1), where, "a feature that the input does not have")
    refused(put("nodes_nodeids", 2, 1), where, "given twice")
    refused(put("target_ids", 0, 1), where, "class or target")
    refused(put("target_nodeids", 0, 2), where, "no such leaf")
    refused(tree_file(lambda f: f["nodes_values"].pop()), where, "nodes_values")
    refused(tree_file(lambda f: f["nodes_modes"].pop()), where, "as many modes")
    refused(tree_file(lambda f: None, aggregate_function="MIN"), where, '"MIN"')
    refused(tree_file(lambda f: None, post_transform="PROBIT"), where, '"PROBIT"')
    refused(tree_file(lambda f: f.__setitem__("n_targets", 1000)), where, "1000 targets")
    loop = Trees("target")
    for number in range(70):
        loop.node(number, 0, 0.5, number + 1, 100 + number, 0)
    for number in [70] + list(range(100, 170)):
        loop.leaf(number, [(0, 1.0)])
    refused(graph_of(lambda g: g.ml("TreeEnsembleRegressor", ["X"], n_targets=1,
                                    **loop.attributes())), where, "70 deep")


def test_wire():
    """Files that are cut off anywhere, nested too deep, or say things twice"""
    good = tree_file(lambda f: None)
    tap.check(info(good)[0] == 0, "the good file is refused")
    for size in list(range(1, 40)) + list(range(40, len(good), 29)):
        code, said = info(good[:size])
        tap.check(code == 2 and "FILE: " in said, f"cut at {size}: {code}, {said!r}")
    refused(good + b"\x3a\x00", "byte", "given twice")
    deep = b""
    for _ in range(40):  # a graph in an attribute of a node of a graph ...
        for tag in (0x32, 0x2a, 0x0a):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            size = len(deep)
            deep = bytes([tag]) + varint(size) + deep
    refused(b"\x08\x08\x3a" + varint(len(deep)) + deep, "byte", "nested more than 24 deep")
    many = b"\x0a\x00" * 200000  # empty nodes
    refused(b"\x08\x08\x3a" + varint(len(many)) + many, "byte", "64 times")
    refused(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "byte", "ten bytes")


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def test_domain():
    """The domain of classical models must be within its versions"""
    file = om.onnx.load_from_string(tree_file(lambda f: None))
    for opset in file.opset_import:
        if opset.domain == ML:
            opset.version = 17
    refused(file.SerializeToString(), "opset_import", "ai.onnx.ml")


if __name__ == "__main__":
    tap.main([test_operators, test_attributes, test_shapes, test_inputs, test_order, test_tensors,
              test_trees, test_wire, test_domain])
