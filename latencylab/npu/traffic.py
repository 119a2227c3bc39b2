"""Which DRAM access pattern a tensor is moved with, and how many bytes move."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.graph import MetaNode, Tensor

# Operators that scatter or gather single elements: their writes use part of each burst.
_INTERLEAVING: Final = frozenset({"DepthToSpace", "SpaceToDepth", "Transpose", "LayoutConversion"})
# Operators that write a few channels of every position at a time.
_CHANNEL_STRIDED: Final = frozenset({"ChannelReplicate"})
# Operators that read only the elements they return.
_PICKING: Final = frozenset({"Slice", "Gather", "GatherElements", "GatherND"})
# A map of so few channels fills part of each burst where channels lie innermost.
_NARROW_CHANNELS: Final = 4


def read_pattern(tensor: Tensor) -> str:
    """Access pattern with which a kernel reads an activation."""
    return "narrow" if is_narrow(tensor) else "sequential"


def write_pattern(meta: MetaNode, tensor: Tensor) -> str:
    """Access pattern with which a kernel writes an activation."""
    if meta.kind in _INTERLEAVING:
        return "interleaved"
    if meta.kind in _CHANNEL_STRIDED:
        return "strided"
    return read_pattern(tensor)


def stored_bytes(meta: MetaNode, tensor: Tensor, word_bytes: int) -> int:
    """Bytes that writing an output moves: copies of a few channels into every position move whole words.

    A piece of p bytes that may start on any multiple of a (what p, the bytes of a position and the word have
    in common) lies on p + word - a bytes' worth of words on average; it never moves more than the position.
    """
    if meta.kind not in _CHANNEL_STRIDED or len(tensor.shape) != 4 or not meta.inputs:
        return tensor.size_bytes
    position_bytes = tensor.size_bytes // (tensor.elements // tensor.shape[1])
    piece_bytes = position_bytes * meta.inputs[0].shape[1] // tensor.shape[1]
    touched_bytes = piece_bytes + word_bytes - gcd(piece_bytes, position_bytes, word_bytes)
    return tensor.size_bytes // piece_bytes * min(position_bytes, touched_bytes)


def moved_bytes(meta: MetaNode, tensor: Tensor) -> int:
    """Bytes of an input that a kernel reads: an operator that picks elements reads no more than it writes."""
    if meta.kind in _PICKING or (meta.kind == "Resize" and meta.node.attributes.get("mode") == "nearest"):
        return min(tensor.size_bytes, meta.write_bytes)
    return tensor.size_bytes


def is_narrow(tensor: Tensor) -> bool:
    """Whether this is an image-like map of at most four channels."""
    return (
        len(tensor.shape) == 4 and tensor.shape[1] <= _NARROW_CHANNELS and tensor.elements > tensor.shape[1]
    )
