"""Split of channels, a Conv of each part with one geometry, Concat in the same order: a grouped Conv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._parallel import branches, difference, joined

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Concat"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Look at the convolutions that the Concat joins, and at the Split before them."""
    nodes = branches(graph, node)
    split = graph.producers.get(nodes[0].inputs[0]) if nodes else None
    if nodes is None or split is None or split.op_type != "Split":
        return None
    parts = tuple(branch.inputs[0] for branch in nodes)
    if parts != split.outputs:
        is_permuted = sorted(parts) == sorted(split.outputs)
        return Refusal("its parts are joined in another order", node) if is_permuted else None
    reason = difference(graph, nodes) or _unequal(graph, split, nodes)
    if reason:
        return Refusal(reason, node)
    written, tensors = joined(graph, nodes, node, split.inputs[0], group=len(nodes))
    return Match((split, *nodes, node), written, tensors)


def _unequal(graph: WorkingGraph, split: Node, nodes: tuple[Node, ...]) -> str:
    """Say whether the groups differ in size; empty if they do not."""
    outputs = {graph.tensors[branch.inputs[1]].shape[0] for branch in nodes}
    inputs = {graph.tensors[name].shape[1] for name in split.outputs}
    return "its groups differ in size" if len(outputs) > 1 or len(inputs) > 1 else ""
