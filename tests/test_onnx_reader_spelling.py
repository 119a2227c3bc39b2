"""Older spellings come out as the newest: what became an input is one, changed defaults are explicit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from onnx_text import model

from latencylab.onnx_reader import read

if TYPE_CHECKING:
    from latencylab.graph import Node


def only_node(text: str, opset: int) -> tuple[Node, list[tuple[Any, ...] | None]]:
    """The single node of a model, and its inputs' known values."""
    graph = read(model(text, opset=opset)).graph
    (node,) = graph.nodes
    return node, [graph.tensors[name].values if name else None for name in node.inputs]


X = "net (float[1,4,6,6] x, float[4] s) => (float[a,b,c,d] y)"

# (opset of the old spelling, its call, its newest spelling: operator, values of the inputs, attributes)
OLD = [
    (7, "Clip<min=0.0, max=6.0>(x)", "Clip", [None, (0.0,), (6.0,)], {}),
    (7, "Clip<max=6.0>(x)", "Clip", [None, None, (6.0,)], {}),
    (7, "Clip(x)", "Clip", [None], {}),
    (12, "Squeeze<axes=[0]>(x)", "Squeeze", [None, (0,)], {}),
    (12, "Squeeze(x)", "Squeeze", [None], {}),
    (12, "Unsqueeze<axes=[0]>(x)", "Unsqueeze", [None, (0,)], {}),
    (12, "ReduceSum<axes=[2,3], keepdims=0>(x)", "ReduceSum", [None, (2, 3)], {"keepdims": 0}),
    (17, "ReduceMean<axes=[2,3]>(x)", "ReduceMean", [None, (2, 3)], {}),
    (7, "Pad<pads=[0,0,1,1,0,0,1,1], mode=\"edge\">(x)", "Pad", [None, (0, 0, 1, 1) * 2, (0.0,)],
     {"mode": "edge"}),
    (9, "Slice<starts=[1], ends=[3], axes=[1]>(x)", "Slice", [None, (1,), (3,), (1,)], {}),
    (9, "Slice<starts=[0,1], ends=[1,3]>(x)", "Slice", [None, (0, 1), (1, 3)], {}),
    (7, "Upsample<scales=[1.0,1.0,2.0,2.0]>(x)", "Resize", [None, None, (1.0, 1.0, 2.0, 2.0)],
     {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    (7, "Softmax(x)", "Softmax", [None], {"axis": 3}),
    (7, "Softmax<axis=-4>(x)", "Softmax", [None], {"axis": 3}),
    (7, "BatchNormalization<epsilon=0.5, spatial=1>(x, s, s, s, s)", "BatchNormalization", [None] * 5,
     {"epsilon": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("opset", "call", "op_type", "values", "attributes"), OLD, ids=[c for _, c, *_ in OLD]
)
def test_an_old_spelling_becomes_the_newest(
    opset: int, call: str, op_type: str, values: list[Any], attributes: dict[str, Any]
) -> None:
    node, found = only_node(f"{X} {{ y = {call} }}", opset)
    assert (node.op_type, found, dict(node.attributes)) == (op_type, values, attributes)


def test_split_sizes_become_an_input() -> None:
    text = "net (float[1,4,6] x) => (float[a,b,c] y, float[a,b,c] z) { y, z = Split<axis=1, split=[1,3]>(x) }"
    node, values = only_node(text, 12)
    assert (values, dict(node.attributes)) == ([None, (1, 3)], {"axis": 1})


def test_resize_of_opset_10_gets_its_region_of_interest() -> None:
    text = """net (float[1,4,6,6] x) => (float[a,b,c,d] y)
    <float[4] s = {1, 1, 3, 3}> { y = Resize<mode="linear">(x, s) }"""
    node, values = only_node(text, 10)
    assert values == [None, None, (1.0, 1.0, 3.0, 3.0)]
    assert node.attributes["mode"] == "linear"
    assert node.attributes["coordinate_transformation_mode"] == "asymmetric"


def test_top_k_of_opset_9() -> None:
    text = "net (float[1,8] x) => (float[a,b] y, int64[a,b] i) { y, i = TopK<k=3>(x) }"
    assert only_node(text, 9)[1] == [None, (3,)]


def test_newest_spellings_are_left_alone() -> None:
    text = "net (float[1,4] x) => (float[a,b] y) <float l = {0}> { y = Clip(x, l) }"
    node, values = only_node(text, 13)
    assert node.inputs == ("x", "l")
    assert values == [None, (0.0,)]


@pytest.mark.parametrize("opset", [7, 9, 10, 11, 12, 13, 15, 18, 21, 23])
def test_every_opset_reads_to_the_same_graph(opset: int) -> None:
    text = """net (float[1,3,8,8] x) => (float[1,4,8,8] y) <float[4,3,3,3] w, float[4] b>
    { c = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(c) y = Sigmoid(r) }"""
    proto = model(text, opset=opset)
    proto.graph.input.extend(proto.graph.value_info)
    graph, newest = read(proto).graph, read(_at_newest(proto)).graph
    assert graph == newest


def _at_newest(proto):  # type: ignore[no-untyped-def]
    newest = type(proto)()
    newest.CopyFrom(proto)
    newest.opset_import[0].version = 25
    return newest


def test_opset_6_broadcasts_along_an_axis() -> None:
    text = """net (float[1,3,6,6] x) => (float[a,b,c,d] y) <float[3] bias = {1, 2, 3}>
    { y = Add<broadcast=1, axis=1>(x, bias) }"""
    graph = read(model(text, opset=6)).graph
    (node,) = graph.nodes
    bias = graph.tensors[node.inputs[1]]
    assert (bias.shape, bias.values, dict(node.attributes)) == ((3, 1, 1), (1.0, 2.0, 3.0), {})
