"""Inputs of the network with every dimension a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from latencylab.errors import DynamicShapeError, LatencyLabError, ModelError, UnknownNameError
from latencylab.onnx_reader._text import check_text, dimensions, quoted
from latencylab.onnx_reader._value import Value, check_size, partial_from_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import TypeProto, ValueInfoProto

Shape = tuple[int, ...]


def bind(
    infos: Sequence[ValueInfoProto], dims: Mapping[str, int], shapes: Mapping[str, Shape]
) -> dict[str, Value]:
    """Inputs by name, their free dimensions bound by `dims` (by symbol) and `shapes` (by input).

    Raises UnknownNameError or LatencyLabError for an option that fits no input, DynamicShapeError where
    dimensions stay free, ModelError for empty or absurd ones.
    """
    if dims or shapes:
        _check_options(infos, dims, shapes)
    declared = {info.name: _declared(info, dims, shapes) for info in infos}
    free = {name: shape for name, shape in declared.items() if any(isinstance(d, str) for d in shape)}
    if free:
        raise DynamicShapeError({_plain(name): [_dim(d) for d in shape] for name, shape in free.items()})
    return {info.name: _value(info, tuple(int(d) for d in declared[info.name])) for info in infos}


class Free(NamedTuple):
    """What options may bind: named dimensions of inputs, and the inputs themselves."""

    dims: tuple[str, ...]
    inputs: tuple[str, ...]


def free(infos: Sequence[ValueInfoProto]) -> Free:
    """Names that `dims` and `shapes` may hold for these inputs."""
    dims = dict.fromkeys(d.dim_param for info in infos for d in _dims_of(info.type) if d.dim_param)
    return Free(tuple(dims), tuple(info.name for info in infos))


def bound_symbols(infos: Sequence[ValueInfoProto], inputs: Mapping[str, Value]) -> dict[str, int]:
    """Sizes of the symbolic dimensions that the bound inputs settle."""
    return {
        d.dim_param: size
        for info in infos
        for d, size in zip(_dims_of(info.type), inputs[info.name].shape, strict=False)
        if d.dim_param
    }


def is_resized(infos: Sequence[ValueInfoProto], inputs: Mapping[str, Value]) -> bool:
    """Whether an input got another size than the fixed one in the file, whose other sizes are then stale."""
    return any(
        d.dim_value > 0 and d.dim_value != size
        for info in infos
        for d, size in zip(_dims_of(info.type), inputs[info.name].shape, strict=False)
    )


def _check_options(
    infos: Sequence[ValueInfoProto], dims: Mapping[str, int], shapes: Mapping[str, Shape]
) -> None:
    known_dims, known_inputs = free(infos)
    for name, size in dims.items():
        if not known_dims:
            raise LatencyLabError(
                f"dimension {quoted(name)} cannot be bound: no input has a named free dimension"
            )
        if name not in known_dims:
            raise UnknownNameError("dimension", name, [_plain(d) for d in known_dims])
        if size <= 0:
            raise LatencyLabError(f"dimension {quoted(name)} must be positive, not {size}")
    for name, shape in shapes.items():
        if name not in known_inputs:
            raise UnknownNameError("input", name, [_plain(n) for n in known_inputs])
        if any(d <= 0 for d in shape):
            raise LatencyLabError(f"shape of input {quoted(name)} must be positive, not {dimensions(shape)}")


def _declared(info: ValueInfoProto, dims: Mapping[str, int], shapes: Mapping[str, Shape]) -> list[int | str]:
    """The input's shape; free dimensions stay text, '?' where they have no name."""
    check_text((info.name, *(d.dim_param for d in _dims_of(info.type))))
    if not info.name:
        raise ModelError("an input of the graph has no name")
    proto = _dims_of(info.type)
    given = shapes.get(info.name)
    if given is not None:
        if _has_rank(info.type) and len(given) != len(proto):
            raise LatencyLabError(
                f"input {quoted(info.name)} has {len(proto)} dimensions "
                f"({dimensions([d.dim_param or d.dim_value for d in proto])}), not {len(given)}"
            )
        return list(given)
    if not _has_rank(info.type):
        return ["?"]
    return [dims.get(d.dim_param, d.dim_param) if d.dim_param else _size(d) for d in proto]


def _size(dim: Any) -> int | str:
    """A dimension's number; an absent or negative one is how some exporters write a free dimension."""
    return int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value >= 0 else "?"


def _value(info: ValueInfoProto, shape: Shape) -> Value:
    where = f"input {quoted(info.name)}"
    if (
        0 in shape and len(shape) > 1
    ):  # an empty list (of axes, say) is a value like any other; an image is not
        raise ModelError(
            f"{where} has an empty dimension in {dimensions(shape)}: give it a size with --shape "
            f"{_plain(info.name)}={','.join(str(d or 1) for d in shape)}"
        )
    check_size(info.name, shape)
    partial = partial_from_type(info.type)
    if partial.dtype is None:
        raise ModelError(f"{where} has no known element type")
    return Value(info.name, partial.dtype, shape, container=partial.container)


def _dims_of(proto: TypeProto) -> list[Any]:
    tensor = _tensor_type(proto)
    return list(tensor.shape.dim) if tensor is not None else []


def _has_rank(proto: TypeProto) -> bool:
    tensor = _tensor_type(proto)
    return tensor is None or bool(tensor.HasField("shape"))


def _tensor_type(proto: TypeProto) -> Any:
    """The innermost tensor type of a possibly nested type; None where there is none."""
    kind = proto.WhichOneof("value")
    if kind in {"tensor_type", "sparse_tensor_type"}:
        return getattr(proto, kind)
    if kind in {"sequence_type", "optional_type"}:
        return _tensor_type(getattr(proto, kind).elem_type)
    return _tensor_type(proto.map_type.value_type) if kind == "map_type" else None


def _plain(name: str) -> str:
    return quoted(name)[1:-1]


def _dim(dim: int | str) -> int | str:
    return _plain(dim) if isinstance(dim, str) else dim
