"""Dimensions bound for several networks at once: each takes what fits it; what fits none is a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import onnx_reader, pipeline
from latencylab.errors import UnknownNameError, naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Dims = dict[str, int]
Shapes = dict[str, tuple[int, ...]]


def dealt(
    models: Sequence[str | Path | bytes],
    dims: Mapping[str, int] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
) -> tuple[tuple[Dims, Shapes], ...]:
    """Return for each model what of `dims` and `shapes` it can take; a model alone has to take all.

    Raises UnknownNameError for a name that no model knows, and the errors of `pipeline.read` for a file that
    is no model.
    """
    all_dims, all_shapes = dict(dims or {}), dict(shapes or {})
    if len(models) < 2 or not (all_dims or all_shapes):
        return ((all_dims, all_shapes),) * len(models)
    free = [_free(model) for model in models]
    _check("dimension", all_dims, [name for found in free for name in found.dims])
    _check("input", all_shapes, [name for found in free for name in found.inputs])
    return tuple(
        (
            {name: size for name, size in all_dims.items() if name in found.dims},
            {name: shape for name, shape in all_shapes.items() if name in found.inputs},
        )
        for found in free
    )


def _free(model: str | Path | bytes) -> onnx_reader.Free:
    source = pipeline.source_of(model)
    with naming(pipeline.shown(model)):
        return onnx_reader.free(source)


def _check(what: str, asked: Iterable[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise UnknownNameError(what, name, dict.fromkeys(known))
