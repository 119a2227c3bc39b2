"""An output's shape made certain: by inference, else by what the file declares, else by an upper bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from latencylab.errors import ModelError
from latencylab.onnx_reader import _upper_bound
from latencylab.onnx_reader._order import shown
from latencylab.onnx_reader._text import dimensions, quoted
from latencylab.onnx_reader._value import Partial, check_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.onnx_reader._context import Context
    from latencylab.onnx_reader._order import Step
    from latencylab.onnx_reader._scope import Scope
    from latencylab.onnx_reader._value import Value

_WINDOWED = frozenset({"Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "Resize"})


class Call(NamedTuple):
    """A node where it stands, with the values it reads. is_known: onnx has a schema for it."""

    context: Context
    scope: Scope
    step: Step
    inputs: Sequence[Value | None]
    is_known: bool


def settled(call: Call, name: str, partial: Partial) -> tuple[str, tuple[int, ...]] | None:
    """Element type and shape of one output; None where they are unknown and nobody reads it.

    Raises ModelError where they are unknown, impossible or absurd.
    """
    if not partial.is_complete:
        partial = _completed(call, name, partial)
    if partial.dtype is None or partial.shape is None or None in partial.shape:
        if name not in call.scope.read_names:
            return None
        raise ModelError(_why_unknown(call, name, partial))
    shape: tuple[int, ...] = partial.shape  # type: ignore[assignment] # no None in it, as just seen
    check_size(name, shape)
    if 0 in shape:
        _check_window(call, shape)
    return partial.dtype, shape


def _completed(call: Call, name: str, partial: Partial) -> Partial:
    """What inference left open comes from the file, else from an upper bound, which is noted as assumed."""
    partial = _merged(partial, call.scope.declared(name))
    if partial.is_complete:
        return partial
    shape = _upper_bound.shape(call.step.op_type, partial, call.inputs)
    if shape is None and partial.container is not None:
        shape = tuple(1 if d is None else d for d in partial.shape or ())
    if shape is None:
        return partial
    call.context.assume(
        f"{shown(call.step.node)}: the size of its output depends on the data; {dimensions(shape)} is assumed"
    )
    return Partial(partial.dtype or "float32", shape, partial.container)


def _merged(partial: Partial, declared: Partial) -> Partial:
    """Inference first, the file's declaration where it left something open."""
    shape = partial.shape if partial.shape is not None else declared.shape
    if shape is not None and declared.shape is not None and len(shape) == len(declared.shape):
        shape = tuple(d if d is not None else other for d, other in zip(shape, declared.shape, strict=True))
    return Partial(partial.dtype or declared.dtype, shape, partial.container or declared.container)


def _check_window(call: Call, shape: tuple[int, ...]) -> None:
    op_type = call.step.op_type
    if op_type in _WINDOWED or op_type.endswith("Pool"):
        given = ", ".join(dimensions(value.shape) for value in call.inputs if value is not None)
        raise ModelError(
            f"{shown(call.step.node)}: its output {dimensions(shape)} is empty: inputs ({given}) too small"
        )


def _why_unknown(call: Call, name: str, partial: Partial) -> str:
    node, domain = call.step.node, call.step.domain
    what = f"the {'shape' if partial.dtype else 'type'} of {quoted(name)}"
    if not call.is_known:
        of = f" of domain {quoted(domain)}" if domain else ""
        lacks = "gives it for other input sizes only" if call.context.is_resized else "does not give it"
        return f"{shown(node)}: unknown operator{of}: {what} is unknown, and the file {lacks} (as value_info)"
    known = f"{dimensions(partial.shape)} is known" if partial.shape is not None else "nothing is known of it"
    return f"{shown(node)}: {what} cannot be inferred ({known}): {_missing(call)}"


def _missing(call: Call) -> str:
    """What would have told the shape: the data, or a small constant that the file keeps outside."""
    for name, value in zip(call.step.inputs, call.inputs, strict=True):
        if value is not None and value.dtype == "int64" and call.scope.is_outside(name):
            return (
                f"the content of {quoted(name)} lies in a file of its own, and those are not opened: "
                "save small constants in the model (onnx.save_model's size_threshold)"
            )
    return "it depends on the data"
