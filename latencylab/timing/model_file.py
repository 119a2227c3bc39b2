"""A model as a file that onnxruntime can open: onnxruntime takes paths, users give names, pipes and paths."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto

ZOO: Final = "zoo:"


@contextmanager
def runnable(source: str | Path | bytes | ModelProto) -> Iterator[Path]:
    """Yield the path of an ONNX file with its weights: a path, "zoo:NAME", a file's bytes, or a ModelProto.

    What is no file yet becomes a temporary one. A path is used as it is, so that external data is found.
    """
    if isinstance(source, Path) or (isinstance(source, str) and not source.startswith(ZOO)):
        yield Path(source).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="latencylab-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(source if isinstance(source, bytes) else _serialized(source))
        yield path


def _serialized(source: str | Path | ModelProto) -> bytes:
    if isinstance(source, (str, Path)):
        from latencylab import zoo

        source = zoo.build(str(source).removeprefix(ZOO), weights=True)
    try:
        data: bytes = source.SerializeToString()
    except ValueError as error:  # protobuf's limit
        raise MeasurementError("the model's weights exceed 2 GiB, which one ONNX file cannot hold") from error
    return data
