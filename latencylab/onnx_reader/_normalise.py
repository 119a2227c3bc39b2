"""Older spellings of an operator rewritten as the newest: what became an input is an input.

Only spelling changes; shapes were inferred from the node as the file has it. Source: onnx docs/Changelog.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latencylab.onnx_reader._attributes import Array, from_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latencylab.onnx_reader._value import Value

    Inputs = Sequence[Value | None]


class Spelling(NamedTuple):
    """A node's operator, inputs and attributes; constants it grew are unnamed ("") until placed."""

    op_type: str
    inputs: Inputs
    attributes: Mapping[str, Any]


def normalise(version: int, call: Spelling) -> Spelling:
    """The newest spelling of a call of the default domain written for opset `version`."""
    rule = _RULES.get(call.op_type)
    if rule is None or version >= rule.until:
        return call
    return rule.rewrite(version, *call)


def spelled_alike(op_type: str, one: int, other: int) -> bool:
    """Whether an operator's call is spelled the same in both opsets."""
    rule = _RULES.get(op_type)
    return rule is None or (one < rule.until) == (other < rule.until)


class _Rule(NamedTuple):
    """until: first opset whose spelling needs no change."""

    until: int
    rewrite: Callable[[int, str, Inputs, Mapping[str, Any]], Spelling]


def _grown(inputs: Inputs, *more: Array | None, at: int = 1) -> Inputs:
    """Inputs with constants placed from position `at` on; absent ones at the end are left out."""
    constants = [None if array is None else from_array("", array) for array in more]
    while constants and constants[-1] is None:
        constants.pop()
    head = tuple(inputs[:at]) + (None,) * (at - len(inputs))
    return head + tuple(constants) if constants else tuple(inputs)


def _without(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in names}


def _int64(values: Any) -> Array | None:
    return None if values is None else np.array(values, np.int64)


def _float(values: Any) -> Array | None:
    return None if values is None else np.array(values, np.float32)


def _axes_to_input(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(op_type, _grown(inputs, _int64(attributes.get("axes"))), _without(attributes, "axes"))


def _split(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(op_type, _grown(inputs, _int64(attributes.get("split"))), _without(attributes, "split"))


def _clip(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    bounds = _float(attributes.get("min")), _float(attributes.get("max"))
    return Spelling(op_type, _grown(inputs, *bounds), _without(attributes, "min", "max"))


def _pad(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    grown = _grown(inputs, _int64(attributes.get("pads")), _float(attributes.get("value", 0.0)))
    return Spelling(op_type, grown, _without(attributes, "pads", "value"))


def _slice(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    bounds = [_int64(attributes.get(name)) for name in ("starts", "ends", "axes")]
    return Spelling(op_type, _grown(inputs, *bounds), _without(attributes, "starts", "ends", "axes"))


def _top_k(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(op_type, _grown(inputs, _int64([attributes.get("k", 1)])), _without(attributes, "k"))


def _dropout(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(
        op_type, _grown(inputs, _float(attributes.get("ratio"))), _without(attributes, "ratio", "is_test")
    )


def _upsample(version: int, _: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    """Upsample(x, scales) = Resize with asymmetric coordinates, floored; before opset 9 an attribute."""
    scales = _grown(inputs, _float(attributes.get("scales"))) if version < 9 else inputs
    return Spelling("Resize", _roi_inserted(scales), _old_resize(_without(attributes, "scales")))


def _resize(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(op_type, _roi_inserted(inputs), _old_resize(attributes))


def _roi_inserted(inputs: Inputs) -> Inputs:
    return (inputs[0], None, *inputs[1:2])


def _old_resize(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mode": attributes.get("mode", "nearest"),
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }


def _softmax(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    """Before opset 13 the default axis is 1, not -1, and every axis from there on takes part.

    The newest spelling has one axis: where several of them are larger than one, the last stands for all; the
    number of operations is the same.
    """
    shape = inputs[0].shape if inputs and inputs[0] is not None else ()
    axis = attributes.get("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    wide = [index for index in range(axis, len(shape)) if shape[index] > 1]
    return Spelling(op_type, inputs, {**attributes, "axis": wide[-1] if wide else axis})


def _batch_normalization(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    return Spelling(op_type, inputs, _without(attributes, "spatial", "is_test"))


def _legacy_broadcast(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    """Before opset 7 the second operand lay at an axis of the first; a constant one gets such a shape."""
    first, second = inputs[0], inputs[1]
    axis = attributes.get("axis", 1 if op_type == "PRelu" else None)
    rest = _without(attributes, "axis", "broadcast", "consumed_inputs")
    if (
        first is None
        or second is None
        or axis is None
        or not second.is_constant
        or second.shape in {(), (1,)}
    ):
        return Spelling(op_type, inputs, rest)
    trailing = (1,) * (len(first.shape) - axis - len(second.shape))
    shape = second.shape + trailing
    array = None if second.array is None else second.array.reshape(shape)
    return Spelling(op_type, (first, second._replace(name="", shape=shape, array=array)), rest)


def _dft(_: int, op_type: str, inputs: Inputs, attributes: Mapping[str, Any]) -> Spelling:
    axis = _int64(attributes.get("axis", 1))
    return Spelling(op_type, _grown(inputs, axis, at=2), _without(attributes, "axis"))


_BROADCASTING = ("Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "PRelu", "Sub", "Xor")
_REDUCTIONS = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare"
)
_RULES: dict[str, _Rule] = {
    **{name: _Rule(18, _axes_to_input) for name in _REDUCTIONS.split()},
    **{name: _Rule(7, _legacy_broadcast) for name in _BROADCASTING},
    **{name: _Rule(13, _axes_to_input) for name in ("ReduceSum", "Squeeze", "Unsqueeze")},
    **{name: _Rule(13, _softmax) for name in ("Softmax", "LogSoftmax", "Hardmax")},
    "Split": _Rule(13, _split),
    "Clip": _Rule(11, _clip),
    "Pad": _Rule(11, _pad),
    "Slice": _Rule(10, _slice),
    "TopK": _Rule(10, _top_k),
    "Dropout": _Rule(12, _dropout),
    "Upsample": _Rule(1000, _upsample),
    "Resize": _Rule(11, _resize),
    "BatchNormalization": _Rule(9, _batch_normalization),
    "DFT": _Rule(20, _dft),
}
