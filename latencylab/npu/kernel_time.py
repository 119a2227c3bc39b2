"""How long one kernel takes on its engine, and where its time and its DRAM bytes go.

The fastest tile plan that fits is taken. Equal kernels are timed once per machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from latencylab import loops, tiling
from latencylab.core import duration
from latencylab.errors import TilingError
from latencylab.npu import compute, traffic
from latencylab.npu.pipeline import TileRun, duration_ps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.graph import MetaNode, Tensor
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import Machine, Worker
    from latencylab.tiling import TilePlan

# Plans are tried coarse to fine; beyond this many per kernel the gain is below a part in a hundred.
_ENOUGH_STEPS: Final = 4096


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
    tile: TileRun | None = None
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
    search = _Search(meta, nest, worker, machine, residency)
    for plan in _plans(meta, nest, worker, budget):
        search.consider(plan)
    if search.best is None:
        smallest = tiling.smallest_tile_bytes(meta, nest, _channel_step(worker))
        raise TilingError(meta.name, smallest, budget)
    return search.best


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


class _Search:
    """The fastest of the plans considered; one whose lower bound is no better is not timed."""

    def __init__(
        self, meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, residency: Residency
    ) -> None:
        self.best: KernelTime | None = None
        self._meta, self._nest, self._worker, self._machine = meta, nest, worker, machine
        self._traffic = _Traffic.of(meta, machine, residency)
        self._compute_ps = worker.ps(compute.kernel_cycles(meta, nest, worker))

    def consider(self, plan: TilePlan) -> None:
        """Time a plan if it may be faster than the best so far."""
        traffic_ = self._traffic
        halo = _halo_factor(self._nest, plan)
        load_ps = ceil(traffic_.data_ps * plan.input_passes * halo) + traffic_.extra_ps
        weights_ps = traffic_.weights_ps * plan.weight_passes
        commands = self._machine.dram_latency_ps
        if traffic_.read_bytes:
            load_ps += commands * plan.steps
        store_ps = traffic_.store_ps
        if traffic_.write_bytes:
            store_ps += commands * plan.spatial_tiles * plan.channel_tiles
        bound = self._worker.launch_ps + max(self._compute_ps, load_ps + weights_ps + store_ps)
        if self.best is None or bound < self.best.duration_ps:
            self._time(plan, load_ps, weights_ps, store_ps, halo)

    def _time(self, plan: TilePlan, load_ps: int, weights_ps: int, store_ps: int, halo: float) -> None:
        compute_ps = self._compute_ps
        if self._worker.row_align * self._worker.column_align > 1 and self._nest is not None:
            compute_ps = self._worker.ps(_compute_cycles(self._meta, self._nest, self._worker, plan))
        prologue_ps = weights_ps // (plan.channel_tiles * plan.weight_passes)
        prologue_ps += self._machine.dram_latency_ps if prologue_ps else 0
        later_ps = max(0, weights_ps - prologue_ps)
        tile = _equal_tiles(plan.steps, load_ps + later_ps, compute_ps, store_ps)
        duration = self._worker.launch_ps + duration_ps(tile, prologue_ps)
        if self.best is None or duration < self.best.duration_ps:
            once = self._traffic.data_bytes
            reread = ceil(once * plan.input_passes * halo) - once
            self.best = KernelTime(
                duration_ps=duration,
                launch_ps=self._worker.launch_ps,
                compute_ps=plan.steps * tile.compute_ps,
                dma_ps=plan.steps * (tile.load_ps + tile.store_ps) + prologue_ps,
                weights_bytes=self._traffic.weight_bytes * plan.weight_passes,
                activation_read_bytes=self._traffic.read_bytes - self._traffic.skip_bytes,
                activation_write_bytes=self._traffic.write_bytes,
                spill_bytes=self._traffic.skip_bytes + reread,
                plan=plan,
                tile=tile,
                prologue_ps=prologue_ps,
            )


@dataclass(frozen=True, slots=True)
class _Traffic:
    """DRAM traffic of a kernel that reads everything once: the first input apart, which plans may read again.

    skip_bytes: the part of read_bytes that an earlier kernel has read before.
    """

    data_ps: int
    extra_ps: int
    weights_ps: int
    store_ps: int
    data_bytes: int
    read_bytes: int
    write_bytes: int
    weight_bytes: int
    skip_bytes: int

    @classmethod
    def of(cls, meta: MetaNode, machine: Machine, residency: Residency) -> _Traffic:
        share = residency.dram_share
        reads = [
            (machine.transfer_ps(size, traffic.read_pattern(t, machine), share), size, reread)
            for t, stays, reread in zip(meta.inputs, residency.inputs, residency.is_reread, strict=True)
            for size in (traffic.moved_bytes(meta, t),)
            if not stays
        ]
        is_first_moved = bool(meta.inputs) and not residency.inputs[0]
        writes = [t for t, stays in zip(meta.outputs, residency.outputs, strict=True) if not stays]
        return cls(
            data_ps=reads[0][0] if is_first_moved else 0,
            extra_ps=sum(ps for ps, _, _ in reads[is_first_moved:]),
            weights_ps=machine.transfer_ps(machine.packed_bytes(meta.weight_bytes), "sequential", share),
            store_ps=sum(_store_ps(meta, t, machine, share) for t in writes),
            data_bytes=reads[0][1] if is_first_moved else 0,
            read_bytes=sum(size for _, size, _ in reads),
            write_bytes=sum(t.size_bytes for t in writes),
            weight_bytes=machine.packed_bytes(meta.weight_bytes),
            skip_bytes=sum(size for _, size, reread in reads if reread),
        )


def _store_ps(meta: MetaNode, tensor: Tensor, machine: Machine, share: float) -> int:
    """Time to write an activation; a system cache in front of DRAM absorbs one that fits, whatever its pattern."""
    if machine.scratchpad_bytes and tensor.size_bytes <= machine.cache_bytes:
        return machine.cached_ps(tensor.size_bytes)
    return machine.transfer_ps(tensor.size_bytes, traffic.write_pattern(meta, tensor, machine), share)


def _halo_factor(nest: LoopNest | None, plan: TilePlan) -> float:
    """How much more of the input is read because neighbouring column strips overlap."""
    if nest is None or not plan.rows:
        return 1.0
    return 1 + tiling.halo_columns(plan, nest) / nest.in_columns


def _equal_tiles(steps: int, load_ps: int, compute_ps: int, store_ps: int) -> TileRun:
    """Share totals out over equal tiles, rounded up to a picosecond each."""
    return TileRun(steps, -(-load_ps // steps), -(-compute_ps // steps), -(-store_ps // steps))


def _compute_cycles(meta: MetaNode, nest: LoopNest, worker: Worker, plan: TilePlan) -> float:
    """Cycles of all tiles; a tile that fills the engine's widths badly pays for it, edge tiles by their size."""
    if not plan.rows or meta.kind in worker.element_cycles:
        return compute.kernel_cycles(meta, nest, worker)
    macs = 0.0
    for count, rows, columns in _spatial_tiles(nest, plan):
        for channel_count, channels in _channel_tiles(nest, plan):
            each = compute.mac_cycles(nest, rows, columns, channels, worker, meta.dtype, meta.kind)
            macs += count * channel_count * each
    lanes = compute.vector_cycles(meta.work, worker, meta.dtype)
    busy = max(macs, lanes) if worker.is_matrix else macs + lanes
    return max(busy, compute.port_cycles(meta, worker))


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


