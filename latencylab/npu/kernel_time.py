"""How long one kernel takes on its engine, and where its time and its DRAM bytes go.

The fastest tile plan that fits is taken. Equal kernels are timed once per machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from latencylab import loops, tiling
from latencylab.errors import TilingError
from latencylab.npu import compute, traffic
from latencylab.npu.pipeline import TileRun, duration_ps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import Machine, Worker
    from latencylab.tiling import TilePlan

# Plans are tried coarse to fine; beyond this many per kernel the gain is below a part in a hundred.
_ENOUGH_STEPS: Final = 512


@dataclass(frozen=True, slots=True)
class Residency:
    """What of a kernel's boundary never reaches DRAM, and at what share of the DRAM rate it may move the rest.

    inputs, outputs: for each boundary activation whether it stays on chip. is_reread: for each input whether an
    earlier kernel has read it before (a skip), so that DRAM traffic for it is spill.
    """

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    is_reread: tuple[bool, ...]
    dram_share: float = 1.0


@dataclass(frozen=True, slots=True)
class KernelTime:
    """Picoseconds and DRAM bytes of one kernel.

    duration_ps = launch_ps + what compute and DMA take together; stall_ps is the part in which the engine waits.
    """

    duration_ps: int
    launch_ps: int
    compute_ps: int
    dma_ps: int
    weights_bytes: int
    activation_read_bytes: int
    activation_write_bytes: int
    spill_bytes: int
    plan: TilePlan | None
    runs: tuple[TileRun, ...] = ()
    prologue_ps: int = 0

    @property
    def stall_ps(self) -> int:
        """Time the engine is neither starting nor computing."""
        return self.duration_ps - self.launch_ps - self.compute_ps

    @property
    def dram_read_bytes(self) -> int:
        """Everything read from DRAM."""
        return self.weights_bytes + self.activation_read_bytes + self.spill_bytes


def time_kernel(meta: MetaNode, worker: Worker, machine: Machine, residency: Residency, budget: int) -> KernelTime:
    """Time a kernel with the fastest plan that fits `budget` bytes of scratchpad (0: no scratchpad, a cache).

    Raises TilingError if not even the smallest tile fits.
    """
    nest = loops.of(meta)
    if not machine.scratchpad_bytes:
        return _cached(meta, nest, worker, machine, residency)
    best: KernelTime | None = None
    for plan in _plans(meta, nest, worker, budget):
        timed = _planned(meta, nest, worker, machine, residency, plan)
        if best is None or timed.duration_ps < best.duration_ps:
            best = timed
    if best is None:
        smallest = tiling.smallest_tile_bytes(meta, nest, _channel_step(worker))
        raise TilingError(meta.name, smallest, budget)
    return best


def _plans(meta: MetaNode, nest: LoopNest | None, worker: Worker, budget: int) -> Iterator[TilePlan]:
    if nest is None or not worker.is_matrix or not meta.inputs:
        yield from _coarse(tiling.slice_plans(meta, budget))
    else:
        yield from _coarse(tiling.convolution_plans(meta, nest, _channel_step(worker), budget))


def _coarse(plans: Iterable[TilePlan]) -> Iterator[TilePlan]:
    """Drop plans far finer than needed, but never the only one."""
    kept = False
    finest: TilePlan | None = None
    for plan in plans:
        if plan.steps <= _ENOUGH_STEPS:
            kept = True
            yield plan
        elif finest is None or plan.steps < finest.steps:
            finest = plan
    if not kept and finest is not None:
        yield finest


def _channel_step(worker: Worker) -> int:
    return worker.count if worker.by_output_channels else worker.out_align


def _planned(
    meta: MetaNode,
    nest: LoopNest | None,
    worker: Worker,
    machine: Machine,
    residency: Residency,
    plan: TilePlan,
) -> KernelTime:
    compute_ps = worker.ps(_compute_cycles(meta, nest, worker, plan))
    moved = _movement(meta, nest, machine, residency, plan)
    commands = machine.dram_latency_ps
    loads_ps = moved.load_ps + (commands * plan.steps if moved.read_bytes else 0)
    stores_ps = moved.store_ps + (commands * plan.spatial_tiles * plan.channel_tiles if moved.write_bytes else 0)
    runs = _equal_tiles(plan.steps, loads_ps, compute_ps, stores_ps)
    prologue_ps = moved.prologue_ps + (commands if moved.prologue_ps else 0)
    duration = duration_ps(runs, prologue_ps)
    return KernelTime(
        duration_ps=worker.launch_ps + duration,
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=loads_ps + stores_ps + prologue_ps,
        weights_bytes=moved.weight_bytes,
        activation_read_bytes=moved.read_bytes - moved.spill_bytes,
        activation_write_bytes=moved.write_bytes,
        spill_bytes=moved.spill_bytes,
        plan=plan,
        runs=runs,
        prologue_ps=prologue_ps,
    )


def _equal_tiles(steps: int, load_ps: int, compute_ps: int, store_ps: int) -> tuple[TileRun, ...]:
    """Share totals out over equal tiles; the last one carries the remainders, so that sums stay exact."""
    load, compute_, store = load_ps // steps, compute_ps // steps, store_ps // steps
    rest = steps - 1
    last = TileRun(1, load_ps - rest * load, compute_ps - rest * compute_, store_ps - rest * store)
    return (TileRun(rest, load, compute_, store), last) if rest else (last,)


def _compute_cycles(meta: MetaNode, nest: LoopNest | None, worker: Worker, plan: TilePlan) -> float:
    """Cycles of all tiles; a tile that fills the engine's widths badly pays for it, edge tiles by their size."""
    if nest is None or not plan.rows or meta.kind in worker.element_cycles:
        return compute.kernel_cycles(meta, nest, worker)
    macs = 0.0
    for count, positions in _spatial_tiles(nest, plan):
        for channel_count, channels in _channel_tiles(nest, plan):
            each = compute.mac_cycles(nest, positions, channels, worker, meta.dtype, meta.kind)
            macs += count * channel_count * each
    lanes = compute.vector_cycles(meta.work, worker, meta.dtype)
    busy = max(macs, lanes) if worker.is_matrix else macs + lanes
    return max(busy, compute.port_cycles(meta, worker))


