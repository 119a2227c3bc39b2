"""How a convolution kernel goes over its maps: passes over the input, and steps of input channels in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.cpu.choice import Variant
from latencylab.npu import compute

if TYPE_CHECKING:
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers

# Input channels that a 1x1 convolution sums up before it writes (mlas: MaximumInputChannelBatch).
_POINTWISE_BATCH: Final = 128


def of(channels: int, core: CoreNumbers) -> dict[int, int]:
    """How many passes over the input compute how many output blocks each: {4: 2, 1: 1} for nine blocks."""
    return shared_out(channels, core.blocked_channels, core.blocks_at_once)


def shared_out(channels: int, width: int, at_once: int) -> dict[int, int]:
    """Passes by how many vectors of `width` channels each computes; all but the last compute `at_once`."""
    full, rest = divmod(-(-channels // width), at_once)
    return {n: count for n, count in ((at_once, full), (rest, 1)) if n and count}


def step_channels(kind: Variant, core: CoreNumbers) -> int:
    """Input channels whose products are summed up before a kernel writes: those of a step."""
    return {Variant.FEW_INPUTS: 1, Variant.POINTWISE: _POINTWISE_BATCH}.get(kind, core.blocked_channels)


def input_channels(nest: LoopNest, kind: Variant, core: CoreNumbers) -> int:
    """Input channels of a blocked kernel: whole blocks, but for an image, which is read as it is."""
    is_image = kind is Variant.FEW_INPUTS
    return nest.in_channels if is_image else compute.padded(nest.in_channels, core.blocked_channels)


def input_steps(nest: LoopNest, kind: Variant, core: CoreNumbers) -> int:
    """Steps that a blocked kernel takes over its input channels."""
    return -(-input_channels(nest, kind, core) // step_channels(kind, core))
