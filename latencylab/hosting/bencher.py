"""Measures designed networks and zoo networks with onnxruntime, each in a process of its own."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab import onnx_reader, timing, zoo
from latencylab.hosting.design import INTEGER
from latencylab.timing.study import PLAIN

if TYPE_CHECKING:
    from onnx import ModelProto

    from latencylab.hosting.design import Bench
    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model
    from latencylab.timing import Request

# Many short networks tell more than few long ones: a second each, besides starting the process. Kernels are
# what is fitted, so the inferences without the profiler, which only give the total, are few.
QUICK: Final = replace(
    PLAIN,
    policy=timing.Policy(warmups=1, min_runs=3, min_time_s=0.1, max_time_s=1.5),
    profile_policy=timing.Policy(warmups=2, min_runs=6, min_time_s=0.4, max_time_s=2.5, max_runs=100),
)
# Networks left out are what the user judges by.
CAREFUL: Final = replace(
    PLAIN,
    policy=timing.Policy(warmups=2, min_runs=8, min_time_s=0.8, max_time_s=4.0),
    profile_policy=timing.Policy(warmups=2, min_runs=5, min_time_s=0.4, max_time_s=3.0, max_runs=100),
)


class OnnxruntimeBencher:
    """The world of a real calibration."""

    def __init__(self, quick: Request = QUICK, careful: Request = CAREFUL) -> None:
        self._quick, self._careful = quick, careful

    def bench(self, bench: Bench) -> tuple[Model, Measurement]:
        """Measure one designed network. Raises MeasurementError where onnxruntime refuses."""
        data = self._bytes(bench.model(), bench.dtype)
        network = onnx_reader.read(data, name=bench.name)
        return network, self._measured(data, network, bench.threads, self._quick)

    def read(self, bench: Bench) -> Model:
        """Read a designed network without measuring it."""
        return onnx_reader.read(self._bytes(bench.model(), bench.dtype), name=bench.name)

    def network(self, name: str, threads: int, dtype: str) -> tuple[Model, Measurement]:
        """Measure a zoo network. Raises MeasurementError where onnxruntime refuses."""
        data = self._bytes(zoo.build(name), dtype)
        network = onnx_reader.read(data, name=name)
        return network, self._measured(data, network, threads, self._careful)

    def _bytes(self, model: ModelProto, dtype: str) -> bytes:
        data: bytes = model.SerializeToString()
        if dtype != INTEGER:
            return data
        # onnxruntime is imported for integer networks only.
        from latencylab.timing.quantizing import quantized

        with tempfile.TemporaryDirectory(prefix="latencylab-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(data)
            return quantized(path)

    def _measured(self, data: bytes, network: Model, threads: int, settings: Request) -> Measurement:
        (measurement,) = timing.measure_model(data, network, threads=(threads,), settings=settings)
        return measurement
