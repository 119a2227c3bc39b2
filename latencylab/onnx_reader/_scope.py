"""Scope: what a name of the file means at one place; a body sees the graphs around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from latencylab.errors import ModelError
from latencylab.onnx_reader._attributes import constant, sparse_constant
from latencylab.onnx_reader._text import check_text, quoted
from latencylab.onnx_reader._value import Partial, Value, partial_from_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import GraphProto, SparseTensorProto, TypeProto

    from latencylab.onnx_reader._context import Context


class Scope:
    """Names of one graph of the file, and of those around it.

    kept: names whose writers stay because they are the network's outputs. read_names: names somebody reads.
    """

    def __init__(self, graph: GraphProto, context: Context, parent: Scope | None = None) -> None:
        self.parent = parent
        self.values: dict[str, Value] = {}
        self.kept: frozenset[str] = frozenset()
        self.read_names: set[str] = set()
        self._context = context
        self._types = {info.name: info.type for info in (*graph.value_info, *graph.output) if info.name}
        self.stored: dict[str, TensorProto | SparseTensorProto] = {t.name: t for t in graph.initializer}
        self.stored.update((tensor.values.name, tensor) for tensor in graph.sparse_initializer)
        check_text((graph.name, *self.stored, *self._types))
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

    def is_outside(self, name: str) -> bool:
        """Whether a name is a constant whose content lies in a file of its own."""
        scope: Scope | None = self
        while scope is not None and name not in scope.stored:
            scope = scope.parent
        stored = scope.stored[name] if scope is not None else None
        return isinstance(stored, TensorProto) and stored.data_location == TensorProto.EXTERNAL

    def name_constant(self, name: str) -> str:
        """A tensor name for a constant; where the network puts it out, that name is the copy's."""
        return self._context.fresh(f"{name}.value" if name in self.kept else name)

    def load(self, name: str) -> Value | None:
        """The constant that the graph of this scope stores under a name."""
        stored = self.stored.get(name)
        if stored is None:
            return None
        placed = self.name_constant(name)
        is_dense = isinstance(stored, TensorProto)
        value = constant(placed, stored) if is_dense else sparse_constant(placed, stored)
        self.values[name] = value
        return value

    def declared(self, name: str) -> Partial:
        """What the file says about a value; sizes it gives for inputs of other sizes do not count."""
        if name not in self._types:
            return Partial()
        partial = _bound(self._types[name], self._context.symbols)
        return partial._replace(shape=None) if self._context.is_resized else partial


def _bound(proto: TypeProto, symbols: Mapping[str, int]) -> Partial:
    """A declared type whose symbolic dimensions are those of the inputs, now bound."""
    partial = partial_from_type(proto)
    if partial.shape is None or proto.WhichOneof("value") != "tensor_type":
        return partial
    pairs = zip(proto.tensor_type.shape.dim, partial.shape, strict=True)
    shape = [symbols.get(dim.dim_param) if dim.dim_param else size for dim, size in pairs]
    return partial._replace(shape=tuple(None if d is None or d < 0 else d for d in shape))
