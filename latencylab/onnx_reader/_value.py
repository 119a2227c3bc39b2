"""Value: all that is known of one tensor while its graph is being read."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from onnx import TensorProto

from latencylab import dtypes
from latencylab.errors import ModelError
from latencylab.graph import Tensor
from latencylab.onnx_reader._text import dimensions, quoted

if TYPE_CHECKING:
    import numpy as np
    from onnx import TypeProto

MAX_ELEMENTS = 2**48
MAX_LISTED = 64
"""Elements of a constant whose values a Tensor carries."""

_SPELLED = {"float": "float32", "double": "float64"}
DTYPES: dict[int, str] = {
    code: _SPELLED.get(name.lower(), name.lower())
    for name, code in TensorProto.DataType.items()
    if _SPELLED.get(name.lower(), name.lower()) in dtypes.BITS
}
CODES: dict[str, int] = {name: code for code, name in DTYPES.items()}


class Partial(NamedTuple):
    """What inference found out about an output: any part may be missing.

    container: the whole type of a sequence, optional or map; dtype and shape are then its element's.
    """

    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    container: TypeProto | None = None

    @property
    def is_complete(self) -> bool:
        return self.dtype is not None and self.shape is not None and None not in self.shape


class Value(NamedTuple):
    """A tensor with a concrete shape.

    array: its content where that is known before the network runs and small; shape arithmetic lives on it.
    is_constant: computed once, at load time, whether or not its content is known here.
    container: the type of a sequence, optional or map, whose element dtype and shape describe.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    is_constant: bool = False
    array: np.ndarray[Any, Any] | None = None
    is_sign: bool = False
    container: TypeProto | None = None

    def tensor(self) -> Tensor:
        values = None
        if self.is_constant and self.array is not None and self.array.size <= MAX_LISTED:
            values = tuple(self.array.ravel().tolist())
        return Tensor(self.name, self.shape, self.dtype, self.is_constant, values, self.is_sign)


def check_size(name: str, shape: tuple[int, ...]) -> None:
    """Raise ModelError for a negative dimension or a size no memory could hold."""
    if shape and min(shape) < 0:
        raise ModelError(f"tensor {quoted(name)} has the impossible shape {dimensions(shape)}")
    if prod(shape) > MAX_ELEMENTS:
        raise ModelError(f"tensor {quoted(name)} of shape {dimensions(shape)} is absurdly large")


def partial_from_type(proto: TypeProto) -> Partial:
    """What a TypeProto says, with unknown or symbolic dimensions as None."""
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        return partial_from_type(proto.sequence_type.elem_type)._replace(container=proto)
    if kind == "optional_type":
        return partial_from_type(proto.optional_type.elem_type)._replace(container=proto)
    if kind == "map_type":
        return partial_from_type(proto.map_type.value_type)._replace(container=proto)
    if kind not in {"tensor_type", "sparse_tensor_type"}:
        return Partial()
    tensor = proto.tensor_type if kind == "tensor_type" else proto.sparse_tensor_type
    dtype = DTYPES.get(tensor.elem_type)
    if not tensor.HasField("shape"):
        return Partial(dtype)
    return Partial(dtype, tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim))
