"""If, Loop, Scan and SequenceMap: bodies become Graphs, trip counts numbers, guesses sentences.

A control-flow Node's attributes hold `then_branch`/`else_branch` or `body` (Graphs) and `trip_count`; its
inputs end with the outer tensors that its bodies read. An If whose condition is known gives way to the branch
taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import helper

from latencylab.errors import ModelError
from latencylab.onnx_reader import _builder
from latencylab.onnx_reader._order import shown
from latencylab.onnx_reader._scope import Scope
from latencylab.onnx_reader._text import dimensions
from latencylab.onnx_reader._value import CODES, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onnx import GraphProto, NodeProto

    from latencylab.graph import Graph
    from latencylab.onnx_reader._builder import Builder
    from latencylab.onnx_reader._order import Step

_ITERATION = Value("", "int64", ())
_CONDITION = Value("", "bool", ())


def visit(builder: Builder, step: Step, scope: Scope) -> None:
    """Read a control-flow node's bodies, then emit it (or the branch taken for certain)."""
    try:
        BODIES[step.op_type](builder, step, scope)
    except (IndexError, TypeError, ValueError) as error:
        reason = "its inputs, outputs or attributes do not fit its body"
        raise ModelError(f"{shown(step.node)}: {reason}") from error


def _if(builder: Builder, step: Step, scope: Scope) -> None:
    condition = _input(step, scope, 0)
    if condition.array is not None and condition.array.size == 1:
        _inline(builder, step, scope, "then_branch" if condition.array.any() else "else_branch")
        return
    branches = {
        name: _read(builder, _subgraph(step.node, name), scope, ()) for name in ("then_branch", "else_branch")
    }
    builder.context.assume(
        f"{shown(step.node)}: its condition depends on the data; the costlier branch is assumed"
    )
    results = [
        _larger(builder, step, *pair)
        for pair in zip(*(body.outputs for body in branches.values()), strict=False)
    ]
    _emit(builder, step, scope, results, {name: body.graph for name, body in branches.items()})


def _inline(builder: Builder, step: Step, scope: Scope, branch: str) -> None:
    graph = _subgraph(step.node, branch)
    inner = Scope(graph, builder.context, scope)
    builder.walk(graph, inner)
    for name, output in zip(step.outputs, graph.output, strict=False):
        if name:
            scope.bind(name, inner.lookup(output.name))


def _larger(builder: Builder, step: Step, one: Value, other: Value) -> Value:
    if one.shape == other.shape:
        return one
    larger = max(one, other, key=lambda value: value.tensor().elements)
    builder.context.assume(
        f"{shown(step.node)}: its branches give {dimensions(one.shape)} or {dimensions(other.shape)}; "
        f"{dimensions(larger.shape)} is assumed"
    )
    return larger


def _loop(builder: Builder, step: Step, scope: Scope) -> None:
    limit, condition = _optional(step, scope, 0), _optional(step, scope, 1)
    carried = [_input(step, scope, index) for index in range(2, len(step.inputs))]
    body = _read(builder, _subgraph(step.node, "body"), scope, (_ITERATION, _CONDITION, *carried))
    trips = _loop_trips(builder, step, limit, condition, body)
    states = list(body.outputs[1 : 1 + len(carried)])
    scans = [v._replace(shape=(trips, *v.shape)) for v in body.outputs[1 + len(carried) :]]
    _emit(builder, step, scope, [*states, *scans], {"body": body.graph, "trip_count": trips})


def _loop_trips(
    builder: Builder, step: Step, limit: Value | None, condition: Value | None, body: _Body
) -> int:
    """The iteration limit where it is a constant, else 1; whatever is not certain is put in a sentence."""
    if limit is None or limit.array is None:
        builder.context.assume(
            f"{shown(step.node)}: its trip count depends on the data; 1 iteration is assumed"
        )
        return 1
    trips = max(0, int(limit.array.ravel()[0]))
    if not _runs_through(condition, body):
        builder.context.assume(f"{shown(step.node)}: may stop early; all its {trips} iterations are assumed")
    return trips


def _runs_through(condition: Value | None, body: _Body) -> bool:
    starts = condition is None or (condition.array is not None and bool(condition.array.all()))
    again = body.outputs[0]
    is_passed_on = again.name == body.inputs[1].name
    return starts and (is_passed_on or (again.array is not None and bool(again.array.all())))


def _scan(builder: Builder, step: Step, scope: Scope) -> None:
    if builder.context.opset < 9:
        _scan_8(builder, step, scope)
        return
    attributes = builder.context.attributes(step.node)[1]
    given = [_input(step, scope, index) for index in range(len(step.inputs))]
    state_count = _state_count(step, given, attributes)
    axes = attributes.get("scan_input_axes", (0,) * (len(given) - state_count))
    slices = [_without_axis(step, v, axis) for v, axis in zip(given[state_count:], axes, strict=False)]
    trips = given[state_count].shape[axes[0]] if slices else 0
    body = _read(builder, _subgraph(step.node, "body"), scope, (*given[:state_count], *slices))
    stacked = body.outputs[state_count:]
    out_axes = attributes.get("scan_output_axes", (0,) * len(stacked))
    results = [_with_axis(v, axis, trips) for v, axis in zip(stacked, out_axes, strict=False)]
    _emit(
        builder,
        step,
        scope,
        [*body.outputs[:state_count], *results],
        {"body": body.graph, "trip_count": trips},
    )


