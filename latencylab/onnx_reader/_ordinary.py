"""An ordinary node: infer its outputs, rewrite its spelling, fold it, pass over it, or emit it."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from latencylab.onnx_reader._fold import RANDOM, fold
from latencylab.onnx_reader._normalise import Spelling, normalise
from latencylab.onnx_reader._settle import Call, settled
from latencylab.onnx_reader._value import DTYPES, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.onnx_reader._builder import Builder
    from latencylab.onnx_reader._order import Step
    from latencylab.onnx_reader._scope import Scope
    from latencylab.onnx_reader._value import Partial

_STAYS = RANDOM | {"DequantizeLinear"}
"""Operators kept although their inputs are constant: random ones, and the mark of a quantized weight."""

_KEEPS_ORDER = frozenset({"Expand", "Reshape", "Tile"})
"""Operators that do nothing where the shape stays: traced `x.repeat` and `x.view` leave such ones behind."""

_KEEPS_SIGN = frozenset({"Cast", "Flatten", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})


def visit(builder: Builder, step: Step, scope: Scope) -> None:
    """Add a node to the graph being built, or bind its outputs to what is known without running it."""
    context = builder.context
    inputs = tuple([scope.lookup(name) if name else None for name in step.inputs])
    spelling, attributes = context.attributes(step.node)
    partials = context.inference.outputs(step, spelling, attributes, inputs)
    call = Call(context, scope, step, inputs, is_known=context.inference.schema(step) is not None)
    spelled, arrays = Spelling(step.op_type, inputs, attributes), None
    if step.domain == "":
        spelled = normalise(context.opset, spelled)
        passed = _passed_on(call, spelled, partials)
        if passed is not None:
            scope.bind(step.outputs[0], passed)
            return
        arrays = fold(spelled.op_type, spelled.inputs, spelled.attributes, partials)
    is_constant = _is_constant(call, is_folded=arrays is not None)
    is_sign = is_constant and _is_sign(spelled)
    outputs: list[Value | None] = []
    for name, found, array in zip_longest(step.outputs, partials, arrays or ()):
        partial = found if array is None else found._replace(shape=array.shape)
        sure = settled(call, name, partial) if name else None
        value = sure and Value(context.fresh(name), *sure, is_constant, array, is_sign, partial.container)
        outputs.append(value)
        if value is not None:
            scope.bind(name, value)
    if not is_constant:
        builder.emit(step, spelled.op_type, spelled.inputs, outputs, spelled.attributes)


def _passed_on(call: Call, spelled: Spelling, partials: Sequence[Partial]) -> Value | None:
    """The input that the output merely copies at inference, so that its readers may read the input."""
    first = spelled.inputs[0] if spelled.inputs else None
    if first is None or not call.step.outputs or not call.step.outputs[0]:
        return None
    if spelled.op_type == "Cast":
        return first if DTYPES.get(spelled.attributes.get("to", 0)) == first.dtype else None
    if spelled.op_type == "Dropout" and call.scope.read_names.isdisjoint(call.step.outputs[1:]):
        training = spelled.inputs[2] if len(spelled.inputs) > 2 else None
        is_off = training is None or (training.array is not None and not training.array.any())
        return first if is_off else None
    if spelled.op_type in _KEEPS_ORDER:
        return first if first.container is None and partials[0].shape == first.shape else None
    return first if spelled.op_type == "Identity" else None


def _is_constant(call: Call, *, is_folded: bool) -> bool:
    """Whether the node runs once, at load time; one that writes a network output stays, to write it."""
    if not call.scope.kept.isdisjoint(call.step.outputs):
        return False
    if is_folded:
        return True
    is_pure = call.is_known and call.step.op_type not in _STAYS
    return is_pure and all(value is None or value.is_constant for value in call.inputs)


def _is_sign(spelled: Spelling) -> bool:
    first = spelled.inputs[0] if spelled.inputs else None
    kept = spelled.op_type in _KEEPS_SIGN and first is not None and first.is_sign
    return kept or spelled.op_type == "Sign"
