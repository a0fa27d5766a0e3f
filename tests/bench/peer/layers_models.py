#!/usr/bin/env python3
"""Writes what tests/bench/layers.c measures, as ONNX files for the peer and as flat
float32 files for our kernels: python3 tests/bench/peer/layers_models.py DIRECTORY [GRU.onnx]

mlp.onnx, mlp.f32   256-128-64-1, relu; of each layer w [columns][inner], then bias
mlp_int8.onnx       the same with int8 weights, quantised by column; activations as they come
mlp_rows.f32        [256][256] rows, to calibrate and to measure
gru.onnx, gru.f32   GRU.onnx with a batch of one; W, R, bias of each layer, then the head"""

import pathlib
import sys

import numpy
import onnx
from onnx import helper, numpy_helper

SIDES = (256, 128, 64, 1)
ROWS = 256


def save(nodes, constants, last, path):
    graph = helper.make_graph(
        nodes, "mlp", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, SIDES[0]])],
        [helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, [1, 1])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


def mlp(folder):
    random = numpy.random.default_rng(20261125)
    nodes, constants, flat, last = [], [], [], "x"
    for i, (inner, columns) in enumerate(zip(SIDES, SIDES[1:])):
        w = random.normal(0, (2 / inner) ** 0.5, (columns, inner)).astype("<f4")
        b = random.normal(0, 0.1, columns).astype("<f4")
        constants += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"g{i}"], transB=1))
        last = f"g{i}"
        if columns > 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{i}"]))
            last = f"r{i}"
        flat += [w, b]
    save(nodes, constants, last, folder / "mlp.onnx")
    quantised(folder, flat)
    (folder / "mlp.f32").write_bytes(b"".join(part.tobytes() for part in flat))
    rows = random.normal(0, 1, (ROWS, SIDES[0])).astype("<f4")
    (folder / "mlp_rows.f32").write_bytes(rows.tobytes())


def quantised(folder, flat):
    """The pattern that the peer's own dynamic quantiser writes."""
    nodes, constants, last = [], [], "x"
    for i, (w, b) in enumerate(zip(flat[::2], flat[1::2])):
        scale = (abs(w).max(axis=1) / 127).astype("<f4")
        whole = numpy.rint(w / scale[:, None]).astype(numpy.int8)
        constants += [numpy_helper.from_array(numpy.ascontiguousarray(whole.T), f"w{i}"),
                      numpy_helper.from_array(scale, f"s{i}"), numpy_helper.from_array(b, f"b{i}"),
                      numpy_helper.from_array(numpy.zeros(len(b), numpy.int8), f"z{i}")]
        nodes += [helper.make_node("DynamicQuantizeLinear", [last], [f"q{i}", f"qs{i}", f"qz{i}"]),
                  helper.make_node("MatMulInteger", [f"q{i}", f"w{i}", f"qz{i}", f"z{i}"], [f"m{i}"]),
                  helper.make_node("Cast", [f"m{i}"], [f"c{i}"], to=onnx.TensorProto.FLOAT),
                  helper.make_node("Mul", [f"qs{i}", f"s{i}"], [f"k{i}"]),
                  helper.make_node("Mul", [f"c{i}", f"k{i}"], [f"d{i}"]),
                  helper.make_node("Add", [f"d{i}", f"b{i}"], [f"g{i}"])]
        last = f"g{i}"
        if len(b) > 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{i}"]))
            last = f"r{i}"
    save(nodes, constants, last, folder / "mlp_int8.onnx")


def gru(folder, source):
    model = onnx.load(source)
    constants = {c.name: c for c in model.graph.initializer}
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    for c in constants.values():  # the batch of sixteen is written into two constants
        values = numpy_helper.to_array(c)
        if values.ndim == 3 and values.shape[1] == 16:
            c.CopyFrom(numpy_helper.from_array(values[:, :1], c.name))
        elif values.dtype in (numpy.int32, numpy.int64):  # shapes: 16 sequences, 7 * 16 rows
            values = numpy.where(values == 16, 1, numpy.where(values == 112, 7, values))
            c.CopyFrom(numpy_helper.from_array(values, c.name))
    del model.graph.value_info[:]
    shape = model.graph.output[0].type.tensor_type.shape
    for dim in shape.dim:
        if dim.dim_value == 16:
            dim.dim_value = 1
    onnx.save(model, folder / "gru.onnx")
    flat = [numpy_helper.to_array(constants[name]).astype("<f4").tobytes()
            for node in model.graph.node for name in node.input[1:4]
            if node.op_type == "GRU"]
    flat += [numpy_helper.to_array(constants[node.input[1]]).astype("<f4").tobytes()
             for node in model.graph.node if node.op_type in ("MatMul", "Add")]
    (folder / "gru.f32").write_bytes(b"".join(flat))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mlp(folder)
    if len(sys.argv) > 2 and pathlib.Path(sys.argv[2]).is_file():
        gru(folder, sys.argv[2])


if __name__ == "__main__":
    main()
