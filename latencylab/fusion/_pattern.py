"""A tiny language for patterns of operators: enough to say GELU in three lines, and O(1) to look for.

    x = Capture("x")
    silu = Op("Mul", x, Op("Sigmoid", x))

Operands of commutative operators are tried both ways round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import isclose
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from latencylab.fusion._reading import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

_COMMUTATIVE: Final = frozenset({"Add", "Mul", "Min", "Max"})
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Capture:
    """Any tensor; the same one wherever the name stands."""

    name: str


@dataclass(frozen=True, slots=True)
class Value:
    """A constant with one element of this value, to three digits (exporters round)."""

    value: float


@dataclass(frozen=True, slots=True)
class Constant:
    """Any constant."""


class Op:
    """A bare operator over operands; further inputs it may have are not looked at."""

    def __init__(self, op_type: str, *operands: Pattern, name: str = "") -> None:
        """`name` captures the operator's output, to be used again elsewhere in the pattern."""
        self.op_type, self.operands, self.name = op_type, operands, name


class OneOf:
    """The first of several spellings that fits."""

    def __init__(self, *spellings: Pattern) -> None:
        self.spellings = spellings


Pattern = Capture | Value | Constant | Op | OneOf


@dataclass(frozen=True, slots=True)
class Found:
    """What a pattern stands on: tensors by capture, and nodes in the order of the data flow."""

    captures: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    nodes: tuple[Node, ...] = ()


def find(graph: WorkingGraph, pattern: Pattern, node: Node) -> Found | None:
    """Look for the pattern with its last operator at this node."""
    before = (graph.producers.get(name) for name in node.inputs)
    # Most nodes are told apart by what stands before them.
    if {source.op_type for source in before if source is not None}.isdisjoint(_second_last(pattern)):
        return None
    return next(_unify(graph, pattern, node.outputs[0], Found()), None)


@cache
def _second_last(pattern: Pattern) -> frozenset[str]:
    """Types of operators of which one must stand before the pattern's last operator."""
    match pattern:
        case OneOf():
            return frozenset().union(*map(_second_last, pattern.spellings))
        case Op():
            return next(filter(None, map(_types, pattern.operands)))
        case _:
            return frozenset()


def _types(pattern: Pattern) -> frozenset[str]:
    """Operator types a pattern may end with; none for a tensor of any origin."""
    match pattern:
        case OneOf():
            return frozenset().union(*map(_types, pattern.spellings))
        case Op():
            return frozenset({pattern.op_type})
        case _:
            return frozenset()


def _unify(graph: WorkingGraph, pattern: Pattern, name: str, found: Found) -> Iterator[Found]:
    match pattern:
        case Capture():
            known = found.captures.get(pattern.name, name)
            if known == name:
                yield Found({**found.captures, pattern.name: name}, found.nodes)
        case Value():
            value = scalar(graph.tensors.get(name))
            if value is not None and isclose(value, pattern.value, rel_tol=2e-3, abs_tol=1e-9):
                yield found
        case Constant():
            if name in graph.tensors and graph.tensors[name].is_constant:
                yield found
        case OneOf():
            for spelling in pattern.spellings:
                yield from _unify(graph, spelling, name, found)
        case Op():
            yield from _operator(graph, pattern, name, found)


def _operator(graph: WorkingGraph, pattern: Op, name: str, found: Found) -> Iterator[Found]:
    node = graph.producers.get(name)
    if node is None or node.op_type != pattern.op_type or node.epilogue:
        return
    if len(node.inputs) < len(pattern.operands):
        return
    captures = {**found.captures, pattern.name: name} if pattern.name else found.captures
    if found.captures.get(pattern.name, name) != name:
        return
    # The patterns keep their order, so that the nodes come out in the order of the data flow.
    orders = [node.inputs]
    if pattern.op_type in _COMMUTATIVE and len(node.inputs) == 2:
        orders.append(node.inputs[::-1])
    for names in orders:
        for inner in _operands(graph, pattern.operands, names, Found(captures, found.nodes)):
            yield inner if node in inner.nodes else Found(inner.captures, (*inner.nodes, node))


def _operands(
    graph: WorkingGraph, patterns: tuple[Pattern, ...], names: tuple[str, ...], found: Found
) -> Iterator[Found]:
    """Unify operand after operand, going back where a later one does not fit."""
    if not patterns:
        yield found
        return
    for first in _unify(graph, patterns[0], names[0], found):
        yield from _operands(graph, patterns[1:], names[1:], first)
