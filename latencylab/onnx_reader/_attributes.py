"""Attributes as plain Python values, and constant tensors as arrays."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import AttributeProto, TensorProto, numpy_helper

from latencylab.errors import ModelError
from latencylab.onnx_reader._text import check_text, quoted
from latencylab.onnx_reader._value import DTYPES, MAX_LISTED, Value, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import SparseTensorProto

MAX_FOLDED = 4096
"""Elements of a constant whose content may take part in shape arithmetic."""

_MAX_SIGNS = 2**24

Array = np.ndarray[Any, Any]

NATIVE = frozenset(
    {"float16", "float32", "float64", "bool"}
    | {f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)}
)
"""Element types that numpy knows by the same name."""

_LAYOUTS = {code: np.dtype(name) for code, name in DTYPES.items() if name in NATIVE}


def attributes_of(protos: Sequence[AttributeProto]) -> dict[str, Any]:
    """Plain values by name; tensors as tuples when small; subgraphs and types are left out."""
    check_text(proto.name for proto in protos)
    plain = ((proto.name, _plain(proto)) for proto in protos)
    return {name: value for name, value in plain if value is not None}


def _plain(proto: AttributeProto) -> Any:  # noqa: PLR0911 - one return a kind
    match proto.type:
        case AttributeProto.INT:
            return proto.i
        case AttributeProto.FLOAT:
            return proto.f
        case AttributeProto.STRING:
            return proto.s.decode("utf-8", "replace")
        case AttributeProto.INTS:
            return tuple(proto.ints)
        case AttributeProto.FLOATS:
            return tuple(proto.floats)
        case AttributeProto.STRINGS:
            return tuple(s.decode("utf-8", "replace") for s in proto.strings)
        case AttributeProto.TENSOR:
            array = content(proto.t, tuple(proto.t.dims), MAX_LISTED)
            return None if array is None else tuple(array.ravel().tolist())
        case _:
            return None


def content(tensor: TensorProto, shape: tuple[int, ...], limit: int = MAX_FOLDED) -> Array | None:
    """A tensor's elements; None where they are stored elsewhere, damaged, exotic or more than `limit`."""
    if tensor.data_location == TensorProto.EXTERNAL or (shape and min(shape) < 0) or prod(shape) > limit:
        return None
    native = _LAYOUTS.get(tensor.data_type)
    raw = tensor.raw_data if native is not None else b""
    try:
        return np.frombuffer(raw, native).reshape(shape) if raw else numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def constant(name: str, tensor: TensorProto) -> Value:
    """Look at a stored tensor."""
    dtype = DTYPES.get(tensor.data_type)
    if dtype is None:
        raise ModelError(f"constant {quoted(name)} has no known element type ({tensor.data_type})")
    shape = tuple(tensor.dims)
    check_size(name, shape)
    return Value(name, dtype, shape, True, content(tensor, shape), _is_sign(tensor, shape))


def _is_sign(tensor: TensorProto, shape: tuple[int, ...]) -> bool:
    """Tell whether a weight holds nothing but -1 and +1; its first element settles it for most others."""
    native = _LAYOUTS.get(tensor.data_type)
    if len(shape) < 2 or native is None or native.kind not in "fi" or prod(shape) > _MAX_SIGNS:
        return False
    raw = tensor.raw_data
    if not raw or len(raw) != prod(shape) * native.itemsize:
        return False
    elements = np.frombuffer(raw, native)
    return abs(elements[0]) == 1 and bool((np.abs(elements) == 1).all())


def sparse_constant(name: str, tensor: SparseTensorProto) -> Value:
    """A stored sparse tensor as a Value: dense in shape, its content unknown."""
    dtype = DTYPES.get(tensor.values.data_type, "float32")
    check_size(name, tuple(tensor.dims))
    return Value(name, dtype, tuple(tensor.dims), True)


def from_array(name: str, array: Array) -> Value:
    """A computed constant as a Value."""
    dtype = "string" if array.dtype.kind in "OUS" else array.dtype.name
    return Value(name, dtype, array.shape, True, array if array.size <= MAX_FOLDED else None)


def constant_node(name: str, attributes: Mapping[str, AttributeProto]) -> Value:
    """The Value of a Constant node, however it is spelled."""
    if "value" in attributes:
        return constant(name, attributes["value"].t)
    if "sparse_value" in attributes:
        return sparse_constant(name, attributes["sparse_value"].sparse_tensor)
    for key, dtype in (
        ("value_int", "int64"),
        ("value_ints", "int64"),
        ("value_float", "float32"),
        ("value_floats", "float32"),
    ):
        if key in attributes:
            return from_array(name, np.array(_plain(attributes[key]), dtype))
    for key in ("value_string", "value_strings"):
        if key in attributes:
            return from_array(name, np.array(_plain(attributes[key]), object))
    raise ModelError(f"constant {quoted(name)} holds no value")
