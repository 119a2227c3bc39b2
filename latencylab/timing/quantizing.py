"""uint8 networks for measuring: onnxruntime's own quantizer, calibrated on random images.

Latency does not depend on what the ranges are, as long as nothing saturates altogether.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from latencylab.errors import MeasurementError
from latencylab.timing.feeds import InputSpec, dtype_name, feeds_for
from latencylab.timing.session import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEED = 0


class _Once(CalibrationDataReader):  # type: ignore[misc]
    """One random feed."""

    def __init__(self, feeds: Mapping[str, Any]) -> None:
        self._feeds: list[Mapping[str, Any]] = [feeds]

    def get_next(self) -> Mapping[str, Any] | None:
        """Return the feed, once."""
        return self._feeds.pop() if self._feeds else None


def quantized(path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> bytes:
    """Return a model as a uint8 QDQ network: activations and weights in uint8, one scale a tensor.

    shapes: what to bind free dimensions to. Raises MeasurementError where onnxruntime cannot quantize it.
    """
    with tempfile.TemporaryDirectory(prefix="latencylab-") as name:
        prepared, result = Path(name) / "prepared.onnx", Path(name) / "quantized.onnx"
        logger = logging.getLogger()
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            quant_pre_process(path, prepared, skip_optimization=True, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                result,
                _Once(_feeds(path, shapes or {})),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QUInt8,
            )
        except MeasurementError:
            raise
        except Exception as error:
            raise MeasurementError(f"onnxruntime could not quantize the model: {one_line(error)}") from error
        finally:
            logger.setLevel(level)
        return result.read_bytes()


def _feeds(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    specs = [InputSpec(i.name, tuple(i.shape), dtype_name(i.type)) for i in session.get_inputs()]
    return dict(feeds_for(specs, shapes, {}, _SEED))
