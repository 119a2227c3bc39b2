"""Bytes of a model: from a path, from memory or from a ModelProto; each with the hash that names it."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError
from onnx import ModelProto

from latencylab.errors import InputFileError, ModelError
from latencylab.onnx_reader._text import quoted

PROTOBUF_LIMIT_BYTES = 2**31 - 1


class Source(NamedTuple):
    """A parsed model, its hash and the name to show where none is given."""

    proto: ModelProto
    sha256: str
    name: str


def open_source(source: Path | bytes | ModelProto) -> Source:
    """Parse a model, weights included where they are inline; external data is never opened."""
    if isinstance(source, ModelProto):
        return Source(source, _digest(source), source.graph.name or "model")
    if isinstance(source, bytes):
        return Source(_parsed(source, "the model"), hashlib.sha256(source).hexdigest(), "model")
    data = _bytes_of(source)
    return Source(_parsed(data, _shown(source)), hashlib.sha256(data).hexdigest(), source.stem)


def _shown(path: Path) -> str:
    return quoted(str(path))[1:-1]


def _bytes_of(path: Path) -> bytes:
    """The file's bytes; a pipe is read to its end, a pipe without a writer is an empty file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputFileError(f"cannot read {_shown(path)}: {reason}") from error
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(mode):
            raise InputFileError(f"cannot read {_shown(path)}: not a file")
        _refuse_beyond_protobuf(path, os.fstat(descriptor).st_size)
        return file.read()


def _refuse_beyond_protobuf(path: Path, size_bytes: int) -> None:
    if size_bytes > PROTOBUF_LIMIT_BYTES:
        raise ModelError(
            f"{_shown(path)} is larger than 2 GiB, which protobuf and so ONNX cannot hold in one file: save it "
            f"with its weights apart (onnx.save(..., save_as_external_data=True)); they are not needed here"
        )


def _parsed(data: bytes, where: str) -> ModelProto:
    if not data:
        raise ModelError(f"{where} is empty")
    try:
        model = ModelProto.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise ModelError(f"{where} is not an ONNX model, or is cut short or damaged") from error
    if not model.HasField("graph"):
        raise ModelError(f"{where} is not an ONNX model: it holds no graph")
    return model


def _digest(model: ModelProto) -> str:
    """Hash of a model in memory: its structure without the weights' bytes, which no estimate depends on."""
    digest = hashlib.sha256()
    graph = model.graph
    for message in (
        *model.opset_import,
        *model.functions,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
    ):
        digest.update(message.SerializeToString(deterministic=True))
    for tensor in graph.initializer:
        digest.update(f"{tensor.name}:{tensor.data_type}:{tuple(tensor.dims)};".encode())
    return digest.hexdigest()
