"""Measured kernels <-> nodes of the file <-> meta-nodes.

onnxruntime rewrites a graph before it runs it, and names do not survive. `align` finds for every measured
kernel the nodes of the file it covers; `group` joins that with any other division of the same nodes
(meta-nodes, kernel estimates). What could not be placed is shown, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab.align.matching import covers_of
from latencylab.align.vocabulary import QUANTIZERS
from latencylab.measurement import OptimizedNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from latencylab.graph import Graph
    from latencylab.measurement import KernelTime, Measurement

KINDS: Final = ("compute", "layout", "quantization", "unplaced")


@dataclass(frozen=True, slots=True)
class Placement:
    """A measured kernel and the nodes of the file it covers.

    kind: "compute"; "layout" (reorders, inserted transposes); "quantization" (conversions between element
    types, whether the file asks for them or not); "unplaced".
    nodes: names in file order; none for what onnxruntime inserted.
    share: 0..1 of the kernels' total time. time_ns: that share of the unprofiled total.
    """

    kernel: KernelTime
    kind: str
    nodes: tuple[str, ...]
    share: float
    time_ns: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """All kernels of a measurement, placed, in execution order.

    total_ns: median of the unprofiled session, which the placements add up to.
    uncovered: nodes of the file that no kernel computes.
    conversions: the file's QuantizeLinear and DequantizeLinear nodes.
    """

    placements: tuple[Placement, ...]
    total_ns: float
    uncovered: tuple[str, ...]
    conversions: frozenset[str]

    @property
    def coverage(self) -> float:
        """Share of the kernels' time that has a place: on nodes of the file, layout or quantization."""
        return sum(p.share for p in self.placements if p.kind != "unplaced")

    def share_of(self, kind: str) -> float:
        """Share of the kernels' time spent in one kind of kernel."""
        return sum(p.share for p in self.placements if p.kind == kind)


@dataclass(frozen=True, slots=True)
class Group:
    """Units (meta-nodes) and kernels that cannot be told apart: their time is one number.

    kind: as in Placement. units: indices into what was joined; several where a kernel covers more than one.
    kernels: indices of placements; several where a unit is computed by more than one, none where by none.
    """

    kind: str
    units: tuple[int, ...]
    kernels: tuple[int, ...]
    time_ns: float


def align(graph: Graph, measurement: Measurement) -> Alignment:
    """Place every measured kernel on the nodes of the graph it was read from.

    A measurement without an optimized graph (a profile made elsewhere) is placed by names, types and shapes.
    """
    nodes = _in_execution_order(measurement)
    covers = covers_of(graph, nodes, tuple(kernel.outputs for kernel in measurement.kernels))
    whole_ns = measurement.kernels_ns or 1.0
    placements = tuple(
        Placement(
            kernel=kernel,
            kind=cover.kind,
            nodes=tuple(graph.nodes[i].name for i in sorted(cover.nodes)),
            share=kernel.median_ns / whole_ns,
            time_ns=kernel.median_ns / whole_ns * measurement.median_ns,
        )
        for kernel, cover in zip(measurement.kernels, covers, strict=True)
    )
    owned = {i for cover in covers for i in cover.nodes}
    uncovered = tuple(node.name for i, node in enumerate(graph.nodes) if i not in owned)
    conversions = frozenset(node.name for node in graph.nodes if node.op_type in QUANTIZERS)
    return Alignment(placements, measurement.median_ns, uncovered, conversions)


def _in_execution_order(measurement: Measurement) -> tuple[OptimizedNode, ...]:
    """Return the optimized node behind every kernel; names repeat, so the nth stands for the nth."""
    waiting: dict[tuple[str, str], list[OptimizedNode]] = {}
    for node in reversed(measurement.optimized_nodes):
        waiting.setdefault((node.name, node.op_type), []).append(node)
    nodes = []
    for kernel in measurement.kernels:
        found = waiting.get((kernel.name, kernel.op_type))
        nodes.append(found.pop() if found else OptimizedNode(kernel.name, kernel.op_type, "", (), ()))
    return tuple(nodes)


def group(alignment: Alignment, units: Sequence[Iterable[str]]) -> tuple[Group, ...]:
    """Join kernels with units, each a collection of node names (a meta-node's, a kernel estimate's).

    Every unit and every kernel is in exactly one group. Time is never divided: a kernel that covers two units
    joins them, as do two kernels that compute one unit. Layout and quantization kernels stand alone, unless
    they are all there is of a unit. In order of execution.
    """
    import networkx as nx

    joined = nx.Graph()
    joined.add_nodes_from(("unit", u) for u in range(len(units)))
    joined.add_nodes_from(("kernel", k) for k in range(len(alignment.placements)))
    joined.add_edges_from((("unit", u), ("kernel", k)) for u, k in _links(alignment, units))
    groups = [_group(alignment, members) for members in nx.connected_components(joined)]
    return tuple(sorted(groups, key=lambda g: (g.kernels or (len(alignment.placements),), g.units)))


def _links(alignment: Alignment, units: Sequence[Iterable[str]]) -> Iterator[tuple[int, int]]:
    """Yield (unit, kernel) pairs that share a node; conversions, which kernels share freely, do not bind."""
    kernels_of: dict[str, list[int]] = {}
    for k, placement in enumerate(alignment.placements):
        for name in placement.nodes:
            kernels_of.setdefault(name, []).append(k)
    for u, names in enumerate(units):
        all_names = frozenset(names)
        for name in all_names - alignment.conversions or all_names:
            yield from ((u, k) for k in kernels_of.get(name, ()))


def _group(alignment: Alignment, members: Iterable[tuple[str, int]]) -> Group:
    ordered = sorted(members)
    kernels = tuple(i for side, i in ordered if side == "kernel")
    kinds = {alignment.placements[k].kind for k in kernels}
    return Group(
        kind=kinds.pop() if len(kinds) == 1 else "compute",
        units=tuple(i for side, i in ordered if side == "unit"),
        kernels=kernels,
        time_ns=sum(alignment.placements[k].time_ns for k in kernels),
    )
