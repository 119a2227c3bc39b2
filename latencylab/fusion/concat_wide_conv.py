"""Several Convs of one input with one geometry, then Concat: one Conv with all their output channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._parallel import branches, difference, joined

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Concat"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Look at the convolutions that the Concat joins."""
    nodes = branches(graph, node)
    if nodes is None or len({branch.inputs[0] for branch in nodes}) > 1:
        return None
    reason = difference(graph, nodes)
    if reason:
        return Refusal(reason, node)
    written, tensors = joined(graph, nodes, node, nodes[0].inputs[0], group=1)
    return Match((*nodes, node), written, tensors)
