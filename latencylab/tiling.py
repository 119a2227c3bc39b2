"""Tile shapes that fit the scratchpad, from a grid that does not depend on its size.

A larger scratchpad admits every plan a smaller one admits, and the fastest admitted plan is taken: so more
scratchpad never makes a kernel slower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Final

from latencylab import dtypes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest

# Two input and two output buffers: one being filled or drained while the other is in use.
_BUFFERS: Final = 2
_ACCUMULATOR_BYTES: Final = 4
_MOST_TILES: Final = 2**22
# Below this many columns a strip is mostly halo.
_FEWEST_COLUMNS: Final = 8
_UNLIMITED: Final = 2**62


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How one kernel is cut.

    rows, columns: positions of a tile. out_channels: channels of a tile, over all groups. in_blocks: parts
    the input channels are loaded in, partial sums staying on chip. spatial_tiles, channel_tiles: how many of
    each. weights_outer: weights stay while all positions stream by (the input is read once per channel tile);
    otherwise the input tile stays and the weights are read once per spatial tile. scratchpad_bytes: what its
    buffers occupy.
    """

    rows: int
    columns: int
    out_channels: int
    in_blocks: int
    spatial_tiles: int
    channel_tiles: int
    weights_outer: bool
    scratchpad_bytes: int

    @property
    def steps(self) -> int:
        """Load-compute-store steps of the kernel."""
        return self.spatial_tiles * self.channel_tiles * self.in_blocks

    @property
    def input_passes(self) -> int:
        """How often the whole input is read."""
        return self.channel_tiles if self.weights_outer else 1

    @property
    def weight_passes(self) -> int:
        """How often all weights are read."""
        return 1 if self.weights_outer or self.channel_tiles == 1 else self.spatial_tiles

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.steps} slices"
        order = "weights stay" if self.weight_passes == 1 else "positions stay"
        blocks = f", input channels in {self.in_blocks}" if self.in_blocks > 1 else ""
        shape = f"{self.rows} rows x {self.columns} cols x {self.out_channels} ch"
        return f"{self.steps} x ({shape}), {order}{blocks}"


def halo_columns(plan: TilePlan, nest: LoopNest) -> int:
    """Input columns read twice because neighbouring column strips overlap."""
    if not plan.columns:
        return 0
    strips = ceil(nest.columns / plan.columns)
    return (strips - 1) * max(0, nest.kernel_columns - nest.stride_columns)


def convolution_plans(meta: MetaNode, nest: LoopNest, channel_step: int, budget: int) -> Iterator[TilePlan]:
    """Plans for a loop nest that fit `budget` bytes; channel tiles are multiples of `channel_step`.

    Input channels are only cut where even a single row of all of them does not fit. The weights of a block
    are only streamed in parts, once per spatial tile, where no plan can hold them whole.
    """
    sizes = _Sizes.of(meta, nest)
    whole = _plans(nest, sizes, channel_step, budget)
    first = next(whole, None)
    if first is None:
        yield from _streamed_plans(nest, sizes, channel_step, budget)
    else:
        yield first
        yield from whole


def _streamed_plans(nest: LoopNest, sizes: _Sizes, channel_step: int, budget: int) -> Iterator[TilePlan]:
    """Plans that hold the weights of one channel block and one input channel at a time."""
    part = sizes.smallest_weights(channel_step)
    for plan in _plans(nest, replace(sizes, weights=0), channel_step, budget - part):
        if plan.weight_passes == plan.spatial_tiles:
            yield replace(plan, scratchpad_bytes=plan.scratchpad_bytes + part)


