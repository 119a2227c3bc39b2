"""A large model without its weights' bytes, cut out of the file before anything parses it.

protobuf has no lazy fields: parsing a file of a gigabyte costs a gigabyte, twice while it is read, and beyond
2 GiB it refuses. Weights are nearly all of such a file and no estimate needs their values, so the wire format
(a sequence of tagged, length-prefixed fields) is walked over a memory map and only the rest is copied.
Source: protobuf.dev/programming-guides/encoding, onnx.proto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Plan = Mapping[int, "Plan | None"]

KEPT_BYTES = 2**16
"""Messages up to this size are copied whole; larger fields of tensors are content, and dropped."""

# Field numbers of the messages on the way to a tensor; None marks a tensor's content.
_TENSOR: Plan = {4: None, 5: None, 6: None, 7: None, 9: None, 10: None, 11: None}
_SPARSE: Plan = {1: _TENSOR, 2: _TENSOR}
_ATTRIBUTE: dict[int, Plan | None] = {5: _TENSOR, 10: _TENSOR, 22: _SPARSE}
_NODE: Plan = {5: _ATTRIBUTE}
_GRAPH: Plan = {1: _NODE, 5: _TENSOR, 15: _SPARSE}
_ATTRIBUTE |= {6: _GRAPH, 11: _GRAPH}
_FUNCTION: Plan = {7: _NODE}
_MODEL: Plan = {7: _GRAPH, 25: _FUNCTION}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _MalformedError(Exception):
    """The bytes are no sequence of protobuf fields."""


def without_weights(data: memoryview, where: str) -> bytes:
    """The serialised model with large tensors emptied; +1/-1 (binary) weights keep their content."""
    try:
        return b"".join(_pieces(data, 0, len(data), _MODEL))
    except _MalformedError as error:
        raise ModelError(f"{where} is not an ONNX model, or is cut short or damaged") from error


def _pieces(data: memoryview, position: int, end: int, plan: Plan) -> Iterator[bytes]:
    while position < end:
        start = position
        tag, position = _varint(data, position, end)
        field, wire_type = tag >> 3, tag & 7
        if wire_type != _BYTES:
            position = _skipped(data, position, end, wire_type)
            yield bytes(data[start:position])
            continue
        length, position = _varint(data, position, end)
        stop = position + length
        if stop > end:
            raise _MalformedError
        yield from _field(data, start, position, stop, plan.get(field, _MISSING))
        position = stop


_MISSING: Plan = {}


def _field(data: memoryview, start: int, position: int, stop: int, plan: Plan | None) -> Iterator[bytes]:
    """One length-prefixed field whose tag begins at `start` and whose content lies at `position`."""
    if (
        stop - position <= KEPT_BYTES
        or plan is _MISSING
        or (plan is None and _may_be_sign(data[position:stop]))
    ):
        yield bytes(data[start:stop])
    elif plan is not None:
        tag_end = _varint(data, start, position)[1]
        content = b"".join(_pieces(data, position, stop, plan))
        yield bytes(data[start:tag_end]) + _encoded(len(content)) + content


def _may_be_sign(content: memoryview) -> bool:
    """Whether the first elements, read as any weight type, are all -1 or +1."""
    first = bytes(content[:64])
    return any((np.abs(np.frombuffer(first, dtype)) == 1).all() for dtype in ("<f4", "<f2", "<i1"))


def _varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    result = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
    raise _MalformedError


def _skipped(data: memoryview, position: int, end: int, wire_type: int) -> int:
    if wire_type == _VARINT:
        return _varint(data, position, end)[1]
    position += {_FIXED64: 8, _FIXED32: 4}.get(wire_type, end + 1)
    if position > end:
        raise _MalformedError
    return position


def _encoded(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