def _scan_8(builder: Builder, step: Step, scope: Scope) -> None:
    """The first Scan: inputs have a batch axis before the scanned one, and the body runs for each pair."""
    attributes = builder.context.attributes(step.node)[1]
    given = [_input(step, scope, index) for index in range(1, len(step.inputs))]
    state_count = _state_count(step, given, attributes)
    if any(len(v.shape) < 1 + (i >= state_count) for i, v in enumerate(given)):
        raise ModelError(f"{shown(step.node)}: its inputs lack the batch or the scanned axis")
    batch, length = given[state_count].shape[:2]
    states = [v._replace(shape=v.shape[1:]) for v in given[:state_count]]
    slices = [v._replace(shape=v.shape[2:]) for v in given[state_count:]]
    body = _read(builder, _subgraph(step.node, "body"), scope, (*states, *slices))
    results = [v._replace(shape=(batch, *v.shape)) for v in body.outputs[:state_count]]
    results += [v._replace(shape=(batch, length, *v.shape)) for v in body.outputs[state_count:]]
    _emit(builder, step, scope, results, {"body": body.graph, "trip_count": batch * length})


def _state_count(step: Step, given: Sequence[Value], attributes: Mapping[str, Any]) -> int:
    scanned = int(attributes.get("num_scan_inputs", 1))
    if not 1 <= scanned <= len(given):
        raise ModelError(f"{shown(step.node)}: num_scan_inputs is {scanned} with {len(given)} inputs")
    return len(given) - scanned


def _without_axis(step: Step, value: Value, axis: int) -> Value:
    rank = len(value.shape)
    if not -rank <= axis < rank:
        raise ModelError(
            f"{shown(step.node)}: scans axis {axis} of a tensor of shape {dimensions(value.shape)}"
        )
    axis %= rank
    return value._replace(shape=value.shape[:axis] + value.shape[axis + 1 :])


def _with_axis(value: Value, axis: int, size: int) -> Value:
    axis = axis % (len(value.shape) + 1)
    return value._replace(shape=(*value.shape[:axis], size, *value.shape[axis:]))


def _sequence_map(builder: Builder, step: Step, scope: Scope) -> None:
    given = [_input(step, scope, index) for index in range(len(step.inputs))]
    elements = [value._replace(container=None) for value in given]
    body = _read(builder, _subgraph(step.node, "body"), scope, elements)
    builder.context.assume(f"{shown(step.node)}: the length of its sequence is unknown; 1 element is assumed")
    results = [v._replace(container=_sequence_of(v)) for v in body.outputs]
    _emit(builder, step, scope, results, {"body": body.graph, "trip_count": 1})


def _sequence_of(value: Value) -> Any:
    return helper.make_sequence_type_proto(helper.make_tensor_type_proto(CODES[value.dtype], value.shape))


BODIES: Mapping[str, Callable[[Builder, Step, Scope], None]] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
    "SequenceMap": _sequence_map,
}


class _Body:
    """A body read: its graph, and the values behind its inputs and outputs."""

    def __init__(self, graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        self.graph, self.inputs, self.outputs = graph, inputs, outputs


def _read(builder: Builder, graph: GraphProto, scope: Scope, given: Sequence[Value]) -> _Body:
    """A body as a Graph; `given` says what flows into it, whose content differs each time."""
    context = builder.context
    if len(graph.input) != len(given):
        raise ModelError(f"a control-flow body takes {len(graph.input)} inputs but is given {len(given)}")
    inner = Scope(graph, context, scope)
    inputs = [
        value._replace(name=context.fresh(info.name), array=None, is_constant=False)
        for info, value in zip(graph.input, given, strict=True)
    ]
    for info, value in zip(graph.input, inputs, strict=True):
        inner.bind(info.name, value)
    body = _builder.Builder(context)
    body.walk(graph, inner)
    outputs = [inner.lookup(output.name) for output in graph.output]
    return _Body(body.graph(graph.name, inputs, outputs), inputs, outputs)


def _emit(
    builder: Builder, step: Step, scope: Scope, results: Sequence[Value], attributes: Mapping[str, Any]
) -> None:
    outputs: list[Value | None] = []
    for name, value in zip(step.outputs, results, strict=False):
        placed = (
            value._replace(name=builder.context.fresh(name), array=None, is_constant=False) if name else None
        )
        outputs.append(placed)
        if placed is not None:
            scope.bind(name, placed)
    if len(step.outputs) > len(results):
        raise ModelError(f"{shown(step.node)} has {len(step.outputs)} outputs, its body gives {len(results)}")
    inputs = [scope.lookup(name) if name else None for name in step.inputs]
    inputs += [scope.lookup(name) for name in step.captured]
    plain = builder.context.attributes(step.node)[1]
    builder.emit(step, step.op_type, inputs, outputs, {**plain, **attributes})


def _subgraph(node: NodeProto, name: str) -> GraphProto:
    for attribute in node.attribute:
        if attribute.name == name and attribute.HasField("g"):
            graph: GraphProto = attribute.g
            return graph
    raise ModelError(f"{shown(node)} has no {name}")


def _input(step: Step, scope: Scope, index: int) -> Value:
    value = _optional(step, scope, index)
    if value is None:
        raise ModelError(f"{shown(step.node)} lacks its input {index}")
    return value


def _optional(step: Step, scope: Scope, index: int) -> Value | None:
    names = step.inputs
    return scope.lookup(names[index]) if index < len(names) and names[index] else None
