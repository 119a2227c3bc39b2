"""Inputs to run a model on: synthesised from declared shapes and types, or read from .npy files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from latencylab.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

_NAMES: Final = {"float": "float32", "double": "float64"}
_FIRST_RUN_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A model's input as onnxruntime declares it.

    shape: free dimensions are strings or None. dtype: numpy's name of it.
    """

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str


def dtype_name(declared: str) -> str:
    """Translate onnxruntime's "tensor(float)" to numpy's "float32".

    Raises MeasurementError for what is not a tensor.
    """
    if not declared.startswith("tensor("):
        raise MeasurementError(f"an input of type {declared} cannot be synthesised: only tensors can")
    inner = declared.removeprefix("tensor(").removesuffix(")")
    return _NAMES.get(inner, inner)


def feeds_for(
    specs: Sequence[InputSpec],
    shapes: Mapping[str, Sequence[int]],
    files: Mapping[str, str],
    seed: int = _FIRST_RUN_SEED,
) -> dict[str, Array]:
    """Return an array for every input: from `files` where one is named, else synthesised.

    shapes: what to bind free dimensions to, an input's name -> its whole shape.
    Raises MeasurementError for an unknown input, a file that does not fit, or a dimension left free.
    """
    known = {spec.name for spec in specs}
    for name in (*files, *shapes):
        if name not in known:
            raise MeasurementError(f"the model has no input {name!r}; it has {', '.join(sorted(known))}")
    rng = np.random.default_rng(seed)
    return {
        spec.name: _loaded(spec, files[spec.name])
        if spec.name in files
        else synthesised(spec, _bound(spec, shapes.get(spec.name)), rng)
        for spec in specs
    }


def synthesised(spec: InputSpec, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw an array that a network can take without harm.

    Floats lie in [0, 1), as images do, and never where arithmetic slows down (denormal). Eight-bit integers
    take their whole range, as quantized images do. Wider integers are 0 or 1, because they may be indices.
    """
    if spec.dtype in {"float16", "float32", "float64"}:
        return rng.random(shape, dtype=np.float32).astype(spec.dtype)
    if spec.dtype in {"uint8", "int8"}:
        limits = np.iinfo(spec.dtype)
        return rng.integers(limits.min, limits.max, size=shape, endpoint=True, dtype=spec.dtype)
    if spec.dtype in {"bool", "int16", "uint16", "int32", "uint32", "int64", "uint64"}:
        return rng.integers(0, 2, size=shape).astype(spec.dtype)
    raise MeasurementError(
        f"input {spec.name!r} of type {spec.dtype} cannot be synthesised or read from a .npy file"
    )


def _bound(spec: InputSpec, shape: Sequence[int] | None) -> tuple[int, ...]:
    """Return the whole shape; raises MeasurementError where it does not fit or stays free."""
    if shape is not None:
        _check_shape(spec, tuple(shape), "--shape")
        return tuple(shape)
    if all(isinstance(d, int) and d > 0 for d in spec.shape):
        return tuple(int(d) for d in spec.shape if d is not None)
    sketch = ",".join(str(d) if isinstance(d, int) and d > 0 else "1" for d in spec.shape)
    raise MeasurementError(
        f"input {spec.name!r} has free dimensions: bind them, e.g. --shape {spec.name}={sketch}"
    )


def _loaded(spec: InputSpec, path: str) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MeasurementError(f"--input {spec.name}={path}: not a readable .npy file ({error})") from error
    if not isinstance(array, np.ndarray):
        raise MeasurementError(f"--input {spec.name}={path}: an archive of arrays, not one .npy array")
    if array.dtype.name != spec.dtype:
        raise MeasurementError(
            f"--input {spec.name}={path}: holds {array.dtype.name}, the model takes {spec.dtype}"
        )
    _check_shape(spec, array.shape, f"--input {path}:")
    return np.ascontiguousarray(array)


def _check_shape(spec: InputSpec, shape: tuple[int, ...], where: str) -> None:
    fits = len(shape) == len(spec.shape) and all(
        not isinstance(declared, int) or declared <= 0 or declared == given
        for declared, given in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        declared = ",".join("?" if d is None else str(d) for d in spec.shape)
        raise MeasurementError(
            f"{where} {spec.name} has shape {','.join(map(str, shape))}, the model takes {declared}"
        )
