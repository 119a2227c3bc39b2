"""The roofline: every engine and memory at its peak, perfect overlap. A lower bound, at once.

Nothing is padded, no buffer is filled, and a map that could stay on chip is not charged to DRAM. Launches,
hand-overs and the order of the queues are those of the simulator, so this is never slower than it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import loops
from latencylab.cpu import duration
from latencylab.engines import _assemble
from latencylab.npu import compute, machine, memory, traffic
from latencylab.npu.kernel_time import KernelTime
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode, Tensor
    from latencylab.lowering import Kernel, Program
    from latencylab.npu.machine import CoreNumbers, Machine, Worker
    from latencylab.result import Schedule


def run(program: Program, profile: DeviceProfile) -> Schedule:
    """Estimate a program: launch + max(compute, compulsory bytes) for each kernel, queues in order."""
    device = machine.of(profile)
    on_chip = _may_stay(program, device)
    times = [_time(kernel, program, device, on_chip) if kernel.runs else None for kernel in program.kernels]
    return _assemble.assemble(program, profile, device, times)


def _may_stay(program: Program, device: Machine) -> frozenset[str]:
    """Storages of intermediate maps that on-chip memory could hold if it held nothing else."""
    capacity = memory.capacity_bytes(device)
    lives = memory.lifetimes(program, strips=device.strip_fusion)
    names = (life.tensor.name for life in lives if life.size_bytes <= capacity)
    return frozenset(program.storage.get(name, name) for name in names)


def _time(kernel: Kernel, program: Program, device: Machine, on_chip: frozenset[str]) -> KernelTime:
    meta, worker, storage = kernel.meta, device.workers[kernel.engine], program.storage
    stored = [t for t in meta.outputs if storage.get(t.name, t.name) not in on_chip]
    loaded = [t for t in meta.inputs if storage.get(t.name, t.name) not in on_chip]
    read_bytes = sum(traffic.moved_bytes(meta, t) for t in loaded)
    weights_bytes = device.packed_bytes(meta.weight_bytes)
    if worker.core is None:
        compute_ps = int(_peak_cycles(meta, worker) * PS_PER_S / worker.clock_hz)
        memory_ps = _memory_ps(read_bytes + weights_bytes, stored, device)
    else:
        compute_ps, memory_ps = _core_ps(meta, worker, worker.core, device)
    return KernelTime(
        duration_ps=worker.launch_ps + max(compute_ps, memory_ps),
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=memory_ps,
        weights_bytes=weights_bytes,
        activation_read_bytes=read_bytes,
        activation_write_bytes=sum(t.size_bytes for t in stored),
        spill_bytes=0,
    )


def _memory_ps(read_bytes: int, stored: Iterable[Tensor], device: Machine) -> int:
    """Everything at the peak of DRAM."""
    moved_bytes = read_bytes + sum(tensor.size_bytes for tensor in stored)
    return int(moved_bytes * PS_PER_S / device.dram_peak_bytes_per_s)


def _peak_cycles(meta: MetaNode, worker: Worker) -> float:
    """Cycles with every unit busy and nothing padded; a measured rate is taken as it is."""
    override = worker.element_cycles.get(meta.kind)
    if override is not None:
        return override * compute.written_elements(meta)
    rate = worker.macs_per_cycle(meta.dtype) * worker.count
    nest = None if rate else loops.of(meta)
    macs = meta.work.macs / rate if rate else 0.0
    if nest is not None:
        macs = compute.vector_macs(nest, nest.positions, nest.out_channels, worker, meta.dtype)
    lanes = compute.vector_cycles(meta.work, worker, meta.dtype)
    return max(macs, lanes) if worker.is_matrix else macs + lanes


def _core_ps(meta: MetaNode, worker: Worker, core: CoreNumbers, device: Machine) -> tuple[int, int]:
    """Arithmetic and traffic of a general-purpose core: all MACs at the peak, every cache full of use."""
    speed = worker.speed_of(duration.operator_name(meta, core))
    rate = worker.macs_per_cycle(meta.dtype)
    if meta.work.macs:
        cycles = meta.work.macs / rate if rate else 0.0
    else:
        cycles = duration.cycles(meta, None, worker, core)
    far_bytes = max(0, meta.boundary_bytes - core.near_cache_bytes - device.cache_bytes)
    seconds = far_bytes / device.dram_peak_bytes_per_s
    return int(cycles * PS_PER_S / worker.clock_hz / speed), int(seconds * PS_PER_S / speed)
