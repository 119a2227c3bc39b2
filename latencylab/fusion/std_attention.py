"""Mean plus standard deviation over the map: the contrast statistic of channel attention, one pooling kernel.

The 1x1 convolutions, the sigmoid and the product behind it stay what they are: the statistic must be complete
before the first of them starts, and the product walks over the map a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal, fused
from latencylab.fusion._pattern import Capture, Constant, OneOf, Op, Pattern, Value, find

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Add"})


def _mean(of: Pattern, name: str = "") -> Pattern:
    """A mean over the map, or a sum over it (axis by axis) by the number of pixels."""
    total = Op("ReduceSum", OneOf(of, Op("ReduceSum", of)))
    return OneOf(
        Op("ReduceMean", of, name=name),
        Op("GlobalAveragePool", of, name=name),
        Op("Div", total, Constant(), name=name),
        Op("Mul", total, Constant(), name=name),
    )


_CENTRED = Capture("centred")
# Public code computes the mean twice, once for each statistic.
_DIFFERENCE = Op("Sub", Capture("x"), OneOf(Capture("mean"), _mean(Capture("x"))), name="centred")
_SQUARE = OneOf(Op("Pow", _DIFFERENCE, Value(2)), Op("Mul", _DIFFERENCE, _CENTRED))
_DEVIATION = OneOf(Op("Sqrt", _mean(_SQUARE)), Op("Pow", _mean(_SQUARE), Value(0.5)))
_PATTERN = Op("Add", _mean(Capture("x"), "mean"), _DEVIATION)


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Recognise the sum of the two statistics."""
    found = find(graph, _PATTERN, node)
    if found is None:
        return None
    before, after = graph.tensors[found.captures["x"]].shape, graph.tensors[node.outputs[0]].shape
    if after != (*before[:2], *(1 for _ in before[2:])):
        return Refusal(f"{list(before)} to {list(after)} is no statistic over the map", node)
    return Match(found.nodes, fused(*found.nodes))
