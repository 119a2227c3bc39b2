"""ReduceMean over height and width of (N, C, H, W) that keeps the axes: GlobalAveragePool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match
from latencylab.fusion._reading import integers
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"ReduceMean"})


def match(graph: WorkingGraph, node: Node) -> Match | None:
    """Recognise the two last axes of four."""
    rank = len(graph.tensors[node.inputs[0]].shape)
    axes = integers(graph, node, 1, "axes") or ()
    if rank != 4 or sorted(axis % rank for axis in axes) != [2, 3] or not node.attributes.get("keepdims", 1):
        return None
    return Match((node,), Node(node.name, "GlobalAveragePool", node.inputs[:1], node.outputs))
