"""x clip(x + 3, 0, 6) / 6, in any order of the factors, is HardSwish; so is x HardSigmoid(x) of slope 1/6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match
from latencylab.fusion._pattern import Capture, OneOf, Op, Value, find
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Mul", "Div"})

_X = Capture("x")
_CLIP = Op("Clip", Op("Add", _X, Value(3)), Value(0), Value(6))
_SIXTH = Value(1 / 6)
_PATTERN = OneOf(
    Op("Div", Op("Mul", _X, _CLIP), Value(6)),
    Op("Mul", Op("Mul", _X, _CLIP), _SIXTH),
    Op("Mul", _X, Op("Div", _CLIP, Value(6))),
    Op("Mul", _X, Op("Mul", _CLIP, _SIXTH)),
)
_HARD_SIGMOID = Op("Mul", _X, Op("HardSigmoid", _X))


def match(graph: WorkingGraph, node: Node) -> Match | None:
    """Recognise the last factor or division."""
    found = find(graph, _PATTERN, node) or find(graph, _HARD_SIGMOID, node)
    if found is None or not _is_standard(found.nodes[0]):
        return None
    written = Node(node.name, "HardSwish", (found.captures["x"],), node.outputs)
    return Match(found.nodes, written)


def _is_standard(first: Node) -> bool:
    """Whether a HardSigmoid is the one inside HardSwish: slope 1/6, offset 1/2."""
    if first.op_type != "HardSigmoid":
        return True
    slope, offset = float(first.attributes.get("alpha", 0.2)), float(first.attributes.get("beta", 0.5))
    return abs(slope - 1 / 6) < 1e-3 and abs(offset - 0.5) < 1e-3
