"""Largest possible outputs of operators whose output size depends on the data."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.onnx_reader._value import Partial, Value


_WITHIN_INPUT = frozenset({"Compress", "Slice", "TopK", "Unique"})


def shape(op_type: str, partial: Partial, inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    """The largest shape the output can have; None where nothing bounds it."""
    first = inputs[0] if inputs else None
    if first is None:
        return None
    size = prod(first.shape)
    if op_type == "NonZero":
        return (len(first.shape), size)
    if op_type in _WITHIN_INPUT or op_type.startswith("Reduce"):
        is_flat = op_type in {"Compress", "Unique"}
        return _largest(partial.shape or (None,) * (1 if is_flat else len(first.shape)), first.shape, size)
    return (_selected(inputs), 3) if op_type == "NonMaxSuppression" else None


def _largest(known: Sequence[int | None], limits: tuple[int, ...], size: int) -> tuple[int, ...]:
    if len(known) != len(limits):
        return tuple(size if d is None else d for d in known)
    return tuple(limit if d is None else d for d, limit in zip(known, limits, strict=True))


def _selected(inputs: Sequence[Value | None]) -> int:
    """Boxes kept: at most the asked number (or all) an image and class."""
    boxes, scores = inputs[0], inputs[1]
    if boxes is None or scores is None or len(boxes.shape) != 3 or len(scores.shape) != 3:
        return 0
    asked = inputs[2] if len(inputs) > 2 else None
    kept = (
        boxes.shape[1]
        if asked is None or asked.array is None
        else min(boxes.shape[1], int(asked.array.ravel()[0]))
    )
    return scores.shape[0] * scores.shape[1] * max(kept, 0)
