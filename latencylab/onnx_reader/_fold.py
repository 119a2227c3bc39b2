"""Constant folding of small tensors: shapes, sizes, scales and the arithmetic on them.

The kernels are numpy's own functions, because importing onnx's reference operators costs more than a whole
estimate; they serve what is rare. Nothing larger than MAX_FOLDED elements is ever computed.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from latencylab.onnx_reader import _fold_rare
from latencylab.onnx_reader._attributes import MAX_FOLDED, NATIVE, Array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latencylab.onnx_reader._value import Partial, Value


RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
"""Operators that compute something new each time, so that constant inputs do not make them constant."""

_FAULTS = (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError, ArithmeticError)


def fold(
    op_type: str, inputs: Sequence[Value | None], attributes: Mapping[str, Any], outputs: Sequence[Partial]
) -> tuple[Array, ...] | None:
    """Contents of the outputs where they are small and follow from what is known; None otherwise."""
    if op_type in _OF_SHAPE and inputs and inputs[0] is not None:
        return (np.array(_OF_SHAPE[op_type](inputs[0].shape, attributes), np.int64),)
    if op_type in RANDOM or any(value is not None and value.array is None for value in inputs):
        return None
    if op_type not in _BOUNDED and not all(_is_small(output) for output in outputs):
        return None
    arrays = [None if value is None else value.array for value in inputs]
    computed = _computed(op_type, arrays, attributes, outputs)
    return None if computed is None else _typed(computed, outputs)


def _computed(
    op_type: str, arrays: Sequence[Array | None], attributes: Mapping[str, Any], outputs: Sequence[Partial]
) -> tuple[Array, ...] | None:
    kernel = _KERNELS.get(op_type)
    try:
        with np.errstate(all="ignore"):
            if op_type == "Split" and arrays and arrays[0] is not None:
                return _split(arrays[0], attributes.get("axis", 0), outputs)
            if kernel is not None:
                return (np.asarray(kernel(arrays, attributes)),)
    except _FAULTS:
        return None
    is_rare_count = all(output.dtype in _COUNTING and output.is_complete for output in outputs)
    return _fold_rare.compute(op_type, arrays, attributes, len(outputs)) if is_rare_count else None


def _is_small(output: Partial) -> bool:
    return output.shape is not None and None not in output.shape and prod(output.shape) <= MAX_FOLDED  # type: ignore[arg-type]


def _typed(arrays: Sequence[Array], outputs: Sequence[Partial]) -> tuple[Array, ...] | None:
    """Arrays of the inferred element types; None where one is not numpy's or comes out in another shape."""
    typed = []
    for array, output in zip(arrays, outputs, strict=False):
        fits = output.shape is None or None in output.shape or output.shape == array.shape
        if output.dtype not in NATIVE or not fits or array.size > MAX_FOLDED:
            return None
        with np.errstate(all="ignore"):
            typed.append(array.astype(output.dtype, copy=False))
    return tuple(typed)


_OF_SHAPE: dict[str, Callable[[tuple[int, ...], Mapping[str, Any]], Any]] = {
    "Shape": lambda shape, attributes: shape[attributes.get("start", 0) : attributes.get("end")],
    "Size": lambda shape, _: prod(shape),
}
"""Operators that need no content, only the shape, which is always known."""

_COUNTING = frozenset({"int64", "int32", "bool"})
"""Element types of shape arithmetic."""

_BOUNDED = frozenset({"NonZero"})
"""Operators whose output cannot be larger than their input, though its size is not known beforehand."""


def _ints(array: Array | None) -> list[int] | None:
    return None if array is None else [int(i) for i in array.ravel()]


def _get(x: Sequence[Array | None], index: int) -> Array | None:
    return x[index] if index < len(x) else None


