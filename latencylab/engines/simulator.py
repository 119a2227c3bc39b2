"""The simulator: tiles through double buffers, tensors in a scratchpad, engines in queues, shared DRAM.

Integer picoseconds throughout; the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from latencylab.cpu.reuse import History
from latencylab.engines import _assemble
from latencylab.engines._assemble import ScratchpadUse
from latencylab.npu import cached, machine, memory, schedule, transfers
from latencylab.npu.kernel_time import Residency
from latencylab.npu.tiled import TiledKernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.cpu.reuse import Reuse
    from latencylab.device import DeviceProfile
    from latencylab.lowering import Kernel, Program
    from latencylab.npu.kernel_time import KernelTime
    from latencylab.npu.machine import Machine
    from latencylab.npu.memory import Allocation
    from latencylab.result import Schedule


@dataclass(frozen=True, slots=True)
class Simulation:
    """Everything the simulator found out, for the schedule and for the trace."""

    program: Program
    machine: Machine
    allocation: Allocation
    times: tuple[KernelTime | None, ...]


def run(program: Program, profile: DeviceProfile) -> Schedule:
    """Simulate a program on a device. Raises TilingError for a kernel whose smallest tile does not fit."""
    simulation = simulate(program, profile)
    use = _scratchpad_use(simulation) if simulation.machine.scratchpad_bytes else None
    return _assemble.assemble(program, profile, simulation.machine, simulation.times, use)


def simulate(program: Program, profile: DeviceProfile) -> Simulation:
    """Time every kernel under the allocation of on-chip memory that makes the inference fastest."""
    device = machine.of(profile)
    timer = _Timer(program, device)
    capacity = memory.capacity_bytes(device)
    found = memory.allocations(program, capacity, strips=device.strip_fusion)
    simulations = [Simulation(program, device, allocation, timer.times(allocation)) for allocation in found]
    return min(simulations, key=_end_ps) if len(simulations) > 1 else simulations[0]


def _end_ps(simulation: Simulation) -> int:
    durations = [time.duration_ps if time else 0 for time in simulation.times]
    placed = schedule.place(simulation.program, simulation.machine, durations)
    return max((placement.end_ps for placement in placed), default=0)


def _scratchpad_use(simulation: Simulation) -> ScratchpadUse:
    """What is kept between kernels and the tiles in flight, kernel by kernel."""
    tiles = [time.plan.scratchpad_bytes if time and time.plan else 0 for time in simulation.times]
    used = tuple(live + tile for live, tile in zip(simulation.allocation.live_bytes, tiles, strict=True))
    peak = max(range(len(used)), key=used.__getitem__) if used else 0
    return ScratchpadUse(used, simulation.allocation.occupants(peak))


class _Timer:
    """Times the kernels of a program under one allocation after another; equal kernels are timed once."""

    def __init__(self, program: Program, device: Machine) -> None:
        self._program, self._device = program, device
        self._rereads = memory.rereads(program)
        self._signatures = [_signature(kernel) if kernel.runs else None for kernel in program.kernels]
        self._reuse = _reuse(program, device)
        self._timed: dict[object, KernelTime] = {}
        self._tiled: dict[object, TiledKernel] = {}

    def times(self, allocation: Allocation) -> tuple[KernelTime | None, ...]:
        """Time of every kernel; views and free operators have none."""
        kernels, resident = self._program.kernels, allocation.resident
        streamed = [self._streamed_bytes(kernel, resident) for kernel in kernels]
        shares = schedule.dram_shares(self._program, self._device, streamed)
        return tuple(
            self._time(index, resident, shares[index]) if kernel.runs else None
            for index, kernel in enumerate(kernels)
        )

    def _streamed_bytes(self, kernel: Kernel, resident: frozenset[str]) -> int:
        """What a kernel takes of the DRAM channel."""
        meta, names = kernel.meta, self._program.storage
        read = [t for t in meta.inputs if names.get(t.name, t.name) not in resident]
        written = [t for t in meta.outputs if names.get(t.name, t.name) not in resident]
        return transfers.streamed_bytes(meta, read, written, self._device)

    def _time(self, index: int, resident: frozenset[str], share: float) -> KernelTime:
        kernel = self._program.kernels[index]
        residency = _residency(self._program, kernel, resident, self._rereads[index], share)
        residency = replace(residency, reuse=self._reuse.get(index))
        key = (self._signatures[index], residency)
        if key not in self._timed:
            self._timed[key] = self._time_anew(kernel, self._signatures[index], residency)
        return self._timed[key]

    def _time_anew(self, kernel: Kernel, signature: object, residency: Residency) -> KernelTime:
        device, worker = self._device, self._device.workers[kernel.engine]
        if not device.scratchpad_bytes:
            return cached.time_kernel(kernel.meta, worker, device, residency)
        if signature not in self._tiled:
            budget_bytes = memory.tile_budget_bytes(device)
            self._tiled[signature] = TiledKernel.of(kernel.meta, worker, device, budget_bytes)
        return self._tiled[signature].time(residency)


def _reuse(program: Program, device: Machine) -> Mapping[int, Reuse]:
    """What each kernel finds in the caches of a device that has a general-purpose core."""
    worker = next((w for w in device.workers.values() if w.core is not None), None)
    if worker is None or worker.core is None:
        return {}
    return History(program, worker).on(worker.core, device)


def _residency(
    program: Program, kernel: Kernel, resident: frozenset[str], rereads: tuple[bool, ...], share: float
) -> Residency:
    storage = program.storage
    return Residency(
        inputs=tuple(storage.get(t.name, t.name) in resident for t in kernel.meta.inputs),
        outputs=tuple(storage.get(t.name, t.name) in resident for t in kernel.meta.outputs),
        is_reread=rereads,
        dram_share=share,
    )


def _signature(kernel: Kernel) -> object:
    """What a kernel's time depends on besides where its maps lie."""
    meta = kernel.meta
    shapes = tuple((t.shape, t.dtype) for t in (*meta.inputs, *meta.outputs))
    weights = tuple((t.shape, t.dtype) for t in meta.weights)
    attributes = tuple(
        sorted((k, v) for k, v in meta.node.attributes.items() if isinstance(v, int | str | tuple))
    )
    steps = (meta.node.op_type, *(step.op_type for step in meta.node.epilogue))
    return (
        kernel.engine,
        meta.kind,
        meta.dtype,
        len(meta.inputs),
        shapes,
        weights,
        attributes,
        steps,
        meta.work,
    )
