"""The time of a kernel that streams tiles through a scratchpad: the fastest tile plan that fits is taken."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from latencylab import loops, tiling
from latencylab.errors import TilingError
from latencylab.npu import compute, transfers
from latencylab.npu.kernel_time import KernelTime
from latencylab.npu.pipeline import TileRun, duration_ps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.kernel_time import Residency
    from latencylab.npu.machine import Machine, Worker
    from latencylab.tiling import TilePlan

# Plans are tried coarse to fine; beyond this many steps the gain is below a part in a hundred.
_ENOUGH_STEPS: Final = 4096


def time_kernel(
    meta: MetaNode, worker: Worker, machine: Machine, residency: Residency, budget_bytes: int
) -> KernelTime:
    """Time a kernel with the fastest plan that fits `budget_bytes` of scratchpad.

    Raises TilingError if not even the smallest tile fits.
    """
    nest = loops.of(meta)
    search = PlanSearch(meta, nest, worker, machine, residency)
    for plan in plans(meta, nest, worker, budget_bytes):
        search.consider(plan)
    if search.best is None:
        smallest = tiling.smallest_tile_bytes(meta, nest, _channel_step(worker))
        raise TilingError(meta.name, smallest, budget_bytes)
    return search.best


def plans(meta: MetaNode, nest: LoopNest | None, worker: Worker, budget_bytes: int) -> Iterator[TilePlan]:
    """Plans worth timing: tiles of a loop nest on a matrix engine, plain slices of anything else."""
    if nest is None or not worker.is_matrix or not meta.inputs:
        return _coarse(tiling.slice_plans(meta, budget_bytes))
    return _coarse(tiling.convolution_plans(meta, nest, _channel_step(worker), budget_bytes))


def _coarse(found: Iterable[TilePlan]) -> Iterator[TilePlan]:
    """Drop plans far finer than needed, but never the only one."""
    is_any_kept = False
    coarsest_dropped: TilePlan | None = None
    for plan in found:
        if plan.steps <= _ENOUGH_STEPS:
            is_any_kept = True
            yield plan
        elif coarsest_dropped is None or plan.steps < coarsest_dropped.steps:
            coarsest_dropped = plan
    if not is_any_kept and coarsest_dropped is not None:
        yield coarsest_dropped


def _channel_step(worker: Worker) -> int:
    return worker.count if worker.by_output_channels else worker.out_align


class PlanSearch:
    """The fastest of the plans considered; one whose lower bound is no better is not timed."""

    def __init__(
        self, meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, residency: Residency
    ) -> None:
        self.best: KernelTime | None = None
        self._nest, self._worker, self._machine = nest, worker, machine
        self._moved = transfers.of(meta, machine, residency)
        self._cycles = compute.Cycles(meta, nest, worker)
        self._whole_ps = worker.ps(self._cycles.untiled) + self._moved.merge_ps

    def consider(self, plan: TilePlan) -> None:
        """Time a plan if it may be faster than the best so far."""
        moved, command_ps = self._moved, self._machine.dram_latency_ps
        halo = _halo_factor(self._nest, plan)
        load_ps = ceil(moved.data_ps * plan.input_passes * halo) + moved.extra_ps
        if moved.read_bytes:
            load_ps += command_ps * plan.steps
        store_ps = moved.store_ps
        if moved.write_bytes:
            store_ps += command_ps * plan.spatial_tiles * plan.channel_tiles
        weights_ps = moved.weights_ps * plan.weight_passes
        bound_ps = self._worker.launch_ps + max(self._whole_ps, load_ps + weights_ps + store_ps)
        if self.best is None or bound_ps < self.best.duration_ps:
            self._time(plan, load_ps, weights_ps, store_ps, ceil(moved.data_bytes * plan.input_passes * halo))

    def _time(self, plan: TilePlan, load_ps: int, weights_ps: int, store_ps: int, data_bytes: int) -> None:
        prologue_ps = _prologue_ps(plan, weights_ps, self._machine.dram_latency_ps)
        compute_ps = self._worker.ps(self._cycles.tiled(plan)) + self._moved.merge_ps
        tile = _equal_tiles(plan.steps, load_ps + max(0, weights_ps - prologue_ps), compute_ps, store_ps)
        duration = self._worker.launch_ps + duration_ps(tile, prologue_ps)
        if self.best is None or duration < self.best.duration_ps:
            self.best = self._kernel_time(plan, tile, prologue_ps, duration, data_bytes)

    def _kernel_time(
        self, plan: TilePlan, tile: TileRun, prologue_ps: int, duration: int, data_bytes: int
    ) -> KernelTime:
        moved = self._moved
        return KernelTime(
            duration_ps=duration,
            launch_ps=self._worker.launch_ps,
            compute_ps=plan.steps * tile.compute_ps,
            dma_ps=plan.steps * (tile.load_ps + tile.store_ps) + prologue_ps,
            weights_bytes=moved.weight_bytes * plan.weight_passes,
            activation_read_bytes=moved.read_bytes - moved.skip_bytes,
            activation_write_bytes=moved.write_bytes,
            # What is read again counts as spill, whether another kernel or another tile read it first.
            spill_bytes=moved.skip_bytes + data_bytes - moved.data_bytes,
            plan=plan,
            tile=tile,
            prologue_ps=prologue_ps,
        )


def _prologue_ps(plan: TilePlan, weights_ps: int, command_ps: int) -> int:
    """Time before the first tile may load: the weights of the first channel tile."""
    first_ps = weights_ps // (plan.channel_tiles * plan.weight_passes)
    return first_ps + command_ps if first_ps else 0


def _halo_factor(nest: LoopNest | None, plan: TilePlan) -> float:
    """How much more of the input is read because neighbouring column strips overlap."""
    if nest is None or not plan.rows:
        return 1.0
    return 1 + tiling.halo_columns(plan, nest) / nest.in_columns


def _equal_tiles(steps: int, load_ps: int, compute_ps: int, store_ps: int) -> TileRun:
    """Share totals out over equal tiles, rounded up to a picosecond each."""
    return TileRun(steps, -(-load_ps // steps), -(-compute_ps // steps), -(-store_ps // steps))
