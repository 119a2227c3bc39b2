"""The two graphs that are aligned, as indices: the file's nodes, and onnxruntime's kernels."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from latencylab.align.vocabulary import REORDERS, takes_a_sum, written_before_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from latencylab.graph import Graph, Node
    from latencylab.measurement import OptimizedNode


class Original:
    """The file's graph with an owner to every node: the kernel that covers it, once known."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: tuple[Node, ...] = graph.nodes
        self.owner: list[int | None] = [None] * len(graph.nodes)
        self.producer = {output: i for i, node in enumerate(graph.nodes) for output in node.outputs if output}
        self.by_name = {node.name: i for i, node in enumerate(graph.nodes) if node.name}
        self.sources: list[tuple[int | None, ...]] = []
        for node in graph.nodes:
            self.sources.append(self._activations(node))
        self.consumers: list[list[int]] = [[] for _ in graph.nodes]
        for i, sources in enumerate(self.sources):
            for source in sources:
                if source is not None:
                    self.consumers[source].append(i)

    def _activations(self, node: Node) -> tuple[int | None, ...]:
        """Return the producers of the activations a node reads, in order; None = a graph input.

        What is computed from constants alone (a weight's DequantizeLinear) is no activation.
        """
        found: list[int | None] = []
        for name in node.inputs:
            producer = self.producer.get(name)
            if (producer is None and name in self.graph.inputs) or (
                producer is not None and self.sources[producer]
            ):
                found.append(producer)
        return tuple(found)

    def readers(self, i: int) -> Iterator[int]:
        """Nodes that read anything that node `i` writes, activation or not."""
        for output in self.nodes[i].outputs:
            for node in self.graph.consumers.get(output, ()):
                yield self.producer[next(name for name in node.outputs if name)]

    def readers_of_inputs(self) -> list[int]:
        """Nodes that read an input of the graph."""
        return [i for i, sources in enumerate(self.sources) if None in sources]

    def free_upstream(self, *starts: int) -> Iterator[int]:
        """Unowned nodes from `starts` backwards, nearest first; stops at owned ones."""
        return self._walk(starts, lambda i: (s for s in self.sources[i] if s is not None))

    def free_downstream(self, starts: Iterable[int]) -> Iterator[int]:
        """Unowned nodes from `starts` forwards, nearest first; stops at owned ones."""
        return self._walk(starts, lambda i: self.consumers[i])

    def _walk(self, starts: Iterable[int], step: Callable[[int], Iterable[int]]) -> Iterator[int]:
        queue = deque(i for i in dict.fromkeys(starts) if self.owner[i] is None)
        seen = set(queue)
        while queue:
            here = queue.popleft()
            yield here
            for there in step(here):
                if there not in seen and self.owner[there] is None:
                    seen.add(there)
                    queue.append(there)

    def owners_upstream(self, start: int) -> set[int]:
        """Owners met when walking backwards from a node through unowned ones; -1 stands for a graph input."""
        found: set[int] = set()
        for i in self.free_upstream(start):
            for source in self.sources[i]:
                owner = -1 if source is None else self.owner[source]
                if owner is not None:
                    found.add(owner)
        return found


class Optimized:
    """onnxruntime's graph: where a kernel's inputs come from, and which names of the file survive in it."""

    def __init__(self, nodes: tuple[OptimizedNode, ...], original: Original) -> None:
        self.nodes = nodes
        self.producer = {output: k for k, node in enumerate(nodes) for output in node.outputs if output}
        self.consumers: dict[str, list[int]] = {}
        for k, node in enumerate(nodes):
            for name in node.inputs:
                self.consumers.setdefault(name, []).append(k)
        self._original = original
        self._inputs = frozenset(original.graph.inputs)
        # Kernels whose results a kernel reads, looked up through layout kernels; -1 = a graph input.
        self.sources: list[set[int]] = [set() for _ in nodes]
        self.is_transparent = [node.op_type in REORDERS for node in nodes]

    def trace(self, k: int) -> None:
        """Note where a kernel's inputs come from, once all kernels ahead of it are placed.

        What a fused convolution adds is left out: it is read behind the main node, not by it. So is what is
        computed from constants alone.
        """
        inputs = self.nodes[k].inputs[:3] if takes_a_sum(self.nodes[k]) else self.nodes[k].inputs
        found = (self._source(name) for name in inputs if name)
        self.sources[k] = {source for source in found if source is not None}

    def _source(self, name: str) -> int | None:
        """None = a constant."""
        producer = self.producer.get(name)
        while producer is not None and self.is_transparent[producer]:
            name = self.nodes[producer].inputs[0]
            producer = self.producer.get(name)
        if producer is not None:
            return producer if self.sources[producer] else None
        return -1 if name in self._inputs else None

    def surviving(self, k: int) -> Iterator[int]:
        """Nodes of the file that write what kernel `k` writes, by the names that survived, surest first."""
        node = self.nodes[k]
        written = [output for output in node.outputs if output]
        for output in written:
            reorders = [c for c in self.consumers.get(output, ()) if self.is_transparent[c]]
            written += [name for c in reorders for name in self.nodes[c].outputs]
        for name in (*written, *written_before_blocking(node.name)):
            if name in self._original.producer:
                yield self._original.producer[name]