def _cached(
    meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, residency: Residency
) -> KernelTime:
    """Time on a device with a cache: no tiles; arithmetic and traffic overlap, a resident map moves at cache rate."""
    moved = _Traffic.of(meta, machine, residency)
    if worker.core is not None:
        return _on_core(meta, nest, worker, machine, moved)
    compute_ps = worker.ps(compute.kernel_cycles(meta, nest, worker))
    kept = sum(t.size_bytes for t, stays in zip(meta.inputs, residency.inputs, strict=True) if stays)
    kept += sum(t.size_bytes for t, stays in zip(meta.outputs, residency.outputs, strict=True) if stays)
    memory_ps = moved.data_ps + moved.extra_ps + moved.weights_ps + moved.store_ps + machine.cached_ps(kept)
    return KernelTime(
        duration_ps=worker.launch_ps + max(compute_ps, memory_ps),
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=memory_ps,
        weights_bytes=moved.weight_bytes,
        activation_read_bytes=moved.read_bytes - moved.skip_bytes,
        activation_write_bytes=moved.write_bytes,
        spill_bytes=moved.skip_bytes,
        plan=None,
    )


def _on_core(
    meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, moved: _Traffic
) -> KernelTime:
    """Time on a general-purpose core: the caches filter the traffic, and a part of the lesser term hides."""
    spent = duration.of(meta, nest, worker, machine)
    return KernelTime(
        duration_ps=worker.launch_ps + spent.body_ps,
        launch_ps=worker.launch_ps,
        compute_ps=spent.compute_ps,
        dma_ps=spent.memory_ps,
        weights_bytes=moved.weight_bytes,
        activation_read_bytes=moved.read_bytes - moved.skip_bytes,
        activation_write_bytes=moved.write_bytes,
        spill_bytes=moved.skip_bytes,
        plan=None,
    )