def _plans(nest: LoopNest, sizes: _Sizes, channel_step: int, budget: int) -> Iterator[TilePlan]:
    for block in _channel_blocks(sizes.channels, channel_step):
        for columns in _halvings(nest.columns, _FEWEST_COLUMNS):
            for in_blocks in _input_blocks(nest.in_channels):
                found = False
                for rows in _halvings(nest.rows, 1):
                    needed = sizes.needed_bytes(nest, rows, columns, block, in_blocks)
                    if needed <= budget:
                        found = True
                        yield from _orders(nest, rows, columns, block, sizes.channels, in_blocks, needed)
                if found:
                    break


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes per element of a kernel's tensors; `extra`: further inputs (a residual), per position."""

    channels: int
    data: float
    output: float
    extra: float
    weights: int
    in_channels: int

    @classmethod
    def of(cls, meta: MetaNode, nest: LoopNest) -> _Sizes:
        extra = sum(t.size_bytes for t in meta.inputs[1:]) / max(1, nest.positions)
        data, output = _element_bytes(meta.inputs[0].dtype), _element_bytes(meta.outputs[0].dtype)
        channels = nest.groups * nest.out_channels
        return cls(channels, data, output, extra, meta.weight_bytes, nest.in_channels)

    def smallest_weights(self, channel_step: int) -> int:
        """Two buffers for the weights of one channel block and one input channel."""
        block = min(channel_step, self.channels)
        return ceil(_BUFFERS * self.weights * block / (self.channels * self.in_channels))

    def needed_bytes(self, nest: LoopNest, rows: int, columns: int, block: int, in_blocks: int) -> int:
        """Scratchpad that the buffers of such a tile occupy."""
        in_columns = min(nest.in_columns, columns * nest.stride_columns + nest.kernel_columns - 1)
        in_rows = min(nest.in_rows, rows * nest.stride_rows + nest.kernel_rows - 1)
        tile_in = in_rows * in_columns * nest.groups * nest.in_channels * self.data / in_blocks
        tile_in += rows * columns * self.extra
        tile_out = rows * columns * block * self.output
        sums = rows * columns * block * _ACCUMULATOR_BYTES if in_blocks > 1 else 0
        weights = self.weights * block / self.channels * (1 if block == self.channels else _BUFFERS)
        return ceil(_BUFFERS * (tile_in + tile_out) + sums + weights)


def _orders(
    nest: LoopNest, rows: int, columns: int, block: int, channels: int, in_blocks: int, needed: int
) -> Iterator[TilePlan]:
    spatial = ceil(nest.rows / rows) * ceil(nest.columns / columns)
    channel_tiles = ceil(channels / block)
    for weights_outer in (True, False) if channel_tiles > 1 else (True,):
        yield TilePlan(rows, columns, block, in_blocks, spatial, channel_tiles, weights_outer, needed)


def slice_plans(meta: MetaNode, budget: int) -> Iterator[TilePlan]:
    """Plans for a kernel without a loop nest: all its tensors cut into equal slices."""
    in_use = _BUFFERS * (meta.read_bytes + meta.write_bytes) + meta.weight_bytes
    most = min(_MOST_TILES, max(1, max((t.elements for t in (*meta.inputs, *meta.outputs)), default=1)))
    slices = 1
    while slices <= most:
        needed = ceil(in_use / slices)
        if needed <= budget:
            yield TilePlan(0, 0, 0, 1, slices, 1, True, needed)
        slices *= 2


def smallest_tile_bytes(meta: MetaNode, nest: LoopNest | None, channel_step: int) -> int:
    """Least scratchpad that any plan needs, for the error that says so."""
    if nest is None:
        return min(plan.scratchpad_bytes for plan in slice_plans(meta, _UNLIMITED))
    sizes = _Sizes.of(meta, nest)
    held = min(plan.scratchpad_bytes for plan in _every_plan(nest, sizes, channel_step))
    streamed = _every_plan(nest, replace(sizes, weights=0), channel_step)
    least = min(plan.scratchpad_bytes for plan in streamed if plan.weight_passes == plan.spatial_tiles)
    return min(held, least + sizes.smallest_weights(channel_step))


def _every_plan(nest: LoopNest, sizes: _Sizes, channel_step: int) -> Iterator[TilePlan]:
    """All plans of the grid, whatever they need."""
    for block in _channel_blocks(sizes.channels, channel_step):
        for columns in _halvings(nest.columns, _FEWEST_COLUMNS):
            for in_blocks in _input_blocks(nest.in_channels):
                for rows in _halvings(nest.rows, 1):
                    needed = sizes.needed_bytes(nest, rows, columns, block, in_blocks)
                    yield from _orders(nest, rows, columns, block, sizes.channels, in_blocks, needed)


def _element_bytes(dtype: str) -> float:
    return dtypes.BITS[dtype] / 8


def _halvings(whole: int, least: int) -> Iterator[int]:
    """The whole, then powers of two below it down to `least`."""
    yield whole
    power = 1 << max(0, (whole - 1).bit_length() - 1)
    while power >= least and power < whole:
        yield power
        power //= 2


def _channel_blocks(channels: int, step: int) -> Iterator[int]:
    """All channels, then multiples of `step` by powers of four, large to small."""
    yield channels
    block = step
    blocks = []
    while block < channels:
        blocks.append(block)
        block *= 4
    yield from reversed(blocks)


def _input_blocks(in_channels: int) -> Iterator[int]:
    """Parts the input channels may be cut into: powers of two, at least one channel each."""
    parts = 1
    while parts <= in_channels:
        yield parts
        parts *= 4
