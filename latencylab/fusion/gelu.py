"""0.5 x (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) for erf, is Gelu."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from latencylab.fusion._match import Match
from latencylab.fusion._pattern import Capture, OneOf, Op, Pattern, Value, find
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Mul"})

_X = Capture("x")
_HALF = Value(0.5)


def _gelu(gate: Pattern) -> Pattern:
    """Half of x times (1 + gate), whichever two factors meet first."""
    shifted = Op("Add", gate, Value(1))
    return OneOf(
        Op("Mul", Op("Mul", _X, shifted), _HALF),
        Op("Mul", Op("Mul", _X, _HALF), shifted),
        Op("Mul", _X, Op("Mul", shifted, _HALF)),
    )


_SCALED = OneOf(Op("Div", _X, Value(sqrt(2))), Op("Mul", _X, Value(1 / sqrt(2))))
_CUBE = OneOf(
    Op("Pow", _X, Value(3)), Op("Mul", Op("Mul", _X, _X), _X), Op("Mul", _X, Op("Pow", _X, Value(2)))
)
_SERIES = Op("Mul", Op("Add", _X, Op("Mul", _CUBE, Value(0.044715))), Value(sqrt(2 / pi)))
_EXACT = _gelu(Op("Erf", _SCALED))
_APPROXIMATE = _gelu(Op("Tanh", _SERIES))


def match(graph: WorkingGraph, node: Node) -> Match | None:
    """Recognise the last product."""
    for pattern, approximate in ((_EXACT, "none"), (_APPROXIMATE, "tanh")):
        found = find(graph, pattern, node)
        if found is not None:
            attributes = {"approximate": approximate}
            written = Node(node.name, "Gelu", (found.captures["x"],), node.outputs, attributes)
            return Match(found.nodes, written)
    return None
