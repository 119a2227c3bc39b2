"""How many cycles an engine needs for a tile: MAC array, vector lanes, on-chip port, whichever binds.

Alignment is the device's: channels are padded to its widths per group, units share output channels or positions.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import Worker
    from latencylab.work import Work


def padded(value: int, multiple: int) -> int:
    """Smallest multiple not below `value`."""
    return -(-value // multiple) * multiple


def mac_cycles(
    nest: LoopNest, rows: int, columns: int, out_channels: int, worker: Worker, dtype: str, op_type: str
) -> float:
    """Cycles of the MAC array for rows x columns positions of all groups and `out_channels` of each.

    Where units share output channels, a unit takes one channel at a time and the widest group decides how many
    of them work; its input is broadcast, so a kernel with few taps is limited by how fast positions are fed.
    """
    rate = worker.macs_per_cycle(dtype)
    if not rate:
        return vector_macs(nest, rows * columns, out_channels, worker, dtype)
    cin = padded(nest.in_channels, worker.in_align)
    cout = padded(out_channels, worker.out_align)
    spots = padded_positions(rows, columns, worker)
    efficiency = worker.efficiency_of(op_type)
    if worker.by_output_channels:
        per_position = nest.taps / (rate * efficiency)
        if worker.feed_per_cycle:
            per_position = max(per_position, 1 / worker.feed_per_cycle)
        return nest.groups * ceil(cout / worker.count) * cin * spots * per_position
    return nest.groups * cout * cin * nest.taps * spots / (rate * worker.count * efficiency)


def padded_positions(rows: int, columns: int, worker: Worker) -> int:
    """Positions with partial blocks counted whole; a single column (a matrix product) fills blocks in one go."""
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
    """Cycles of a whole kernel besides its launch: the slowest of what works in parallel.

    On a matrix engine the epilogue runs in the output stage behind the MACs; on any other engine the same lanes
    do both. An operator with a measured rate (`element_cycles`) takes that, per output element.
    """
    override = worker.element_rate(meta)
    if override is not None:
        return max(override * written_elements(meta), port_cycles(meta, worker))
    macs = 0.0
    if nest:
        macs = mac_cycles(nest, nest.rows, nest.columns, nest.out_channels, worker, meta.dtype, meta.kind)
    lanes = vector_cycles(meta.work, worker, meta.dtype)
    busy = max(macs, lanes) if worker.is_matrix else macs + lanes
    return max(busy, port_cycles(meta, worker))


def written_elements(meta: MetaNode) -> int:
    """Elements a kernel writes."""
    return sum(tensor.elements for tensor in meta.outputs)