def _spatial_tiles(nest: LoopNest, plan: TilePlan) -> Iterator[tuple[int, int]]:
    """(how many, positions of each): full tiles and the three kinds of edge."""
    full_rows, last_rows = divmod(nest.rows, plan.rows)
    full_columns, last_columns = divmod(nest.columns, plan.columns)
    yield full_rows * full_columns, plan.rows * plan.columns
    if last_columns:
        yield full_rows, plan.rows * last_columns
    if last_rows:
        yield full_columns, last_rows * plan.columns
    if last_rows and last_columns:
        yield 1, last_rows * last_columns


def _channel_tiles(nest: LoopNest, plan: TilePlan) -> Iterator[tuple[float, int]]:
    """(how many, output channels per group of each); a block of groups counts as that share of all groups."""
    channels = nest.groups * nest.out_channels
    if nest.groups > 1:
        yield 1, nest.out_channels
        return
    full, last = divmod(channels, plan.out_channels)
    yield full, plan.out_channels
    if last:
        yield 1, last


@dataclass(frozen=True, slots=True)
class _Movement:
    """DRAM bytes of a plan and the time they occupy the channel, DMA commands not included."""

    load_ps: int
    store_ps: int
    prologue_ps: int
    weight_bytes: int
    read_bytes: int
    write_bytes: int
    spill_bytes: int


def _movement(
    meta: MetaNode, nest: LoopNest | None, machine: Machine, residency: Residency, plan: TilePlan
) -> _Movement:
    """Activations once, plus what overlapping strips and repeated passes read again (spill)."""
    share = residency.dram_share
    load_ps = read_bytes = spill_bytes = 0
    for index, tensor in enumerate(meta.inputs):
        if residency.inputs[index]:
            continue
        once = tensor.size_bytes
        total = once
        if index == 0 and nest is not None and plan.rows:
            halo = tiling.halo_columns(plan, nest)
            total = ceil(once * (nest.in_columns + halo) / nest.in_columns) * plan.input_passes
        load_ps += machine.transfer_ps(total, traffic.read_pattern(tensor, machine), share)
        read_bytes += total
        spill_bytes += total if residency.is_reread[index] else total - once
    store_ps = write_bytes = 0
    for index, tensor in enumerate(meta.outputs):
        if residency.outputs[index]:
            continue
        store_ps += machine.transfer_ps(tensor.size_bytes, traffic.write_pattern(meta, tensor, machine), share)
        write_bytes += tensor.size_bytes
    weight_bytes = meta.weight_bytes * plan.weight_passes
    prologue_bytes = meta.weight_bytes // plan.channel_tiles
    prologue_ps = machine.transfer_ps(prologue_bytes, "sequential", share)
    load_ps += machine.transfer_ps(weight_bytes - prologue_bytes, "sequential", share)
    return _Movement(load_ps, store_ps, prologue_ps, weight_bytes, read_bytes, write_bytes, spill_bytes)


def _cached(
    meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, residency: Residency
) -> KernelTime:
    """Time on a device with a cache: no tiles, arithmetic and traffic overlap, a resident map moves at cache rate."""
    compute_ps = worker.ps(compute.kernel_cycles(meta, nest, worker))
    share = residency.dram_share
    memory_ps = read_bytes = write_bytes = spill_bytes = 0
    for index, tensor in enumerate(meta.inputs):
        if residency.inputs[index]:
            memory_ps += machine.cached_ps(tensor.size_bytes)
        else:
            memory_ps += machine.transfer_ps(tensor.size_bytes, traffic.read_pattern(tensor, machine), share)
            read_bytes += tensor.size_bytes
            spill_bytes += tensor.size_bytes if residency.is_reread[index] else 0
    for index, tensor in enumerate(meta.outputs):
        if residency.outputs[index]:
            memory_ps += machine.cached_ps(tensor.size_bytes)
        else:
            memory_ps += machine.transfer_ps(tensor.size_bytes, traffic.write_pattern(meta, tensor, machine), share)
            write_bytes += tensor.size_bytes
    memory_ps += machine.transfer_ps(meta.weight_bytes, "sequential", share)
    busy = max(compute_ps, memory_ps)
    return KernelTime(
        duration_ps=worker.launch_ps + busy,
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=memory_ps,
        weights_bytes=meta.weight_bytes,
        activation_read_bytes=read_bytes - spill_bytes,
        activation_write_bytes=write_bytes,
        spill_bytes=spill_bytes,
        plan=None,
    )
