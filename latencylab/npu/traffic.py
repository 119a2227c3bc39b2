"""Which DRAM access pattern a tensor is moved with, and what stays on chip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.graph import MetaNode, Tensor
    from latencylab.npu.machine import Machine

# Operators that scatter or gather single elements: their writes use part of each burst.
_INTERLEAVING: Final = frozenset({"DepthToSpace", "SpaceToDepth", "Transpose", "LayoutConversion"})
# Operators that write a few channels of every position at a time.
_CHANNEL_STRIDED: Final = frozenset({"ChannelReplicate"})
# Operators that read only the elements they return.
_PICKING: Final = frozenset({"Slice", "Gather", "GatherElements", "GatherND"})
# A map of so few channels fills part of each burst where channels lie innermost.
_NARROW_CHANNELS: Final = 4


def read_pattern(tensor: Tensor, machine: Machine) -> str:
    """Access pattern with which a kernel reads an activation."""
    if is_narrow(tensor):
        return "narrow"
    return "sequential" if is_aligned(tensor, machine) else "unaligned"


def write_pattern(meta: MetaNode, tensor: Tensor, machine: Machine) -> str:
    """Access pattern with which a kernel writes an activation."""
    if meta.kind in _INTERLEAVING:
        return "interleaved"
    if meta.kind in _CHANNEL_STRIDED:
        return "strided"
    return read_pattern(tensor, machine)


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


def is_aligned(tensor: Tensor, machine: Machine) -> bool:
    """Whether the channels of a map are a multiple of what the memory path moves at once."""
    return len(tensor.shape) < 3 or tensor.shape[1] % machine.aligned_channels == 0
