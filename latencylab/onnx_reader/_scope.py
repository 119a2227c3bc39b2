"""Scope: what a name of the file means at one place; a body sees the graphs around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from latencylab.errors import ModelError
from latencylab.onnx_reader._attributes import constant, sparse_constant
from latencylab.onnx_reader._text import quoted
from latencylab.onnx_reader._value import Partial, Value, partial_from_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onnx import GraphProto, SparseTensorProto, TypeProto


class Scope:
    """Names of one graph of the file, and of those around it.

    declared: types the file gives for intermediate values. kept: names whose writers stay, being graph outputs.
    read_names: names somebody reads.
    """

    def __init__(
        self,
        graph: GraphProto,
        fresh: Callable[[str], str],
        symbols: Mapping[str, int],
        parent: Scope | None = None,
    ) -> None:
        self.values: dict[str, Value] = {}
        self.stored: dict[str, TensorProto | SparseTensorProto] = {}
        self._fresh = fresh
        self.parent = parent
        self.kept: frozenset[str] = frozenset()
        self.read_names: set[str] = set()
        self.declared = {
            info.name: _bound(info.type, symbols) for info in (*graph.value_info, *graph.output) if info.name
        }
        self.stored.update((tensor.name, tensor) for tensor in graph.initializer)
        self.stored.update((tensor.values.name, tensor) for tensor in graph.sparse_initializer)
        if len(self.stored) < len(graph.initializer) + len(graph.sparse_initializer):
            raise ModelError(f"graph {quoted(graph.name)} stores two constants under one name")

    def bind(self, name: str, value: Value) -> None:
        """From here on, `name` is `value`."""
        self.values[name] = value

    def knows(self, name: str) -> bool:
        """Whether a name has a meaning here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values or name in scope.stored:
                return True
            scope = scope.parent
        return False

    def lookup(self, name: str) -> Value:
        """The value behind a name; constants are looked at when first asked for."""
        scope: Scope | None = self
        while scope is not None:
            value = scope.values.get(name) or scope.load(name)
            if value is not None:
                return value
            scope = scope.parent
        raise ModelError(f"nothing produces {quoted(name)}")

    def is_stored(self, name: str) -> bool:
        """Whether the graph of this scope stores a constant of that name."""
        return name in self.stored

    def load(self, name: str) -> Value | None:
        """The constant this graph stores under a name."""
        stored = self.stored.get(name)
        if stored is None:
            return None
        placed = self._fresh(name)
        value = (
            constant(placed, stored) if isinstance(stored, TensorProto) else sparse_constant(placed, stored)
        )
        self.values[name] = value
        return value


def _bound(proto: TypeProto, symbols: Mapping[str, int]) -> Partial:
    """A declared type whose symbolic dimensions are those of the inputs, now bound."""
    partial = partial_from_type(proto)
    if partial.shape is None or partial.container is not None or not proto.HasField("tensor_type"):
        return partial
    dims = proto.tensor_type.shape.dim
    shape = tuple(
        symbols.get(d.dim_param) if d.dim_param else size for d, size in zip(dims, partial.shape, strict=True)
    )
    return partial._replace(shape=tuple(d if d is None or d >= 0 else None for d in shape))
