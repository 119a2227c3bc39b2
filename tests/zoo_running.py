"""Runs zoo models in onnxruntime on reproducible images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    import onnx


def shape_of(info: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(d.dim_value for d in info.type.tensor_type.shape.dim)


def run(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feeds)


def images(model: onnx.ModelProto, peak: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {i.name: (rng.random(shape_of(i)) * peak).astype(np.float32) for i in model.graph.input}
