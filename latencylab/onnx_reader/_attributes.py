"""Attributes as plain Python values, and constant tensors as arrays."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import AttributeProto, TensorProto, numpy_helper

from latencylab.errors import ModelError
from latencylab.onnx_reader._text import quoted
from latencylab.onnx_reader._value import DTYPES, MAX_LISTED, Value, check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx import SparseTensorProto

MAX_FOLDED = 4096
"""Elements of a constant whose content may take part in shape arithmetic."""

_NATIVE = {
    code: np.dtype(name)
    for code, name in DTYPES.items()
    if name
    in {
        "float32",
        "float64",
        "float16",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "bool",
    }
}


def attributes_of(protos: Iterable[AttributeProto]) -> dict[str, Any]:
    """Plain values by name; tensors as tuples when small; subgraphs and types are left out."""
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
            array = content(proto.t, MAX_LISTED)
            return None if array is None else tuple(array.ravel().tolist())
        case _:
            return None


def content(tensor: TensorProto, limit: int = MAX_FOLDED) -> np.ndarray[Any, Any] | None:
    """A tensor's elements, or None where they are stored elsewhere, damaged, exotic or more than `limit`."""
    shape = tuple(tensor.dims)
    if any(d < 0 for d in shape) or prod(shape) > limit or tensor.data_location == TensorProto.EXTERNAL:
        return None
    native = _NATIVE.get(tensor.data_type)
    try:
        if native is not None and tensor.raw_data:
            return np.frombuffer(tensor.raw_data, native).reshape(shape)
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError):
        return None


def constant(name: str, tensor: TensorProto) -> Value:
    """A stored tensor as a Value."""
    where = f"constant {quoted(name)}"
    dtype = DTYPES.get(tensor.data_type)
    if dtype is None:
        raise ModelError(f"{where} has no known element type ({tensor.data_type})")
    shape = tuple(tensor.dims)
    check_size(name, shape, where)
    return Value(name, dtype, shape, True, content(tensor), _is_sign(tensor, shape))


def sparse_constant(name: str, tensor: SparseTensorProto) -> Value:
    """A stored sparse tensor as a Value: dense in shape, its content unknown."""
    dtype = DTYPES.get(tensor.values.data_type, "float32")
    check_size(name, tuple(tensor.dims), f"constant {quoted(name)}")
    return Value(name, dtype, tuple(tensor.dims), True)


def from_array(name: str, array: np.ndarray[Any, Any]) -> Value:
    """A computed constant as a Value."""
    dtype = "string" if array.dtype.kind in "OUS" else array.dtype.name
    return Value(name, dtype, array.shape, True, array if array.size <= MAX_FOLDED else None)


def _is_sign(tensor: TensorProto, shape: tuple[int, ...]) -> bool:
    """Whether a weight holds nothing but -1 and +1; the first elements settle it for all but binary weights."""
    native = _NATIVE.get(tensor.data_type)
    if len(shape) < 2 or native is None or native.kind not in "fi" or not tensor.raw_data:
        return False
    if len(tensor.raw_data) != prod(shape) * native.itemsize or not tensor.raw_data:
        return False
    elements = np.frombuffer(tensor.raw_data, native)
    return bool((np.abs(elements[:64]) == 1).all() and (np.abs(elements) == 1).all())


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
