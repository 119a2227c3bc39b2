"""The order in which a network's nodes run: it follows from the graph alone, whatever order the file has.

Depth first from the outputs: a branch is run to its end before the next one starts, so that its maps are read
soon after they are written and convolutions in a row stay in a row. Of several operands, the one with the
fewest nodes on its longest way from an input comes first: it is ready first, and an engine that has nothing
else to do works on it beside the longer branch. Equals keep the order in which they are read.
"""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from latencylab.graph import Graph, MetaNode, Node


def ordered(graph: Graph) -> Graph:
    """Return the graph with its nodes in canonical order; the graph itself where they stand so already.

    Nodes that no output needs come last, by name: nothing else tells them apart.
    """
    nodes = graph.nodes
    writers = {name: index for index, node in enumerate(nodes) for name in node.writes}
    operands, depths = _nearest_first(
        [[writers[name] for name in node.reads if name in writers] for node in nodes]
    )
    ends = sorted((writers[name] for name in graph.outputs if name in writers), key=depths.__getitem__)
    order = depth_first(ends, operands)
    if len(order) < len(nodes):
        order = depth_first([*order, *_unneeded(nodes, order)], operands)
    if order == [*range(len(nodes))]:
        return graph
    return replace(graph, nodes=tuple([nodes[index] for index in order]))


def kernels_ordered(metas: Sequence[MetaNode]) -> tuple[MetaNode, ...]:
    """Return meta-nodes in canonical order: what a library added stands where depth first it is needed."""
    writers = {t.name: index for index, meta in enumerate(metas) for t in meta.outputs}
    operands, _ = _nearest_first([[writers[t.name] for t in m.inputs if t.name in writers] for m in metas])
    read = {source for sources in operands for source in sources}
    ends = [index for index in range(len(metas)) if index not in read]
    return tuple([metas[index] for index in depth_first(ends, operands)])


def _nearest_first(operands: Sequence[list[int]]) -> tuple[list[list[int]], list[int]]:
    """Sort operands by how far they are from an input; return the distances, too."""
    depths = _depths(operands)
    return [sorted(sources, key=depths.__getitem__) for sources in operands], depths


def depth_first(ends: Iterable[int], operands: Sequence[Sequence[int]]) -> list[int]:
    """List what the ends need and the ends themselves, everything behind its operands, the first ones first.

    Raises CycleError, with the indices that form the cycle.
    """
    order: list[int] = []
    is_open: dict[int, bool] = {}
    waiting = [*ends][::-1]
    while waiting:
        here = waiting[-1]
        if here not in is_open:
            is_open[here] = True
            waiting += [source for source in reversed(operands[here]) if _is_new(source, is_open)]
            continue
        waiting.pop()
        if is_open[here]:
            is_open[here] = False
            order.append(here)
    return order


def _is_new(source: int, is_open: dict[int, bool]) -> bool:
    if is_open.get(source):
        path = [index for index, still in is_open.items() if still]
        raise CycleError("cycle", path[path.index(source) :])
    return source not in is_open


def _depths(operands: Sequence[Sequence[int]]) -> list[int]:
    """Count the nodes ahead of each on its longest way from an input; nodes stand behind their operands."""
    depths: list[int] = []
    for sources in operands:
        depths.append(max([depths[source] + 1 for source in sources], default=0))
    return depths


def _unneeded(nodes: Sequence[Node], needed: Iterable[int]) -> list[int]:
    rest = set(range(len(nodes))).difference(needed)
    return sorted(rest, key=lambda index: nodes[index].name)
