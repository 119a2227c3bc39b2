"""How many cycles an engine needs for a tile: MAC array, vector lanes, on-chip port, whichever binds.

Alignment is the device's: channels are padded to its widths per group, units share output channels or
positions.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from latencylab.npu.elements import worked_elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import Worker
    from latencylab.tiling import TilePlan
    from latencylab.work import Work


def padded(value: int, multiple: int) -> int:
    """Smallest multiple not below `value`."""
    return -(-value // multiple) * multiple


def mac_cycles(
    nest: LoopNest, rows: int, columns: int, out_channels: int, worker: Worker, dtype: str, op_type: str
) -> float:
    """Cycles of the MAC array for rows x columns positions of all groups and `out_channels` of each.

    Where units share output channels, a unit takes one channel at a time and the widest group decides how
    many of them work; its input is broadcast, so a kernel with few taps is limited by how fast positions are
    fed.
    """
    rate = worker.macs_per_cycle(dtype)
    if not rate:
        return vector_macs(nest, rows * columns, out_channels, worker, dtype)
    cin = padded(nest.in_channels, worker.in_align)
    cout = padded(out_channels, worker.out_align)
    spots = padded_positions(rows, columns, worker)
    efficiency = worker.efficiency_of(op_type)
    if worker.by_output_channels:
        # The taps of a window are worked on a few at a time; a single one leaves room for other channels.
        taps = padded(nest.taps, worker.tap_align) if nest.taps > 1 else 1
        per_position = taps / (rate * efficiency)
        if worker.feed_per_cycle:
            per_position = max(per_position, 1 / worker.feed_per_cycle)
        return nest.groups * ceil(cout / worker.count) * cin * spots * per_position
    return nest.groups * cout * cin * nest.taps * spots / (rate * worker.count * efficiency)


def padded_positions(rows: int, columns: int, worker: Worker) -> int:
    """Positions, partial blocks counted whole; a single column (a matrix product) fills blocks at once."""
    if columns == 1:
        return padded(rows, worker.row_align * worker.column_align)
    return padded(rows, worker.row_align) * padded(columns, worker.column_align)


def vector_macs(nest: LoopNest, positions: int, out_channels: int, worker: Worker, dtype: str) -> float:
    """A MAC on lanes without a MAC array: a multiplication and an addition."""
    lanes = worker.lanes_for(dtype) * worker.count
    macs = nest.groups * nest.in_channels * out_channels * nest.taps * positions
    return 2 * macs * worker.cycles_per_op[0] / lanes


def vector_cycles(work: Work, worker: Worker, dtype: str) -> float:
    """Cycles of the lanes for the operations outside the MAC array; 0 on an engine without lanes."""
    lanes = worker.lanes_for(dtype) * worker.count
    if not lanes:
        return 0.0
    arithmetic, division, transcendental, move = worker.cycles_per_op
    cycles = (
        work.arithmetic_ops * arithmetic
        + work.division_ops * division
        + work.transcendental_ops * transcendental
        + work.move_ops * move
    )
    return cycles / lanes


def port_cycles(meta: MetaNode, worker: Worker) -> float:
    """Cycles in which the busier of the engine's on-chip ports is busy with the boundary activations."""
    if not worker.port_bytes_per_cycle:
        return 0.0
    return max(meta.read_bytes, meta.write_bytes) / worker.port_bytes_per_cycle


def kernel_cycles(meta: MetaNode, nest: LoopNest | None, worker: Worker) -> float:
    """Cycles of a whole kernel besides its launch, nothing tiled: the slowest of what works in parallel."""
    return Cycles(meta, nest, worker).untiled


class Cycles:
    """Cycles of one kernel on one engine, for any tile plan; equal tile shapes are counted once.

    On a matrix engine the epilogue runs in the output stage behind the MACs; on any other engine the same
    lanes do both. An operator with a measured rate (`element_cycles`) takes that, per output element.
    """

    def __init__(self, meta: MetaNode, nest: LoopNest | None, worker: Worker) -> None:
        self._meta, self._nest, self._worker = meta, nest, worker
        self._port = port_cycles(meta, worker)
        self._by_shape: dict[tuple[int, int, int], float] = {}
        self._macs_by_shape: dict[tuple[int, int, int], float] = {}
        rate = worker.element_rate(meta)
        self._is_measured = rate is not None
        if rate is not None:
            self.untiled = max(rate * worked_elements(meta, worker.element_align), self._port)
            return
        self._lanes = vector_cycles(meta.work, worker, meta.dtype)
        self.untiled = self._busy(self._macs(nest.rows, nest.columns, nest.out_channels) if nest else 0.0)

    def tiled(self, plan: TilePlan) -> float:
        """Cycles of all tiles; one that fills the engine's blocks badly pays, edge tiles by their size."""
        has_blocks = self._worker.row_align * self._worker.column_align > 1
        if self._is_measured or self._nest is None or not plan.rows or not has_blocks:
            return self.untiled
        shape = (plan.rows, plan.columns, plan.out_channels)
        if shape not in self._by_shape:
            self._by_shape[shape] = self._busy(self._tiled_macs(self._nest, plan))
        return self._by_shape[shape]

    def _tiled_macs(self, nest: LoopNest, plan: TilePlan) -> float:
        total = 0.0
        channel_tiles = _channel_tiles(nest, plan)
        for count, rows, columns in _spatial_tiles(nest, plan):
            for channel_count, channels in channel_tiles:
                total += count * channel_count * self._macs(rows, columns, channels)
        return total

    def _macs(self, rows: int, columns: int, out_channels: int) -> float:
        assert self._nest is not None  # noqa: S101 - asked for only where there is one
        meta, shape = self._meta, (rows, columns, out_channels)
        if shape not in self._macs_by_shape:
            cycles = mac_cycles(self._nest, *shape, self._worker, meta.dtype, meta.kind)
            self._macs_by_shape[shape] = cycles + rows * columns * self._worker.position_cycles
        return self._macs_by_shape[shape]

    def _busy(self, macs: float) -> float:
        busy = max(macs, self._lanes) if self._worker.is_matrix else macs + self._lanes
        return max(busy, self._port)


def _spatial_tiles(nest: LoopNest, plan: TilePlan) -> Iterator[tuple[int, int, int]]:
    """(how many, rows, columns of each): full tiles and the three kinds of edge."""
    full_rows, last_rows = divmod(nest.rows, plan.rows)
    full_columns, last_columns = divmod(nest.columns, plan.columns)
    yield full_rows * full_columns, plan.rows, plan.columns
    if last_columns:
        yield full_rows, plan.rows, last_columns
    if last_rows:
        yield full_columns, last_rows, plan.columns
    if last_rows and last_columns:
        yield 1, last_rows, last_columns


def _channel_tiles(nest: LoopNest, plan: TilePlan) -> tuple[tuple[int, int], ...]:
    """(how many, output channels per group of each); a kernel of several groups computes them in turn."""
    if nest.groups > 1:
        return ((1, nest.out_channels),)
    full, last = divmod(nest.out_channels, plan.out_channels)
    return ((full, plan.out_channels), (1, last)) if last else ((full, plan.out_channels),)


def written_elements(meta: MetaNode) -> int:
    """Elements a kernel writes."""
    return sum(tensor.elements for tensor in meta.outputs)
