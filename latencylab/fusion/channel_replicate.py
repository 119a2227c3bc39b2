"""Every channel of a map repeated: one ChannelReplicate, however the exporter spelled it.

copies in turn (interleaved 0)    Concat of one tensor n times; Tile or Expand along the channels;
                                  Unsqueeze(1), Expand or Tile, Reshape; Gather of 0 1 2 0 1 2 ...
each repeated (interleaved 1)     Unsqueeze(2), Expand or Tile, Reshape; Gather of 0 0 0 1 1 1 ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._reading import follower, integers, producer
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Concat", "Tile", "Expand", "Gather"})
_CHANNELS = 1


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Recognise the anchor alone, or between Unsqueeze and Reshape."""
    if node.op_type == "Concat":
        return _concat(graph, node)
    if node.op_type == "Gather":
        return _gather(graph, node)
    return _unsqueezed(graph, node) or _grown(graph, node)


def _replicate(
    graph: WorkingGraph, nodes: tuple[Node, ...], source: str, is_interleaved: int
) -> Match | None:
    """Write the replicate if the outer shapes are those of one: (N, C, *space) to (N, n C, *space)."""
    target = nodes[-1].outputs[0]
    before, after = graph.tensors[source].shape, graph.tensors[target].shape
    if len(before) < 3 or len(before) != len(after) or not 0 < before[1] < after[1] or after[1] % before[1]:
        return None
    if (before[0], *before[2:]) != (after[0], *after[2:]):
        return None
    attributes = {"times": after[1] // before[1], "interleaved": is_interleaved}
    return Match(nodes, Node(nodes[0].name, "ChannelReplicate", (source,), (target,), attributes))


def _concat(graph: WorkingGraph, node: Node) -> Match | None:
    """Concat of one tensor with itself, or of single channels that a Split took apart."""
    names = set(node.inputs)
    rank = len(graph.tensors[node.outputs[0]].shape)
    if len(node.inputs) < 2 or not rank or int(node.attributes.get("axis", 0)) % rank != _CHANNELS:
        return None
    if len(names) == 1:
        return _replicate(graph, (node,), node.inputs[0], 0)
    split = producer(graph, node, 0, "Split")
    if (
        split is None
        or names != set(split.outputs)
        or int(split.attributes.get("axis", 0)) % rank != _CHANNELS
    ):
        return None
    place = {name: index for index, name in enumerate(split.outputs)}
    is_single = len(place) == graph.tensors[split.inputs[0]].shape[_CHANNELS]
    indices = tuple(place[name] for name in node.inputs)
    return _listed(graph, (split, node), split.inputs[0], indices) if is_single else None


def _gather(graph: WorkingGraph, node: Node) -> Match | None:
    """Gather of channels by a constant list that repeats all of them."""
    indices = integers(graph, node, 1)
    if not indices or graph.tensors[node.inputs[0]].is_constant:
        return None
    is_channels = int(node.attributes.get("axis", 0)) == _CHANNELS
    return _listed(graph, (node,), node.inputs[0], indices) if is_channels else None


def _listed(
    graph: WorkingGraph, nodes: tuple[Node, ...], source: str, indices: tuple[int, ...]
) -> Match | None:
    """Channels listed one by one: all of them in turn, or each several times."""
    channels = graph.tensors[source].shape[_CHANNELS]
    in_turn = tuple(range(channels)) * (len(indices) // max(channels, 1))
    if indices == tuple(sorted(in_turn)):
        return _replicate(graph, nodes, source, 1)
    return _replicate(graph, nodes, source, 0) if indices == in_turn else None


def _grown(graph: WorkingGraph, node: Node) -> Match | None:
    """Tile along the channels, or Expand of a single channel; the shapes say it all."""
    return _replicate(graph, (node,), node.inputs[0], 0)


def _unsqueezed(graph: WorkingGraph, node: Node) -> Match | None:
    """Unsqueeze or Reshape that adds an axis, growth along it, Reshape that merges it with the channels."""
    opened = producer(graph, node, 0, "Unsqueeze") or producer(graph, node, 0, "Reshape")
    merged = follower(graph, node, "Reshape")
    if opened is None or merged is None:
        return None
    source, small = graph.tensors[opened.inputs[0]].shape, graph.tensors[node.inputs[0]].shape
    large = graph.tensors[node.outputs[0]].shape
    grown = [axis for axis, sizes in enumerate(zip(small, large, strict=False)) if sizes[0] != sizes[1]]
    if len(small) != len(large) or grown not in ([1], [2]) or small[grown[0]] != 1:
        return None
    if small[: grown[0]] + small[grown[0] + 1 :] != source:
        return None
    return _replicate(graph, (opened, node, merged), opened.inputs[0], int(grown == [2]))
