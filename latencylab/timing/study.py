"""One model at several thread counts: from what a user names to measurements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.timing import process
from latencylab.timing.model_file import runnable
from latencylab.timing.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from onnx import ModelProto

    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model
    from latencylab.timing.process import Progress

PLAIN = Request(model_path="", model_name="", model_sha256="")
"""Settings of a measurement as it is by default: one thread, CPU, every optimization."""


def measure_model(
    source: str | Path | bytes | ModelProto,
    network: Model,
    *,
    threads: Sequence[int] = (1,),
    settings: Request = PLAIN,
    progress: Progress = lambda _phase, _done: None,
) -> Iterator[Measurement]:
    """Measure a model once a thread count; stops after one that was interrupted.

    source: what runs: a path, "zoo:NAME", a file's bytes or a ModelProto. network: the same model as read,
    with every dimension bound. settings: all but the model and its threads.
    """
    graph = network.graph
    shapes = {name: graph.tensors[name].shape for name in graph.inputs}
    with runnable(source) as path:
        for count in threads:
            request = replace(
                settings,
                model_path=str(path),
                model_name=graph.name,
                model_sha256=network.sha256,
                shapes=shapes,
                threads=count,
            )
            measurement = process.measure(request, progress)
            yield measurement
            if measurement.is_interrupted:
                return
