"""The simulator: tiles through double buffers, tensors in a scratchpad, engines in queues, shared DRAM.

Integer picoseconds throughout; the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latencylab.engines import _assemble
from latencylab.npu import cached, machine, memory, schedule, tiled
from latencylab.npu.kernel_time import Residency

if TYPE_CHECKING:
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
    tiles = max((t.plan.scratchpad_bytes for t in simulation.times if t and t.plan), default=0)
    peak = simulation.allocation.peak_bytes + tiles if simulation.machine.scratchpad_bytes else None
    live = simulation.allocation.live_bytes if simulation.machine.scratchpad_bytes else ()
    return _assemble.assemble(program, profile, simulation.machine, simulation.times, peak, live)


def simulate(program: Program, profile: DeviceProfile) -> Simulation:
    """Allocate the scratchpad and time every kernel; views and free operators have no time."""
    device = machine.of(profile)
    allocation = memory.allocate(program, memory.capacity_bytes(device), strips=device.strip_fusion)
    moved = [_dram_bytes(program, kernel, allocation) for kernel in program.kernels]
    shares = schedule.dram_shares(program, device, moved)
    rereads = memory.rereads(program)
    timed: dict[object, KernelTime] = {}
    times: list[KernelTime | None] = []
    for index, kernel in enumerate(program.kernels):
        if not kernel.runs:
            times.append(None)
            continue
        residency = _residency(program, kernel, allocation, rereads[index], shares[index])
        signature = _signature(kernel, residency)
        if signature not in timed:
            timed[signature] = _time(kernel, device, residency)
        times.append(timed[signature])
    return Simulation(program, device, allocation, tuple(times))


def _time(kernel: Kernel, device: Machine, residency: Residency) -> KernelTime:
    worker = device.workers[kernel.engine]
    if not device.scratchpad_bytes:
        return cached.time_kernel(kernel.meta, worker, device, residency)
    return tiled.time_kernel(kernel.meta, worker, device, residency, memory.tile_budget_bytes(device))


def _dram_bytes(program: Program, kernel: Kernel, allocation: Allocation) -> int:
    """Bytes of a kernel's boundary that do not stay on chip."""
    names = program.storage
    activations = (*kernel.meta.inputs, *kernel.meta.outputs)
    moving = (t.size_bytes for t in activations if names.get(t.name, t.name) not in allocation.resident)
    return sum(moving) + kernel.meta.weight_bytes


def _residency(
    program: Program, kernel: Kernel, allocation: Allocation, rereads: tuple[bool, ...], share: float
) -> Residency:
    resident = allocation.resident
    storage = program.storage
    return Residency(
        inputs=tuple(storage.get(t.name, t.name) in resident for t in kernel.meta.inputs),
        outputs=tuple(storage.get(t.name, t.name) in resident for t in kernel.meta.outputs),
        is_reread=rereads,
        dram_share=share,
    )


def _signature(kernel: Kernel, residency: Residency) -> object:
    """What a kernel's time depends on: equal kernels are timed once."""
    meta = kernel.meta
    shapes = tuple((t.shape, t.dtype) for t in (*meta.inputs, *meta.outputs))
    weights = tuple((t.shape, t.dtype) for t in meta.weights)
    attributes = tuple(
        sorted((k, v) for k, v in meta.node.attributes.items() if isinstance(v, int | str | tuple))
    )
    steps = (meta.node.op_type, *(step.op_type for step in meta.node.epilogue))
    return (kernel.engine, meta.kind, meta.dtype, shapes, weights, attributes, steps, meta.work, residency)
