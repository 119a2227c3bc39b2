"""A model's bytes: from a path, from memory, or a ModelProto at hand; each with the hash that names it."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from onnx import ModelProto

from latencylab.errors import InputFileError, ModelError
from latencylab.onnx_reader._strip import without_weights
from latencylab.onnx_reader._text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

LARGE_BYTES = 2**24
"""Models beyond this size are rid of their weights before they are parsed."""
_LFS_POINTER = b"version https://git-lfs"


class Source(NamedTuple):
    """A parsed model, its hash and the name to show where none is given."""

    proto: ModelProto
    sha256: str
    name: str


def open_source(source: Path | bytes | ModelProto) -> Source:
    """Parse a model; external data is never opened.

    Raises InputFileError for a path that cannot be read, ModelError for bytes that are no model.
    """
    if isinstance(source, ModelProto):
        return Source(source, _digest(source), source.graph.name or "model")
    if isinstance(source, bytes):
        return Source(_parsed(source, "the model"), hashlib.sha256(source).hexdigest(), "model")
    with _opened(source) as file:
        if os.fstat(file.fileno()).st_size > LARGE_BYTES:
            return _mapped(file, source)
        data = file.read()
    return Source(_parsed(data, _shown(source)), hashlib.sha256(data).hexdigest(), source.stem)


def _shown(path: Path) -> str:
    return quoted(str(path), 200)[1:-1]


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """The file, open; opening a pipe does not wait for a writer: one without a writer is an empty file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISFIFO(mode):
                os.set_blocking(descriptor, True)
            elif not stat.S_ISREG(mode):
                raise InputFileError(f"cannot read {_shown(path)}: not a file")
            yield file
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputFileError(f"cannot read {_shown(path)}: {reason}") from error


def _mapped(file: BufferedReader, path: Path) -> Source:
    """A large file: hashed in passing, then read through a memory map that touches only the graph."""
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages, memoryview(pages) as data:
        bare = without_weights(data, _shown(path))
    return Source(_parsed(bare, _shown(path)), digest, path.stem)


def _parsed(data: bytes, where: str) -> ModelProto:
    if not data:
        raise ModelError(f"{where} is empty")
    if data.startswith(_LFS_POINTER):
        raise ModelError(
            f"{where} is a pointer of Git LFS, not the model itself: fetch it with `git lfs pull`"
        )
    if len(data) > LARGE_BYTES:
        with memoryview(data) as view:
            data = without_weights(view, where)
    from google.protobuf.message import DecodeError

    try:
        model: ModelProto = ModelProto.FromString(data)
    except (DecodeError, RecursionError, MemoryError) as error:
        raise ModelError(f"{where} is not an ONNX model, or is cut short or damaged") from error
    if not model.HasField("graph"):
        raise ModelError(f"{where} is not an ONNX model: it holds no graph")
    return model


def _digest(model: ModelProto) -> str:
    """Hash of a model in memory: its structure without the weights' values, which no estimate depends on."""
    digest = hashlib.sha256()
    graph = model.graph
    for messages in (
        model.opset_import,
        model.functions,
        graph.node,
        graph.input,
        graph.output,
        graph.value_info,
    ):
        for message in messages:
            digest.update(message.SerializeToString(deterministic=True))
    for tensor in graph.initializer:
        digest.update(f"{tensor.name}:{tensor.data_type}:{tuple(tensor.dims)};".encode(errors="replace"))
    return digest.hexdigest()
