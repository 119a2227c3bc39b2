"""Min and Max with constant bounds, in either order, are a Clip; so are Relu and Min with a constant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._reading import operand
from latencylab.graph import Tensor

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Min", "Max", "Relu"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Join the anchor, which bounds one side, with the producer of its input that bounds the other."""
    second = _bound(graph, node)
    first_node = graph.producers.get(second[0]) if second else None
    if second is None or first_node is None or first_node.op_type not in ANCHORS or first_node.epilogue:
        return None
    first = _bound(graph, first_node)
    if first is None or _is_upper(node) == _is_upper(first_node):
        return None
    low, high = (first[1], second[1]) if _is_upper(node) else (second[1], first[1])
    clip = replace(
        node, op_type="Clip", inputs=(first[0], low.name, high.name), outputs=node.outputs, attributes={}
    )
    return Match(
        (first_node, node), clip, tensors=tuple(t for t in (low, high) if t.name not in graph.tensors)
    )


def _is_upper(node: Node) -> bool:
    return node.op_type == "Min"


def _bound(graph: WorkingGraph, node: Node) -> tuple[str, Tensor] | None:
    """Return (name of the data, the one constant it is compared with); None for any other use."""
    if node.op_type == "Relu":
        dtype = graph.tensors[node.inputs[0]].dtype
        return node.inputs[0], Tensor(f"{node.name}:zero", (), dtype, is_constant=True, values=(0.0,))
    found = operand(graph, node)
    if found is None or found[1].elements != 1:
        return None
    return node.inputs[1 - found[0]], found[1]