def _divide(x: Any, _: Any) -> Any:
    """Integers divide towards zero, as C does."""
    if x[0].dtype.kind == "f":
        return x[0] / x[1]
    if not x[1].all():
        raise ZeroDivisionError
    return np.sign(x[0]) * np.sign(x[1]) * (np.abs(x[0]) // np.abs(x[1]))


def _slice(x: Any, _: Any) -> Any:
    starts, ends = _ints(x[1]) or [], _ints(x[2]) or []
    axes = _ints(_get(x, 3)) or list(range(len(starts)))
    steps = _ints(_get(x, 4)) or [1] * len(starts)
    index: list[slice] = [slice(None)] * x[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # Counting down to the very beginning is spelled as an end below -size, which Python writes as None.
        is_to_front = step < 0 and end < -x[0].shape[axis]
        index[axis] = slice(start, None if is_to_front else end, step)
    return x[0][tuple(index)]


def _squeeze(x: Any, _: Any) -> Any:
    axes = _ints(_get(x, 1))
    return np.squeeze(x[0], axis=None if axes is None else tuple(axes))


def _reshape(x: Any, attributes: Mapping[str, Any]) -> Any:
    keeps_zero = attributes.get("allowzero", 0)
    sizes = [x[0].shape[i] if d == 0 and not keeps_zero else d for i, d in enumerate(_ints(x[1]) or [])]
    return x[0].reshape(sizes)


def _reduce(function: Any) -> Any:
    def kernel(x: Any, attributes: Mapping[str, Any]) -> Any:
        axes = _ints(_get(x, 1))
        if not x[0].size:
            raise ValueError
        if not axes and attributes.get("noop_with_empty_axes", 0):
            return x[0]
        return function(
            x[0], axis=tuple(axes) if axes else None, keepdims=bool(attributes.get("keepdims", 1))
        )

    return kernel


def _modulo(x: Any, attributes: Mapping[str, Any]) -> Any:
    if not x[1].all():
        raise ZeroDivisionError
    return np.fmod(x[0], x[1]) if attributes.get("fmod") else np.mod(x[0], x[1])


def _range(x: Any, _: Any) -> Any:
    if not np.isfinite([float(i) for i in x]).all() or abs((x[1] - x[0]) / x[2]) > MAX_FOLDED:
        raise ValueError
    return np.arange(x[0].item(), x[1].item(), x[2].item(), dtype=x[0].dtype)


def _constant_of_shape(x: Any, attributes: Mapping[str, Any]) -> Any:
    return np.full(_ints(x[0]) or (), attributes.get("value", (0.0,))[0])


def _split(x: Array, axis: int, outputs: Sequence[Partial]) -> tuple[Array, ...]:
    """The parts, whose sizes inference has worked out already."""
    sizes = [output.shape[axis] for output in outputs if output.shape is not None]
    return tuple(np.split(x, np.cumsum(np.array(sizes, int))[:-1], axis))


def _clip(x: Any, _: Any) -> Any:
    low, high = _get(x, 1), _get(x, 2)
    return np.clip(x[0], low, high) if low is not None or high is not None else x[0]


def _many(function: Any) -> Any:
    def kernel(x: Any, _: Any) -> Any:
        result = x[0]
        for item in x[1:]:
            result = function(result, item)
        return result

    return kernel


def _elementwise(function: Any) -> Any:
    return lambda x, _: function(*x)


_UNARY = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Reciprocal": np.reciprocal,
    "Round": np.round,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
    "Identity": np.asarray,
    "IsNaN": np.isnan,
}
_BINARY = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Pow": np.power,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
    "Where": np.where,
}
_KERNELS: dict[str, Any] = {
    **{name: _elementwise(function) for name, function in (_UNARY | _BINARY).items()},
    **{name: _many(f) for name, f in (("Min", np.minimum), ("Max", np.maximum), ("Sum", np.add))},
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceMean": _reduce(np.mean),
    "Div": _divide,
    "Mod": _modulo,
    "Cast": lambda x, _: x[0],
    "CastLike": lambda x, _: x[0],
    "Clip": _clip,
    "Concat": lambda x, a: np.concatenate(x, axis=a["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Expand": lambda x, _: x[0] * np.ones(_ints(x[1]) or (), x[0].dtype),
    "Flatten": lambda x, a: x[0].reshape(prod(x[0].shape[: a.get("axis", 1)]), -1),
    "Gather": lambda x, a: np.take(x[0], x[1], axis=a.get("axis", 0)),
    "NonZero": lambda x, _: np.array(np.nonzero(x[0]), np.int64),
    "Range": _range,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": lambda x, _: np.tile(x[0], _ints(x[1]) or ()),
    "Transpose": lambda x, a: np.transpose(x[0], a.get("perm")),
    "Unsqueeze": lambda x, _: np.expand_dims(x[0], tuple(_ints(x[1]) or ())),
}
