"""One inference in this process, untimed: what a model computes, to compare it with another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from latencylab.timing.feeds import feeds_for
from latencylab.timing.model_file import runnable
from latencylab.timing.request import Request
from latencylab.timing.session import OnnxruntimeSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onnx import ModelProto

    from latencylab.timing.feeds import Array


def run_once(
    model: str | Path | bytes | ModelProto,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    seed: int = 0,
) -> tuple[Array, ...]:
    """Return the model's outputs on random input; equal seeds give models with equal inputs the same values.

    Raises MeasurementError where onnxruntime refuses.
    """
    with runnable(model) as path:
        session = OnnxruntimeSession(Request(str(path), path.stem, "", dims=dims or {}))
        feeds = feeds_for(session.inputs, shapes or {}, {}, seed)
        return tuple(cast("Sequence[Array]", session.run(feeds)))
