"""(x - mean) / sqrt(variance + epsilon) over the last axis, scaled and shifted: LayerNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._pattern import Capture, Constant, OneOf, Op, Value, find
from latencylab.fusion._reading import follower, integers, operand
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Div"})

_CENTRED = Capture("centred")
_SQUARE = OneOf(Op("Pow", _CENTRED, Value(2)), Op("Mul", _CENTRED, _CENTRED))
_DEVIATION = Op("Sqrt", Op("Add", Op("ReduceMean", _SQUARE), Constant()))
_PATTERN = Op("Div", Op("Sub", Capture("x"), Op("ReduceMean", Capture("x")), name="centred"), _DEVIATION)


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Recognise the division, then the scale and the shift behind it."""
    found = find(graph, _PATTERN, node)
    scale = follower(graph, node, "Mul") if found else None
    gamma = operand(graph, scale) if scale else None
    if found is None or scale is None or gamma is None:
        return None
    rank = len(graph.tensors[node.outputs[0]].shape)
    means = [step for step in found.nodes if step.op_type == "ReduceMean"]
    axes = {integers(graph, mean, 1, "axes") for mean in means}
    if not axes <= {(-1,), (rank - 1,)}:
        return Refusal("it normalizes over other axes than the last", node)
    shift = follower(graph, scale, "Add")
    beta = operand(graph, shift) if shift else None
    inputs = (found.captures["x"], gamma[1].name)
    if shift is None or beta is None:
        return Match((*found.nodes, scale), _written(node, inputs, scale))
    return Match((*found.nodes, scale, shift), _written(node, (*inputs, beta[1].name), shift))


def _written(node: Node, inputs: tuple[str, ...], last: Node) -> Node:
    return Node(node.name, "LayerNormalization", inputs, last.outputs, {"axis": -1})
