"""Finds, for every kernel that onnxruntime ran, the nodes of the file it covers.

Kernels are taken in execution order, so everything ahead of a kernel is settled when its turn comes:

1. its main node is found by a name that survived (its own, its output's), else as the nearest node of a
   fitting type behind the kernels it reads from;
2. what its type says it takes in ahead of and behind the main node is added, then all between that node and
   the output whose name survived;
3. a kernel without a main node is a layout change, a type conversion, or takes what lies unexplained ahead
   of the kernel that reads it;
4. nodes that no kernel claims were folded away: they go with the kernel that computes what they read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from latencylab.align.network import Optimized, Original
from latencylab.align.vocabulary import INSERTED, QUANTIZERS, conflicts, names_behind, pattern_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from latencylab.align.vocabulary import Pattern
    from latencylab.graph import Graph
    from latencylab.measurement import MeasuredTensor, OptimizedNode

    Step = Callable[[int], Iterable[int]]

_REACH = 64  # unowned nodes looked at in search of a main node: keeps the work linear in the graph's size


@dataclass(slots=True)
class Cover:
    """A kernel's part of the file: indices of nodes, and what kind of kernel it is."""

    kind: str = "unplaced"
    root: int | None = None
    nodes: set[int] = field(default_factory=set)


def covers_of(
    graph: Graph, kernels: tuple[OptimizedNode, ...], outputs: tuple[tuple[MeasuredTensor, ...], ...]
) -> tuple[Cover, ...]:
    """Return one Cover a kernel. `kernels` stand in execution order, `outputs` are what each wrote."""
    return _Matcher(graph, kernels, outputs).run()


