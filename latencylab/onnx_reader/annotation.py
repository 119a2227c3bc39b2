"""Notes written into an ONNX file, for viewers such as Netron to show beside each node.

This lives with the reader because it must know a node by the name the reader gives it: the file's own, or the
operator and its place in the reader's order where the file has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onnx import ModelProto

from latencylab.errors import InputFileError, ModelError
from latencylab.onnx_reader._order import live_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx import NodeProto, StringStringEntryProto

# The first IR version whose nodes carry metadata.
_IR_VERSION = 10


def annotated(
    source: Path | bytes | ModelProto, nodes: Mapping[str, Mapping[str, str]], model: Mapping[str, str]
) -> bytes:
    """Return the file with notes on its nodes (by name) and on the whole; everything else stays as it is.

    Nodes inside local functions get none. Weights outside the file stay there: keep the result beside them.
    Raises InputFileError or ModelError for a source that cannot be read.
    """
    proto = _whole(source)
    proto.ir_version = max(proto.ir_version, _IR_VERSION)
    seen: set[str] = set()
    for step in live_steps(proto.graph, lambda _: True):
        name = _label(step.node, step.position, seen)
        seen.add(name)
        if name in nodes:
            _write(step.node.metadata_props, nodes[name])
    _write(proto.metadata_props, model)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _whole(source: Path | bytes | ModelProto) -> ModelProto:
    """Read a copy with its weights, which the reader leaves out."""
    if isinstance(source, ModelProto):
        copy = ModelProto()
        copy.CopyFrom(source)
        return copy
    from google.protobuf.message import DecodeError

    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        model: ModelProto = ModelProto.FromString(content)
    except OSError as error:
        raise InputFileError(f"cannot read {source!s}: {error.strerror}") from error
    except DecodeError as error:
        raise ModelError("not an ONNX model, or cut short or damaged") from error
    return model


def _label(node: NodeProto, position: int, seen: set[str]) -> str:
    return node.name if node.name and node.name not in seen else f"{node.op_type}_{position}"


def _write(entries: Iterable[StringStringEntryProto], notes: Mapping[str, str]) -> None:
    """Set notes; one that is there already is replaced."""
    known = {entry.key: entry for entry in entries}
    for key, value in notes.items():
        entry = known[key] if key in known else entries.add(key=key)  # type: ignore[attr-defined]
        entry.value = value
