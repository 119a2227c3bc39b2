"""ONNX file -> Graph. The only importer of onnx outside the zoo.

The reader binds the inputs' dimensions, inlines local functions, infers all shapes with onnx's own inference,
rewrites older spellings as the newest, folds shape arithmetic and constants, and drops what computes nothing
(Identity, Dropout, dead branches). Weights' values are never needed: external data is not opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from latencylab.errors import ModelError
from latencylab.onnx_reader._bind import Free, bind, bound_symbols, is_resized
from latencylab.onnx_reader._bind import free as _free
from latencylab.onnx_reader._builder import Builder
from latencylab.onnx_reader._context import Context
from latencylab.onnx_reader._functions import inlined
from latencylab.onnx_reader._scope import Scope
from latencylab.onnx_reader._source import open_source
from latencylab.onnx_reader._text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onnx import GraphProto, ModelProto, ValueInfoProto

    from latencylab.graph import Graph
    from latencylab.onnx_reader._value import Value

__all__ = ["Free", "Model", "free", "read"]

_NOTHING: Mapping[str, int] = MappingProxyType({})
_NO_SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Model:
    """A network ready to be estimated.

    sha256: of the file's bytes (the graph file's alone where weights lie in files of their own); of a
        ModelProto, of its structure without weight values.
    opset: version of the ai.onnx operator set; 0 where the model uses none of it.
    """

    graph: Graph
    sha256: str
    opset: int


def read(
    source: Path | bytes | ModelProto,
    *,
    name: str | None = None,
    dims: Mapping[str, int] = _NOTHING,
    shapes: Mapping[str, tuple[int, ...]] = _NO_SHAPES,
) -> Model:
    """Read a model from a file, from bytes or from memory (which is left as it is).

    name: how results call it; default: the file's stem. dims: sizes of named free dimensions. shapes: whole
    shapes of inputs by name; they override the file's.
    Raises InputFileError for an unusable path, ModelError for an unusable model, DynamicShapeError for free
    dimensions, UnknownNameError or LatencyLabError for `dims` and `shapes` that fit no input.
    """
    opened = open_source(source)
    model = inlined(opened.proto)
    context = Context(model)
    _check_graph(model.graph)
    graph = _read_graph(context, opened.proto.graph, model.graph, dims, shapes)
    graph = replace(graph, name=name or opened.name, assumptions=context.assumptions)
    return Model(graph, opened.sha256, context.opset)


def free(source: Path | bytes | ModelProto) -> Free:
    """Say what `dims` and `shapes` may name in a model; errors as `read` has them for its bytes."""
    return _free(_infos(open_source(source).proto.graph))


def _check_graph(graph: GraphProto) -> None:
    if not graph.node:
        raise ModelError("the graph is empty: it has no nodes")
    if not any(output.name for output in graph.output):
        raise ModelError("the graph has no outputs")


def _read_graph(
    context: Context,
    stored: GraphProto,
    graph: GraphProto,
    dims: Mapping[str, int],
    shapes: Mapping[str, tuple[int, ...]],
) -> Graph:
    """The main graph; `stored` holds its weights, `graph` its nodes."""
    infos = _infos(stored)
    inputs = bind(infos, dims, shapes)
    context.symbols = bound_symbols(infos, inputs)
    context.is_resized = is_resized(infos, inputs)
    scope = Scope(stored, context)
    scope.kept = frozenset(output.name for output in graph.output)
    for label, value in inputs.items():
        context.fresh(label)
        scope.bind(label, value)
    builder = Builder(context)
    builder.walk(graph, scope)
    outputs = [_output(builder, scope, output.name, inputs) for output in graph.output if output.name]
    return builder.graph(stored.name, list(inputs.values()), outputs)


def _infos(stored: GraphProto) -> list[ValueInfoProto]:
    """What the application hands over; older files list constants among the inputs."""
    constants = {tensor.name for tensor in stored.initializer}
    return [info for info in stored.input if info.name not in constants]


def _output(builder: Builder, scope: Scope, name: str, inputs: Mapping[str, Value]) -> Value:
    """The value of a graph output; nodes dropped before it may have left it another value's name."""
    if not scope.knows(name):
        raise ModelError(f"nothing produces the graph's output {quoted(name)}")
    value = scope.lookup(name)
    if value.name == name:
        return value
    if value.is_constant or value.name in inputs or value.name in scope.kept:
        return builder.join(value, name)
    return builder.rename(value, name)
