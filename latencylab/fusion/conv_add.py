"""Conv, then Add of a map of the same shape: one kernel, which adds the residual as it writes.

Of two convolutions that could take the Add, the one that computes its first operand does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal, fused

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Add", "Sum"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Fuse the Add behind the first operand's convolution, or else the second's."""
    if len(node.inputs) != 2:
        return None
    outcomes = [_behind(graph, node, index) for index in range(2)]
    matches = (outcome for outcome in outcomes if isinstance(outcome, Match))
    refusals = (outcome for outcome in outcomes if isinstance(outcome, Refusal))
    return next(matches, None) or next(refusals, None)


def _behind(graph: WorkingGraph, node: Node, index: int) -> Match | Refusal | None:
    name, other = node.inputs[index], graph.tensors[node.inputs[1 - index]]
    main = graph.producers.get(name)
    if main is None or main.op_type != "Conv" or other.is_constant:
        return None
    if main.epilogue:
        return Refusal(f"{main.epilogue[-1].op_type} of {main.name} stands before the sum", node)
    if graph.sole_reader(name) is not node:
        return Refusal(f"{main.name}'s output is needed elsewhere too", node)
    if graph.tensors[name].shape != other.shape:
        return Refusal(f"{other.name} is broadcast", node)
    return Match((main, node), fused(main, node))