class _Matcher:
    def __init__(
        self,
        graph: Graph,
        kernels: tuple[OptimizedNode, ...],
        outputs: tuple[tuple[MeasuredTensor, ...], ...],
    ) -> None:
        self.original = Original(graph)
        self.optimized = Optimized(kernels, self.original)
        self.outputs = outputs
        self.covers = tuple(Cover() for _ in kernels)

    def run(self) -> tuple[Cover, ...]:
        for k in range(len(self.covers)):
            self._place(k)
        for k, cover in enumerate(self.covers):
            if cover.kind == "unplaced":
                self._explain(k)
        self._attach_leftovers()
        return self.covers

    def _place(self, k: int) -> None:
        node, cover = self.optimized.nodes[k], self.covers[k]
        self.optimized.trace(k)
        if self.optimized.is_transparent[k]:
            cover.kind = "layout"
            return
        pattern = pattern_of(node)
        cover.root = self._anchored(k, pattern)
        if cover.root is None:
            cover.root = self._nearest(k, pattern)
        if cover.root is None:
            cover.kind, cover.nodes = INSERTED.get(node.op_type, "unplaced"), self._twin(k)
            self.optimized.is_transparent[k] = cover.kind != "unplaced" and not cover.nodes
            return
        cover.kind = "quantization" if node.op_type in QUANTIZERS else "compute"
        self._own(k, [cover.root])
        self._absorb(k, pattern)

    def _twin(self, k: int) -> set[int]:
        """Return the nodes of an earlier kernel that computes the same: conversions get duplicated."""
        node = self.optimized.nodes[k]
        for other in self.optimized.consumers.get(next(iter(node.inputs), ""), ()):
            twin = self.optimized.nodes[other]
            if other < k and (twin.op_type, twin.inputs) == (node.op_type, node.inputs):
                return set(self.covers[other].nodes)
        return set()

    def _own(self, k: int, nodes: Iterable[int]) -> None:
        for i in nodes:
            self.original.owner[i] = k
            self.covers[k].nodes.add(i)

    def _fits(self, k: int, i: int, pattern: Pattern) -> bool:
        return self._is_of_type(i, pattern) and not conflicts(self.optimized.nodes[k], self.original.nodes[i])

    def _is_of_type(self, i: int, pattern: Pattern) -> bool:
        is_free = self.original.owner[i] is None
        return is_free and self.original.nodes[i].op_type.removeprefix("QLinear") in pattern.roots

    def _anchored(self, k: int, pattern: Pattern) -> int | None:
        """Find the main node by a surviving name: of the node, or of a tensor it or its epilogue writes."""
        node = self.optimized.nodes[k]
        for name in names_behind(node.name):
            i = self.original.by_name.get(name)
            # A transpose keeps its own name when another is merged into it, and only its attributes change.
            fits = self._is_of_type if name == node.name else partial(self._fits, k)
            if i is not None and fits(i, pattern):
                return i
        for last in self.optimized.surviving(k):
            for i in self.original.free_upstream(last):
                if self._fits(k, i, pattern):
                    return i
        return None

    def _nearest(self, k: int, pattern: Pattern) -> int | None:
        """Find the main node by its place: behind the kernels that this one reads from."""
        sources = self.optimized.sources[k]
        fitting = [
            (self._misfit(k, i, sources), distance, i)
            for distance, i in enumerate(self._behind(k, sources))
            if self._fits(k, i, pattern)
        ]
        return min(fitting)[2] if fitting else None

    def _behind(self, k: int, sources: set[int]) -> Iterator[int]:
        """Unowned nodes behind these kernels, nearest first; all unowned ones where nothing is known."""
        owned = [i for s in sorted(sources) if s >= 0 for i in sorted(self.covers[s].nodes)]
        starts = [reader for i in owned for reader in self.original.consumers[i]]
        if -1 in sources:
            starts += self.original.readers_of_inputs()
        if not sources:  # reads constants alone, or nobody knows what it reads
            is_known = bool(self.optimized.nodes[k].inputs)
            starts = [i for i, read in enumerate(self.original.sources) if not (read and is_known)]
        for _, i in zip(range(_REACH), self.original.free_downstream(starts), strict=False):
            yield i

    def _misfit(self, k: int, i: int, sources: set[int]) -> int:
        """Count what speaks against node `i`: other producers than the kernel's, another output shape."""
        against = len(sources ^ self.original.owners_upstream(i)) if sources else 0
        return against + (not self._has_shape(k, i))

    def _has_shape(self, k: int, i: int) -> bool:
        """Compare shapes, layout aside: blocked channels are padded, and may stand last."""
        tensors = self.original.graph.outputs_of(self.original.nodes[i])
        if not self.outputs[k] or not tensors:
            return True
        written, expected = self.outputs[k][0].shape, tensors[0].shape
        if len(expected) != 4 or len(written) != 4:
            return sorted(written) == sorted(expected)
        channels, spatial = expected[1], expected[2:]
        if written[2:] == spatial and channels <= written[1] < channels + 16:
            return True
        return written[1:3] == spatial and written[3] == channels

    def _absorb(self, k: int, pattern: Pattern) -> None:
        root = self.covers[k].root
        assert root is not None  # noqa: S101 - only called with one
        self._take(k, root, pattern.before, self._ahead_of)
        self._take(k, root, pattern.after, self._behind_it)
        for last in self.optimized.surviving(k):
            between = list(self.original.free_upstream(last))
            if any(self._reads_from(i, k) for i in between):
                self._own(k, between)

    def _take(self, k: int, root: int, wanted: tuple[str, ...], step: Step) -> None:
        """Own neighbours of the wanted types, one after the other, until none is left or none fits."""
        remaining, edge = list(wanted), [root]
        while remaining and edge:
            near = [i for e in edge for i in step(e) if self.original.owner[i] is None]
            edge = []
            for i in near:
                if self.original.owner[i] is None and self.original.nodes[i].op_type in remaining:
                    remaining.remove(self.original.nodes[i].op_type)
                    self._own(k, [i])
                    edge.append(i)

    def _ahead_of(self, i: int) -> list[int]:
        return [s for s in self.original.sources[i] if s is not None]

    def _behind_it(self, i: int) -> list[int]:
        return self.original.consumers[i]

    def _reads_from(self, i: int, k: int) -> bool:
        return any(s is not None and self.original.owner[s] == k for s in self.original.sources[i])

    def _explain(self, k: int) -> None:
        """Give a kernel of unknown type what lies unexplained ahead of its readers or its output."""
        node = self.optimized.nodes[k]
        free = set(self.original.free_upstream(*self.optimized.surviving(k)))
        for reader in (c for output in node.outputs for c in self.optimized.consumers.get(output, ())):
            free |= self._prologue(reader)
        if free:
            self.covers[k].kind = "compute"
            for other in self.covers:
                other.nodes -= free
            self._own(k, free)

    def _prologue(self, k: int) -> set[int]:
        """Nodes ahead of a kernel's main node that the kernel owns, and beyond them those that none does."""
        root, owned = self.covers[k].root, self.covers[k].nodes
        if root is None:
            return set()
        found: set[int] = set()
        edge = [root]
        while edge:
            edge = [s for i in edge for s in self._ahead_of(i) if s in owned and s not in found]
            found.update(edge)
        beyond = [s for i in (root, *found) for s in self._ahead_of(i)]
        return found | set(self.original.free_upstream(*beyond))

    def _attach_leftovers(self) -> None:
        original = self.original
        for i, node in enumerate(original.nodes):
            if original.owner[i] is None and node.op_type != "DequantizeLinear":
                owners = [o for o in original.owners_upstream(i) if o >= 0]
                if owners:
                    self._own(max(owners), [i])
        for i in reversed(range(len(original.nodes))):
            readers = [o for c in original.readers(i) if (o := original.owner[c]) is not None]
            if original.owner[i] is None and readers:
                self._own(min(readers), [i])
