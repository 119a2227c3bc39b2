"""How many cycles an engine needs for a tile: MAC array, vector lanes, on-chip port, whichever binds.

Alignment is the device's: channels are padded to its widths per group, units share output channels or
positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.npu.elements import worked_elements

if TYPE_CHECKING:
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import Worker
    from latencylab.tiling import Numbers, Plans
    from latencylab.work import Work


def padded(value: int, multiple: int) -> int:
    """Smallest multiple not below `value`."""
    return -(-value // multiple) * multiple


def mac_cycles(nest: LoopNest, spots: Numbers, channels: Numbers, worker: Worker, meta: MetaNode) -> Numbers:
    """Cycles of the MAC array: `spots` padded positions, `channels` as `channel_turns` counts them.

    Where units share output channels, a unit takes one channel at a time and the widest group decides how
    many of them work; its input is broadcast, so a kernel with few taps is limited by how fast positions are
    fed.
    """
    rate = worker.macs_per_cycle(meta.dtype) * worker.efficiency_of(meta.kind)
    cin = padded(nest.in_channels, worker.in_align)
    if worker.by_output_channels:
        # The taps of a window are worked on a few at a time; a single one leaves room for other channels.
        taps = padded(nest.taps, worker.tap_align) if nest.taps > 1 else 1
        per_position = taps / rate
        if worker.feed_per_cycle:
            per_position = max(per_position, 1 / worker.feed_per_cycle)
        return nest.groups * channels * cin * spots * per_position
    return nest.groups * channels * cin * nest.taps * spots / (rate * worker.count)


def padded_positions(nest: LoopNest, rows: Numbers, columns: Numbers, worker: Worker) -> Numbers:
    """Positions of all tiles of `rows` x `columns`, partial blocks counted whole.

    A matrix product, which has no columns, fills the blocks of a map one after the other.
    """
    if nest.columns == 1:
        return _in_tiles(nest.rows, rows, worker.row_align * worker.column_align)
    high, wide = worker.row_align, worker.column_align
    return _in_tiles(nest.rows, rows, high) * _in_tiles(nest.columns, columns, wide)


def channel_turns(nest: LoopNest, block: Numbers, worker: Worker) -> Numbers:
    """Output channels of a group over all tiles of `block`: padded, or in turns of one channel for each unit.

    A kernel of several groups computes these in turn.
    """
    tile = block if nest.groups == 1 else np.full_like(block, nest.out_channels)
    if not worker.by_output_channels:
        return _in_tiles(nest.out_channels, tile, worker.out_align)
    full, last = _full_and_last(nest.out_channels, tile)
    turns = [np.ceil(_padded(part, worker.out_align) / worker.count) for part in (tile, last)]
    return full * turns[0] + turns[1]


def _in_tiles(whole: int, tile: Numbers, multiple: int) -> Numbers:
    """Extent of all tiles, each padded."""
    full, last = _full_and_last(whole, tile)
    return full * _padded(tile, multiple) + _padded(last, multiple)


def _full_and_last(whole: int, tile: Numbers) -> tuple[Numbers, Numbers]:
    full: Numbers = np.floor(whole / tile)
    return full, whole - full * tile


def _padded(value: Numbers, multiple: int) -> Numbers:
    """`padded` of many numbers, for which `//` is slow."""
    return value if multiple == 1 else np.ceil(value / multiple) * multiple


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
    """Cycles in which the busiest of the engine's ports is busy: maps read, maps written, weights."""
    cycles = 0.0
    if worker.port_bytes_per_cycle:
        cycles = max(meta.read_bytes, meta.write_bytes) / worker.port_bytes_per_cycle
    if worker.weight_bytes_per_cycle:
        cycles = max(cycles, meta.weight_bytes / worker.weight_bytes_per_cycle)
    return cycles


def kernel_cycles(meta: MetaNode, nest: LoopNest | None, worker: Worker) -> float:
    """Cycles of a whole kernel besides its launch, nothing tiled: the slowest of what works in parallel."""
    rate = worker.element_cycles.get(meta.kind)
    if rate is not None:
        return max(rate * worked_elements(meta, worker.element_align), port_cycles(meta, worker))
    if nest is not None and worker.macs_per_cycle(meta.dtype):
        whole = (np.array([float(extent)]) for extent in (nest.rows, nest.columns, nest.out_channels))
        return float(_array_cycles(meta, nest, worker, *whole)[0])
    macs = 0.0
    if nest is not None:
        macs = vector_macs(nest, nest.positions, nest.out_channels, worker, meta.dtype)
        macs += _window_cycles(nest, worker)
    return float(_busy(np.array([macs]), meta, worker)[0])


def tiled_cycles(meta: MetaNode, nest: LoopNest, worker: Worker, plans: Plans) -> Numbers:
    """Cycles of all tiles of each plan; tiles that fill the engine's blocks badly pay, edges by their size.

    Only a MAC array has blocks: lanes, and an operator whose rate was measured, take what the whole takes.
    """
    if meta.kind in worker.element_cycles or not worker.macs_per_cycle(meta.dtype):
        return np.full(len(plans), kernel_cycles(meta, nest, worker))
    return _array_cycles(meta, nest, worker, plans.rows, plans.columns, plans.out_channels)


def _array_cycles(
    meta: MetaNode, nest: LoopNest, worker: Worker, rows: Numbers, columns: Numbers, block: Numbers
) -> Numbers:
    spots = padded_positions(nest, rows, columns, worker)
    macs = mac_cycles(nest, spots, channel_turns(nest, block, worker), worker, meta)
    return _busy(macs + _window_cycles(nest, worker), meta, worker)


def _window_cycles(nest: LoopNest, worker: Worker) -> float:
    """Cycles to gather the windows, position by position; a 1x1 kernel reads its input as it lies."""
    return nest.positions * worker.position_cycles if nest.taps > 1 else 0.0


def _busy(macs: Numbers, meta: MetaNode, worker: Worker) -> Numbers:
    """MACs and epilogue: in the output stage behind a matrix engine's MACs, elsewhere on the same lanes."""
    lanes = vector_cycles(meta.work, worker, meta.dtype)
    busy: Numbers = np.maximum(macs, lanes) if worker.is_matrix else macs + lanes
    return np.maximum(busy, port_cycles(meta, worker))


def written_elements(meta: MetaNode) -> int:
    """Elements a kernel writes."""
    return sum(tensor.elements for tensor in meta.outputs)
