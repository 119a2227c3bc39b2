"""The graph while rules work on it: readable like a Graph, and changed one match at a time.

Every change costs as much as the nodes it touches have inputs and outputs, so that all rules together are
linear in the size of the graph.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._match import Exchange, Match, Refusal, rebuilt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from latencylab.graph import Graph, Node, Tensor


class WorkingGraph:
    """A mutable view of a graph.

    tensors, producers: as in Graph. given: tensors that the network is handed; kept: those it returns.
    is_qoperator: whether the file spells integer operators as such (QLinearConv, ...).
    """

    def __init__(self, graph: Graph) -> None:
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.producers: dict[str, Node] = dict(graph.producers)
        self.given, self.kept = set(graph.inputs), set(graph.outputs)
        self.is_qoperator = any(s.op_type.startswith("QLinear") for n in graph.nodes for s in n.parts or (n,))
        self._source = graph
        self._changed = False
        self._touched: set[int] = set()
        self._new_ends: dict[str, str] = {}
        # A node is found by identity: its attributes need not be hashable.
        self._slots: list[Node | None] = [*graph.nodes]
        self._slot_of: dict[int, int] = {id(node): slot for slot, node in enumerate(graph.nodes)}
        self._readers: dict[str, dict[int, Node]] = {
            name: {id(node): node for node in nodes} for name, nodes in graph.consumers.items()
        }
        self._by_type: dict[str, set[int]] = {}
        for slot, node in enumerate(graph.nodes):
            self._by_type.setdefault(node.op_type, set()).add(slot)

    def slots_of(self, op_types: Collection[str], among: set[int] | None = None) -> list[int]:
        """Slots that hold a node of these types (only those `among` the given ones), in topological order."""
        held = [self._by_type[op_type] for op_type in op_types if op_type in self._by_type]
        slots = set().union(*held) if held else set()
        return sorted(slots if among is None else slots & among)

    def take_touched(self) -> set[int]:
        """Slots of nodes that were written, or became neighbours of what was written, since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def at(self, slot: int) -> Node | None:
        """Return the node in a slot; None once it was fused into another."""
        return self._slots[slot]

    def holds(self, node: Node) -> bool:
        """Whether the node is still part of the graph."""
        return id(node) in self._slot_of

    def readers(self, name: str) -> Collection[Node]:
        """Nodes that read a tensor, in no particular order."""
        return self._readers.get(name, {}).values()

    def sole_reader(self, name: str) -> Node | None:
        """Return the only node that reads a tensor; None if there are several or the network returns it."""
        readers = self._readers.get(name, {})
        return next(iter(readers.values())) if len(readers) == 1 and name not in self.kept else None

    def inputs_of(self, node: Node) -> tuple[Tensor | None, ...]:
        """Input tensors of the node itself; None where an optional input is absent."""
        return tuple(self.tensors[name] if name else None for name in node.inputs)

    def outputs_of(self, node: Node) -> tuple[Tensor, ...]:
        """Output tensors of the node itself; absent optional outputs are left out."""
        return tuple(self.tensors[name] for name in node.outputs if name)

    def apply(self, match: Match) -> Node | Refusal | None:
        """Replace the matched nodes by one.

        Returns the new node (None if the match has none), or a Refusal, changing nothing, if a tensor that
        would vanish is needed elsewhere.
        """
        if refusal := self._leak(match):
            return refusal
        slot = self._place(match)
        released = [name for node in match.nodes for name in node.reads]
        for node in match.nodes:
            self._remove(node)
        self.tensors.update((tensor.name, tensor) for tensor in match.tensors)
        sources = tuple(source for node in match.nodes for source in node.sources)
        if match.node is None:
            self._move_ends(match)
            self._adopt(sources, match.ends[0][1], None)
        else:
            self._insert(rebuilt(match.node, parts=sources), slot)
        self._bury(released, slot)
        written = self._slots[slot]
        self._touch(written, slot)
        return written

    def exchange(self, pair: Exchange) -> Node:
        """Let two neighbours change places; the caller knows that nobody else reads what is between them.

        Returns the one that now comes last.
        """
        slots = [self._remove(node) for node in pair.nodes]
        self.tensors.update((tensor.name, tensor) for tensor in pair.tensors)
        self._insert(rebuilt(pair.new_first, parts=pair.second.sources), slots[0])
        last = rebuilt(pair.new_second, parts=pair.first.sources)
        self._insert(last, slots[1])
        self._touch(last, slots[1])
        return last

    def freeze(self) -> Graph:
        """Return the graph as it stands; the original one if nothing changed."""
        if not self._changed:
            return self._source
        return replace(
            self._source,
            nodes=tuple(node for node in self._slots if node is not None),
            tensors=self.tensors,
            inputs=tuple(self._new_ends.get(name, name) for name in self._source.inputs),
            outputs=tuple(self._new_ends.get(name, name) for name in self._source.outputs),
        )

    def _leak(self, match: Match) -> Refusal | None:
        """Refuse if a tensor inside the match is read outside of it."""
        inside = {id(node) for node in match.nodes}
        safe = {*(match.node.writes if match.node else ()), *(name for end in match.ends for name in end)}
        for node in match.nodes:
            for name in node.writes:
                if name in safe:
                    continue
                if name in self.kept:
                    return Refusal(f"{node.name}'s output is an output of the network", match.nodes[-1])
                others = sorted(r.name for r in self.readers(name) if id(r) not in inside)
                if others:
                    return Refusal(f"{node.name}'s output is also read by {others[0]}", match.nodes[-1])
        return None

    def _place(self, match: Match) -> int:
        """Find the slot where everything is there: the last node that needs something from outside."""
        inside = {name for node in match.nodes for name in node.writes}

        def waits(node: Node) -> bool:
            return any(name not in inside and not self._is_constant(name) for name in node.reads)

        slots = [self._slot_of[id(node)] for node in match.nodes if waits(node)]
        return max(slots, default=self._slot_of[id(match.nodes[-1])])

    def _is_constant(self, name: str) -> bool:
        tensor = self.tensors.get(name)
        return tensor is not None and tensor.is_constant

    def _insert(self, node: Node, slot: int) -> None:
        self._slots[slot] = node
        self._slot_of[id(node)] = slot
        self._by_type.setdefault(node.op_type, set()).add(slot)
        for name in node.writes:
            self.producers[name] = node
        for name in node.reads:
            self._readers.setdefault(name, {})[id(node)] = node

    def _remove(self, node: Node) -> int:
        slot = self._slot_of.pop(id(node))
        self._slots[slot] = None
        self._by_type[node.op_type].discard(slot)
        for name in node.writes:
            del self.producers[name]
        for name in node.reads:
            del self._readers[name][id(node)]
        return slot

    def _move_ends(self, match: Match) -> None:
        for old, new in match.ends:
            self._new_ends[old] = new
            for ends in (self.given, self.kept):
                if old in ends:
                    ends.remove(old)
                    ends.add(new)

    def _touch(self, node: Node | None, slot: int) -> None:
        self._changed = True
        self._touched.add(slot)
        if node is not None:
            around = [self.producers[name] for name in node.reads if name in self.producers]
            around += [reader for name in node.writes for reader in self.readers(name)]
            self._touched.update(self._slot_of[id(other)] for other in around)

    def _bury(self, names: Iterable[str], slot: int) -> None:
        """Remove nodes whose results nobody reads any more; a kernel nearby keeps them as its parts."""
        pending = list(names)
        while pending:
            node = self.producers.get(pending.pop())
            if node is None or any(name in self.kept or self.readers(name) for name in node.writes):
                continue
            self._remove(node)
            self._adopt(node.sources, node.inputs[0] if node.inputs else "", self._slots[slot])
            pending.extend(node.reads)

    def _adopt(self, sources: tuple[Node, ...], name: str, default: Node | None) -> None:
        """Count vanished nodes to the kernel that writes the tensor, else to the first by name to read it."""
        candidates = [self.producers[name]] if name in self.producers else [*self.readers(name)]
        if not candidates and default is not None:
            candidates = [default]
        if candidates:
            host = min(candidates, key=lambda node: node.name)
            self._insert(rebuilt(host, parts=host.sources + sources), self._remove(host))
