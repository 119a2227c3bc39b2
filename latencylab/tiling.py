"""Tile shapes that fit the scratchpad, from a grid that knows neither its size nor how many units there are.

A larger scratchpad admits every plan that a smaller one admits, more units work on the same tiles, and the
fastest admitted plan is taken: so more of either never makes a kernel slower.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from latencylab import dtypes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest

    # Whole numbers up to 2**53 are exact as float64, and larger ones do not wrap around.
    Numbers = NDArray[np.float64]

# Two input and two output buffers: one being filled or drained while the other is in use.
_BUFFERS: Final = 2
_ACCUMULATOR_BYTES: Final = 4
_MOST_SLICES: Final = 2**22
# Below this many columns a strip is mostly halo.
_FEWEST_COLUMNS: Final = 8
# Input channels are cut in strips of at most so many rows: of a higher one, fewer rows need no partial sums.
_MOST_ROWS_OF_PARTS: Final = 8
# Weights stay; positions stay; positions stay and weights pass by in parts.
_ORDERS: Final = np.arange(3)
_OUTER, _INNER, _STREAMED = _ORDERS
# Channel blocks are numbers of so many binary digits and a scale, to nearly meet any number of units.
_BLOCK_DIGITS: Final = 4


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


@dataclass(frozen=True, slots=True)
class Plans:
    """Many plans at once: a column for each field of TilePlan, coarse plans before fine ones."""

    rows: Numbers
    columns: Numbers
    out_channels: Numbers
    in_blocks: Numbers
    spatial_tiles: Numbers
    channel_tiles: Numbers
    weights_outer: NDArray[np.bool_]
    scratchpad_bytes: Numbers

    @classmethod
    def of(cls, *plans: TilePlan) -> Plans:
        """These plans and no others."""
        columns = {f.name: [getattr(plan, f.name) for plan in plans] for f in fields(TilePlan)}
        outer = np.array(columns.pop("weights_outer"), dtype=np.bool_)
        return cls(
            **{name: np.array(c, dtype=np.float64) for name, c in columns.items()}, weights_outer=outer
        )

    def __len__(self) -> int:
        return len(self.rows)

    def within(self, budget_bytes: int) -> Plans:
        """Those whose buffers fit."""
        fits = self.scratchpad_bytes <= budget_bytes
        return Plans(*(getattr(self, f.name)[fits] for f in fields(self)))

    def plan(self, index: int) -> TilePlan:
        """One of them."""
        row: dict[str, Any] = {f.name: int(getattr(self, f.name)[index]) for f in fields(self)}
        return TilePlan(**row | {"weights_outer": bool(row["weights_outer"])})

    @property
    def steps(self) -> Numbers:
        """Load-compute-store steps of the kernel."""
        return self.spatial_tiles * self.channel_tiles * self.in_blocks

    @property
    def input_passes(self) -> Numbers:
        """How often the whole input is read."""
        return np.where(self.weights_outer, self.channel_tiles, 1.0)

    @property
    def weight_passes(self) -> Numbers:
        """How often all weights are read."""
        return np.where(self.weights_outer | (self.channel_tiles == 1), 1.0, self.spatial_tiles)


def convolution_plans(meta: MetaNode, nest: LoopNest) -> Plans:
    """Every plan for a loop nest, whatever it needs: all combinations, by broadcasting."""
    sizes = _Sizes.of(meta, nest)
    block = _channel_blocks(sizes.channels).reshape(-1, 1, 1, 1)
    columns = _widths(nest.columns).reshape(-1, 1, 1)
    rows, parts = _strips(nest).T.reshape(2, -1, 1)
    order = _ORDERS
    spatial = np.ceil(nest.rows / rows) * np.ceil(nest.columns / columns)
    channel_tiles = np.ceil(sizes.channels / block)
    weights = np.where(order == _STREAMED, sizes.streamed_weights(block), sizes.held_weights(block))
    needed = np.ceil(sizes.tile_bytes(nest, rows, columns, block, parts) + weights)
    # Weights that pass by a part at a time pass by again for every spatial tile.
    is_needed = np.where(order == _STREAMED, spatial == 1, order == _OUTER) | (channel_tiles > 1)
    every = (rows, columns, block, parts, spatial, channel_tiles, order == _OUTER, needed)
    return Plans(*(np.broadcast_to(column, is_needed.shape)[is_needed] for column in every))


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

    def held_weights(self, block: Numbers) -> Numbers:
        """The weights of a channel block; two buffers of them, unless there is no other block."""
        return self.weights * block / self.channels * np.where(block == self.channels, 1, _BUFFERS)

    def streamed_weights(self, block: Numbers) -> Numbers:
        """Two buffers for the weights of a channel block and one input channel."""
        return _BUFFERS * self.weights * block / (self.channels * self.in_channels)

    def tile_bytes(
        self, nest: LoopNest, rows: Numbers, columns: Numbers, block: Numbers, parts: Numbers
    ) -> Numbers:
        """Buffers for the maps of a tile, and its partial sums."""
        in_columns = np.minimum(nest.in_columns, columns * nest.stride_columns + nest.kernel_columns - 1)
        in_rows = np.minimum(nest.in_rows, rows * nest.stride_rows + nest.kernel_rows - 1)
        tile_in = in_rows * in_columns * nest.groups * nest.in_channels * self.data / parts
        tile_in = tile_in + rows * columns * self.extra
        tile_out = rows * columns * block * self.output
        sums = np.where(parts > 1, rows * columns * block * _ACCUMULATOR_BYTES, 0.0)
        return _BUFFERS * (tile_in + tile_out) + sums


def slice_plans(meta: MetaNode) -> Plans:
    """Every plan for a kernel without a loop nest, whatever it needs: all its tensors in equal slices."""
    in_use = _BUFFERS * (meta.read_bytes + meta.write_bytes) + meta.weight_bytes
    most = min(_MOST_SLICES, max(1, max((t.elements for t in (*meta.inputs, *meta.outputs)), default=1)))
    slices: Numbers = 2.0 ** np.arange(most.bit_length(), dtype=np.float64)
    none, one = np.zeros_like(slices), np.ones_like(slices)
    return Plans(none, none, none, one, slices, one, one > 0, np.ceil(in_use / slices))


def halo_columns(plans: Plans, nest: LoopNest) -> Numbers:
    """Input columns read twice because neighbouring column strips overlap."""
    strips = np.ceil(nest.columns / plans.columns)
    return (strips - 1) * max(0, nest.kernel_columns - nest.stride_columns)


def _element_bytes(dtype: str) -> float:
    return dtypes.BITS[dtype] / 8


def _channel_blocks(channels: int) -> Numbers:
    """All channels, then every number of few binary digits below it, large to small."""
    least = 1 << (_BLOCK_DIGITS - 1)
    found = {channels}
    for scale in (1 << power for power in range(channels.bit_length())):
        found.update(digits * scale for digits in range(1 if scale == 1 else least, 2 * least))
    return np.array(sorted((b for b in found if b <= channels), reverse=True), dtype=np.float64)


def _widths(columns: int) -> Numbers:
    return np.array(tuple(_halvings(columns, _FEWEST_COLUMNS)), dtype=np.float64)


def _strips(nest: LoopNest) -> Numbers:
    """Pairs of rows of a strip and parts of its input channels, coarse to fine."""
    rows = tuple(_halvings(nest.rows, 1))
    low = [height for height in rows if height <= _MOST_ROWS_OF_PARTS]
    pairs = [(height, 1) for height in rows]
    pairs += [(height, parts) for parts in _input_parts(nest.in_channels) for height in low]
    return np.array(pairs, dtype=np.float64)


def _input_parts(in_channels: int) -> Iterator[int]:
    """Parts, above one, that the input channels may be cut into: powers of four, a channel each at least."""
    parts = 4
    while parts <= in_channels:
        yield parts
        parts *= 4


def _halvings(whole: int, least: int) -> Iterator[int]:
    """The whole, then powers of two below it down to `least`."""
    yield whole
    power = 1 << max(0, (whole - 1).bit_length() - 1)
    while power >= least and power < whole:
        yield power
        power //= 2
