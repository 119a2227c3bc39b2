"""Operators of com.microsoft, whose shapes onnx cannot infer; the expected ones are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import TensorProto, helper

from latencylab.errors import ModelError
from latencylab.onnx_reader import read

Given = tuple[int, tuple[int, ...]]


def f(*shape: int) -> Given:
    return TensorProto.FLOAT, shape


def u(*shape: int) -> Given:
    return TensorProto.UINT8, shape


def i(*shape: int) -> Given:
    return TensorProto.INT8, shape


def u16(*shape: int) -> Given:
    return TensorProto.UINT16, shape


X, Y = u(1, 8, 12, 10), u(8, 1, 1)
SCALE = f()
Q = (SCALE, u())
PAD = [1, 1, 1, 1]
HALVING = {"kernel_shape": [2, 2], "strides": [2, 2]}

# (operator, domain suffix, inputs, attributes, the output's shape, its element type)
CALLS: list[tuple[str, str, tuple[Any, ...], dict[str, Any], tuple[int, ...], str]] = [
    ("QLinearAdd", "", (X, *Q, Y, *Q, *Q), {}, (1, 8, 12, 10), "uint8"),
    ("QLinearMul", "", (X, *Q, Y, *Q, *Q), {}, (1, 8, 12, 10), "uint8"),
    ("QLinearConcat", "", (*Q, X, *Q, u(1, 3, 12, 10), *Q), {"axis": 1}, (1, 11, 12, 10), "uint8"),
    ("QLinearSigmoid", "", (X, *Q, *Q), {}, (1, 8, 12, 10), "uint8"),
    ("QLinearLeakyRelu", "", (X, *Q, *Q), {"alpha": 0.1}, (1, 8, 12, 10), "uint8"),
    ("QLinearGlobalAveragePool", "", (X, *Q, *Q), {}, (1, 8, 1, 1), "uint8"),
    ("QLinearGlobalAveragePool", "", (X, *Q, *Q), {"channels_last": 1}, (1, 1, 1, 10), "uint8"),
    ("QLinearAveragePool", "", (X, *Q, *Q), HALVING, (1, 8, 6, 5), "uint8"),
    ("QLinearReduceMean", "", (X, *Q, *Q), {"axes": [2, 3], "keepdims": 0}, (1, 8), "uint8"),
    ("QLinearWhere", "", ((TensorProto.BOOL, (10,)), X, *Q, Y, *Q, *Q), {}, (1, 8, 12, 10), "uint8"),
    ("QGemm", "", (u(2, 8), *Q, i(8, 5), SCALE, i(), None, *Q), {}, (2, 5), "uint8"),
    ("QLinearConv", "", (X, *Q, i(16, 8, 3, 3), SCALE, i(), *Q), {"pads": PAD}, (1, 16, 12, 10), "uint8"),
    ("MatMulIntegerToFloat", "", (u(2, 8), u(8, 5), SCALE, SCALE), {}, (2, 5), "float32"),
    ("FusedConv", "", (f(1, 8, 12, 10), f(4, 8, 3, 3)), {"activation": "Relu"}, (1, 4, 10, 8), "float32"),
    ("FusedMatMul", "", (f(2, 8, 5), f(2, 5, 8)), {"transA": 1, "transB": 1}, (2, 5, 5), "float32"),
    ("NhwcConv", "", (f(1, 12, 10, 8), f(4, 8, 3, 3)), {}, (1, 10, 8, 4), "float32"),
    ("NhwcMaxPool", "", (u(1, 12, 10, 8),), HALVING, (1, 6, 5, 8), "uint8"),
    ("Gelu", "", (f(2, 8),), {}, (2, 8), "float32"),
    ("FastGelu", "", (f(2, 8), f(8)), {}, (2, 8), "float32"),
    ("BiasSplitGelu", "", (f(1, 2, 8), f(8)), {}, (1, 2, 4), "float32"),
    ("SkipLayerNormalization", "", (f(1, 2, 8), f(1, 2, 8), f(8)), {}, (1, 2, 8), "float32"),
    ("MatMulNBits", "", (f(1, 2, 32), u(6, 1, 16), f(6)), {"N": 6, "K": 32}, (1, 2, 6), "float32"),
    ("Attention", "", (f(1, 4, 8), f(8, 24), f(24)), {"num_heads": 2}, (1, 4, 8), "float32"),
    ("MultiHeadAttention", "", (f(1, 4, 8),) * 3, {"num_heads": 2}, (1, 4, 8), "float32"),
    ("QuantizeLinear", "", (f(2, 8), SCALE, u16()), {}, (2, 8), "uint16"),
    ("DequantizeLinear", "", (u16(2, 8), SCALE, u16()), {}, (2, 8), "float32"),
    ("ReorderInput", ".nchwc", (f(1, 16, 12, 10),), {}, (1, 16, 12, 10), "float32"),
    ("ReorderOutput", ".nchwc", (f(1, 32, 12, 10),), {"channels": 28}, (1, 28, 12, 10), "float32"),
    ("Conv", ".nchwc", (f(1, 16, 12, 10), f(32, 16, 3, 3)), {"pads": PAD}, (1, 32, 12, 10), "float32"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op_type", "domain", "inputs", "attributes", "shape", "dtype"), CALLS, ids=[call[0] for call in CALLS]
)
def test_output_shape_and_type(
    op_type: str,
    domain: str,
    inputs: tuple[Any, ...],
    attributes: dict[str, Any],
    shape: tuple[int, ...],
    dtype: str,
) -> None:
    graph = read(_call(op_type, f"com.microsoft{domain}", inputs, attributes)).graph
    output = graph.tensors["y"]
    assert (output.shape, output.dtype) == (shape, dtype)
    assert graph.nodes[0].domain == f"com.microsoft{domain}"


def test_inputs_that_do_not_fit_are_refused_by_node() -> None:
    with pytest.raises(
        ModelError, match=r"QLinearAdd node 'y' does not fit its inputs \(1x8x12x10.*[Ii]ncompatible"
    ):
        read(_call("QLinearAdd", "com.microsoft", (X, *Q, u(7, 1, 1), *Q, *Q), {}))
    with pytest.raises(ModelError, match=r"QLinearAdd node 'y' does not fit its inputs .*input 3 is absent"):
        read(_call("QLinearAdd", "com.microsoft", (X, *Q), {}))


def _call(op_type: str, domain: str, inputs: tuple[Any, ...], attributes: dict[str, Any]):  # type: ignore[no-untyped-def]
    infos = [
        helper.make_tensor_value_info(f"i{index}", *given)
        for index, given in enumerate(inputs)
        if given is not None
    ]
    names = ["" if given is None else f"i{index}" for index, given in enumerate(inputs)]
    node = helper.make_node(op_type, names, ["y"], domain=domain, **attributes)
    graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info("y")])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    )
