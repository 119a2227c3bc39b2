"""The roofline: every engine and memory at its peak, perfect overlap. A lower bound, at once.

Nothing is padded, no buffer is filled, and a map that could stay on chip is not charged to DRAM. Launch
costs, hand-overs and the order of the queues are those of the simulator, so this is never slower than it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import loops
from latencylab.engines import _assemble
from latencylab.npu import compute, machine, memory, traffic
from latencylab.npu.kernel_time import KernelTime
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode
    from latencylab.lowering import Kernel, Program
    from latencylab.npu.machine import Machine, Worker
    from latencylab.result import Schedule


def run(program: Program, profile: DeviceProfile) -> Schedule:
    """Estimate a program: launch + max(compute, compulsory bytes) for each kernel, queues in order."""
    device = machine.of(profile)
    on_chip = _may_stay(program, device)
    times = [_time(kernel, device, on_chip) if kernel.runs else None for kernel in program.kernels]
    return _assemble.assemble(program, profile, device, times, None)


def _may_stay(program: Program, device: Machine) -> frozenset[str]:
    """Intermediate tensors that on-chip memory could hold if it held nothing else."""
    capacity = memory.capacity_bytes(device)
    return frozenset(
        life.tensor.name
        for life in memory.lifetimes(program, strips=device.strip_fusion)
        if life.size_bytes <= capacity
    )


def _time(kernel: Kernel, device: Machine, on_chip: frozenset[str]) -> KernelTime:
    meta, worker = kernel.meta, device.workers[kernel.engine]
    compute_ps = int(_peak_cycles(meta, worker) * PS_PER_S / worker.clock_hz)
    reads = sum(traffic.moved_bytes(meta, t) for t in meta.inputs if t.name not in on_chip)
    writes = sum(t.size_bytes for t in meta.outputs if t.name not in on_chip)
    weights = device.packed_bytes(meta.weight_bytes)
    memory_ps = int((reads + writes + weights) * PS_PER_S / device.dram_peak_bytes_per_s)
    return KernelTime(
        duration_ps=worker.launch_ps + max(compute_ps, memory_ps),
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=memory_ps,
        weights_bytes=weights,
        activation_read_bytes=reads,
        activation_write_bytes=writes,
        spill_bytes=0,
        plan=None,
    )


def _peak_cycles(meta: MetaNode, worker: Worker) -> float:
    """Cycles with every unit busy and nothing padded; a measured rate is taken as it is."""
    override = worker.element_rate(meta)
    if override is not None:
        return override * compute.written_elements(meta)
    rate = worker.macs_per_cycle(meta.dtype) * worker.count
    lanes = compute.vector_cycles(meta.work, worker, meta.dtype)
    if rate:
        macs = meta.work.macs / rate
    else:
        nest = loops.of(meta)
        macs = (
            compute.vector_macs(nest, nest.positions, nest.out_channels, worker, meta.dtype) if nest else 0.0
        )
    return max(macs, lanes) if worker.is_matrix else macs + lanes
