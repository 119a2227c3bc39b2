"""A rewritten file known to compute the same: written, run beside the original, and only then returned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from latencylab.errors import LatencyLabError, ModelError
from latencylab.rewrites._writing import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto

    from latencylab.rewrites._change import Change

TOLERANCE: Final = 1e-4
"""Largest difference between float outputs, as a share of the largest value: sums in another order."""
STEP: Final = 1
"""Largest difference between integer outputs: a rounding that falls the other way."""

_ZOO: Final = "zoo:"


@dataclass(frozen=True, slots=True)
class Applied:
    """A rewritten model and how far its outputs lie from the original's on random input."""

    model: ModelProto
    changes: tuple[Change, ...]
    max_difference: float
    tolerance: float


def load(source: str | Path | bytes) -> ModelProto:
    """Read a model with its weights: a path, "zoo:NAME", or a file's bytes.

    Raises ModelError where its weights' file is missing.
    """
    if isinstance(source, bytes):
        return onnx.load_model_from_string(source)
    if isinstance(source, str) and source.startswith(_ZOO):
        from latencylab import zoo

        return zoo.build(source.removeprefix(_ZOO))
    try:
        return onnx.load(Path(source))
    except (OSError, onnx.checker.ValidationError) as error:
        raise ModelError(f"the weights of {source} cannot be read: {error}") from error


def applied(
    model: ModelProto,
    changes: Sequence[Change],
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Applied:
    """Apply changes that preserve the function exactly; onnxruntime verifies it on random input in [0, 1).

    Raises LatencyLabError where the outputs differ by more than the tolerance, or a change claims less.
    """
    for change in changes:
        if not change.is_writable:
            raise LatencyLabError(f"{change.rule} does not preserve the function: {change.text}")
    result = written(model, changes)
    difference, tolerance = _difference(model, result, dims or {}, shapes or {})
    if not difference <= tolerance:
        raise LatencyLabError(
            f"the rewritten model differs by {difference:.3g}, more than {tolerance:.3g}: nothing is written"
        )
    return Applied(result, tuple(changes), difference, tolerance)


def _difference(
    before: ModelProto,
    after: ModelProto,
    dims: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
) -> tuple[float, float]:
    """Largest absolute difference of any output, and the tolerance of the output where it is worst."""
    from latencylab.timing.once import run_once

    outputs = [run_once(model, dims=dims, shapes=shapes) for model in (before, after)]
    pairs = [(_largest(a, b), tolerance_of(a)) for a, b in zip(*outputs, strict=True)]
    return max(pairs, key=lambda pair: pair[0] / pair[1])


def _largest(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    return float(np.max(np.abs(first.astype(np.float64) - second.astype(np.float64)), initial=0.0))


def tolerance_of(output: NDArray[Any]) -> float:
    """Return how far a faithful rewrite may lie from this output."""
    if not np.issubdtype(output.dtype, np.floating):
        return STEP
    return TOLERANCE * max(1e-6, float(np.max(np.abs(output), initial=0.0)))
