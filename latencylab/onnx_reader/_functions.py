"""Local functions: calls replaced by the functions' bodies, as onnx's inliner does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import ModelProto

from latencylab.errors import ModelError
from latencylab.onnx_reader._normalise import spelled_alike
from latencylab.onnx_reader._order import canonical
from latencylab.onnx_reader._text import one_line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from onnx import FunctionProto, GraphProto, NodeProto

MAX_NODES = 2_000_000
"""Nodes a model may grow to; a chain of functions that call each other twice doubles at every step."""

_FAULTS = (RuntimeError, ValueError, IndexError, KeyError, TypeError)

Key = tuple[str, str, str]


def inlined(model: ModelProto) -> ModelProto:
    """The model without calls of local functions; without functions, the model itself.

    The copy holds no initializers: weights take no part in inlining.
    Raises ModelError for functions that call themselves, or expand beyond MAX_NODES.
    """
    if not model.functions:
        return model
    _check_expansion(model)
    try:
        bare = _without_weights(model)
        for function in bare.functions:
            _relabel(function, _version(bare))
        return _expanded(bare)
    except _FAULTS as error:
        raise ModelError(f"local functions cannot be inlined: {one_line(str(error))}") from error


def _expanded(model: ModelProto) -> ModelProto:
    """Inline every function; one that cannot be rewritten for the model's opset stays a call."""
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model, convert_version=True)
    except RuntimeError:
        return inliner.inline_local_functions(model, convert_version=False)


def _version(item: ModelProto | FunctionProto) -> int:
    return next((opset.version for opset in item.opset_import if canonical(opset.domain) == ""), 0)


def _relabel(function: FunctionProto, version: int) -> None:
    """Let a function whose operators are spelled alike in the model's opset say that opset."""
    own = _version(function)
    if own != version and all(_is_alike(name, own, version) for name in _standard(function.node)):
        for opset in function.opset_import:
            if canonical(opset.domain) == "":
                opset.version = version


def _is_alike(op_type: str, one: int, other: int) -> bool:
    from onnx import defs

    return spelled_alike(op_type, one, other) and defs.has(op_type, min(one, other))


def _standard(nodes: Iterable[NodeProto]) -> Iterator[str]:
    """Operators of ai.onnx in a function's body, those in subgraphs included."""
    for node in nodes:
        if canonical(node.domain) == "":
            yield node.op_type
        for graph in _graphs(node):
            yield from _standard(graph.node)


def _without_weights(model: ModelProto) -> ModelProto:
    bare = ModelProto(ir_version=model.ir_version)
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    bare.graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(bare.graph, field).extend(getattr(model.graph, field))
    return bare


def _check_expansion(model: ModelProto) -> None:
    bodies = {_key(function): function for function in model.functions}
    sizes: dict[Key, int] = {}
    for function in _callees_first(bodies):
        sizes[_key(function)] = _size(function.node, sizes)
    if _size(model.graph.node, sizes) > MAX_NODES:
        raise ModelError(f"local functions expand to more than {MAX_NODES} nodes")


def _size(nodes: Iterable[NodeProto], sizes: Mapping[Key, int]) -> int:
    return sum(sizes.get(_key(node), 1) + sum(_size(g.node, sizes) for g in _graphs(node)) for node in nodes)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _callees_first(bodies: Mapping[Key, FunctionProto]) -> list[FunctionProto]:
    """Functions after those they call; a function that reaches itself is refused."""
    order: list[FunctionProto] = []
    state: dict[Key, bool] = {}
    for root in bodies:
        stack = [(root, iter(_calls(bodies[root].node, bodies)))] if root not in state else []
        state.setdefault(root, False)
        while stack:
            key, calls = stack[-1]
            callee = next(calls, None)
            if callee is None:
                stack.pop()
                state[key] = True
                order.append(bodies[key])
            elif callee not in state:
                state[callee] = False
                stack.append((callee, iter(_calls(bodies[callee].node, bodies))))
            elif not state[callee]:
                raise ModelError(f"local function {quoted(callee[1])} calls itself")
    return order


def _calls(nodes: Iterable[NodeProto], bodies: Mapping[Key, FunctionProto]) -> list[Key]:
    found: dict[Key, None] = {}
    for node in nodes:
        if _key(node) in bodies:
            found[_key(node)] = None
        for graph in _graphs(node):
            found.update(dict.fromkeys(_calls(graph.node, bodies)))
    return list(found)


def _key(item: NodeProto | FunctionProto) -> Key:
    return (item.domain, getattr(item, "op_type", item.name), item.overload)
