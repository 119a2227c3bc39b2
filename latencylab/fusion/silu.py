"""x sigmoid(x) is SiLU, in ONNX Swish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match
from latencylab.fusion._pattern import Capture, Op, find
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Mul"})

_X = Capture("x")
_PATTERN = Op("Mul", _X, Op("Sigmoid", _X))


def match(graph: WorkingGraph, node: Node) -> Match | None:
    """Recognise the product."""
    found = find(graph, _PATTERN, node)
    if found is None:
        return None
    return Match(found.nodes, Node(node.name, "Swish", (found.captures["x"],), node.outputs))
