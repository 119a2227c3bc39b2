"""The time of a kernel that streams tiles through a scratchpad: the fastest tile plan that fits is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latencylab import loops, tiling
from latencylab.errors import TilingError
from latencylab.npu import compute, transfers
from latencylab.npu.kernel_time import KernelTime
from latencylab.npu.pipeline import TileRun, durations_ps
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from latencylab.graph import MetaNode
    from latencylab.npu.kernel_time import Residency
    from latencylab.npu.machine import Machine, Worker
    from latencylab.npu.transfers import Transfers
    from latencylab.tiling import Numbers, Plans


@dataclass(frozen=True, slots=True)
class TiledKernel:
    """A kernel on an engine with its tile plans, timed for one residency after another.

    compute_ps: of all tiles of each plan. halo: how much more of the input each plan reads because
    neighbouring column strips overlap.
    """

    meta: MetaNode
    worker: Worker
    machine: Machine
    plans: Plans
    compute_ps: Numbers
    halo: Numbers

    @classmethod
    def of(cls, meta: MetaNode, worker: Worker, machine: Machine, budget_bytes: int) -> TiledKernel:
        """With every plan that fits `budget_bytes` of scratchpad. Raises TilingError if none does."""
        nest = loops.of(meta)
        # Tiles of a loop nest on a matrix engine, plain slices of anything else.
        tiled_nest = nest if worker.is_matrix and meta.inputs else None
        every = tiling.convolution_plans(meta, tiled_nest) if tiled_nest else tiling.slice_plans(meta)
        plans = every.within(budget_bytes)
        if not len(plans):
            raise TilingError(meta.name, int(every.scratchpad_bytes.min()), budget_bytes)
        return cls.with_plans(meta, worker, machine, plans)

    @classmethod
    def with_plans(cls, meta: MetaNode, worker: Worker, machine: Machine, plans: Plans) -> TiledKernel:
        """With these plans alone."""
        nest, whole = loops.of(meta), np.ones(len(plans))
        if nest is None or not plans.rows.any():
            cycles, halo = compute.kernel_cycles(meta, nest, worker) * whole, whole
        else:
            cycles = compute.tiled_cycles(meta, nest, worker, plans)
            halo = 1 + tiling.halo_columns(plans, nest) / nest.in_columns
        return cls(meta, worker, machine, plans, np.ceil(cycles * PS_PER_S / worker.clock_hz), halo)

    def time(self, residency: Residency) -> KernelTime:
        """Time under the fastest plan; the coarsest of several."""
        moved = transfers.of(self.meta, self.machine, residency)
        steps = self.plans.steps
        prologue_ps, weights_ps = self._weights_ps(moved)
        compute_ps = self.compute_ps + moved.merge_ps
        totals_ps = (self._load_ps(moved) + weights_ps, compute_ps, self._store_ps(moved))
        load_ps, compute_ps, store_ps = (np.ceil(total / steps) for total in totals_ps)
        durations = durations_ps(steps, load_ps, compute_ps, store_ps, prologue_ps)
        best = int(durations.argmin())
        run = TileRun(*(int(column[best]) for column in (steps, load_ps, compute_ps, store_ps)))
        return self._kernel_time(best, run, int(prologue_ps[best]), int(durations[best]), moved)

    def _load_ps(self, moved: Transfers) -> Numbers:
        """Loads of activations: a command for every step."""
        command_ps = self.machine.dram_latency_ps if moved.read_bytes else 0
        return self._data(moved.data_ps) + moved.extra_ps + command_ps * self.plans.steps

    def _data(self, once: int) -> Numbers:
        """Of the first input, which some plans read several times."""
        return np.ceil(once * self.plans.input_passes * self.halo)

    def _store_ps(self, moved: Transfers) -> Numbers:
        command_ps = self.machine.dram_latency_ps if moved.write_bytes else 0
        return moved.store_ps + command_ps * self.plans.spatial_tiles * self.plans.channel_tiles

    def _weights_ps(self, moved: Transfers) -> tuple[Numbers, Numbers]:
        """Loads of weights, a command each: of the first channel tile, before all else; of the others."""
        loads = self.plans.channel_tiles * self.plans.weight_passes
        one_ps = np.floor(moved.weights_ps / self.plans.channel_tiles)
        command_ps = np.where(one_ps > 0, self.machine.dram_latency_ps, 0)
        every_ps = moved.weights_ps * self.plans.weight_passes + command_ps * loads
        return one_ps + command_ps, every_ps - one_ps - command_ps

    def _kernel_time(
        self, index: int, run: TileRun, prologue_ps: int, duration_ps: int, moved: Transfers
    ) -> KernelTime:
        plan, launch_ps = self.plans.plan(index), self.worker.launch_ps
        again_bytes = int(self._data(moved.data_bytes)[index]) - moved.data_bytes
        return KernelTime(
            duration_ps=launch_ps + duration_ps,
            launch_ps=launch_ps,
            compute_ps=run.count * run.compute_ps,
            dma_ps=run.count * (run.load_ps + run.store_ps) + prologue_ps,
            weights_bytes=moved.weight_bytes * plan.weight_passes,
            activation_read_bytes=moved.read_bytes - moved.skip_bytes,
            activation_write_bytes=moved.write_bytes,
            # What is read again counts as spill, whether another kernel or another tile read it first.
            spill_bytes=moved.skip_bytes + again_bytes,
            plan=plan,
            tile=run,
            prologue_ps=prologue_ps,
        )
