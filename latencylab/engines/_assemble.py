"""From placed kernels to the Schedule that is saved: picoseconds become seconds here, and nowhere before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab.npu import schedule
from latencylab.npu.kernel_time import KernelTime
from latencylab.result import Bound, EngineUse, KernelEstimate, Schedule
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.device import DeviceProfile
    from latencylab.lowering import Kernel, Program
    from latencylab.npu.machine import Machine
    from latencylab.npu.schedule import Placement


# What a view or a free operator takes.
_NOTHING: Final = KernelTime(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ScratchpadUse:
    """used_bytes: on chip while each kernel runs. at_peak: tensors kept there when it is fullest."""

    used_bytes: tuple[int, ...]
    at_peak: tuple[str, ...]


def assemble(
    program: Program,
    profile: DeviceProfile,
    machine: Machine,
    times: Sequence[KernelTime | None],
    scratchpad: ScratchpadUse | None = None,
) -> Schedule:
    """Place the timed kernels (None: a view or a free operator) and account for every engine's time.

    scratchpad: None where the engine model does not allocate one.
    """
    durations = [time.duration_ps if time else 0 for time in times]
    placements = schedule.place(program, machine, durations)
    end_ps = max((placement.end_ps for placement in placements), default=machine.inference_ps)
    used_bytes = scratchpad.used_bytes if scratchpad else (0,) * len(times)
    rows = zip(program.kernels, times, placements, used_bytes, strict=True)
    return Schedule(
        kernels=tuple(_estimate(*row, program, profile, machine) for row in rows),
        engines=_engine_use(program, machine, times, end_ps, profile.deployment_dtype),
        latency_s=end_ps / PS_PER_S,
        peak_scratchpad_bytes=max(used_bytes, default=0) if scratchpad else None,
        scratchpad_at_peak=scratchpad.at_peak if scratchpad else (),
        critical_path=schedule.critical_path(placements),
    )


def _engine_use(
    program: Program, machine: Machine, times: Sequence[KernelTime | None], end_ps: int, dtype: str
) -> tuple[EngineUse, ...]:
    busy = dict.fromkeys(machine.workers, 0)
    stall = dict.fromkeys(machine.workers, 0)
    for kernel, time in zip(program.kernels, times, strict=True):
        if time is not None:
            busy[kernel.engine] += time.launch_ps + time.compute_ps
            stall[kernel.engine] += time.stall_ps
    return tuple(
        EngineUse(
            name,
            busy[name] / PS_PER_S,
            stall[name] / PS_PER_S,
            (end_ps - busy[name] - stall[name]) / PS_PER_S,
            worker.macs_per_cycle(dtype) * worker.count * worker.clock_hz,
        )
        for name, worker in machine.workers.items()
    )


def _estimate(
    kernel: Kernel,
    time: KernelTime | None,
    placement: Placement,
    scratchpad_bytes: int,
    program: Program,
    profile: DeviceProfile,
    machine: Machine,
) -> KernelEstimate:
    meta, spent = kernel.meta, time or _NOTHING
    nodes = () if kernel.is_layout else tuple([node.name for node in meta.nodes])
    return KernelEstimate(
        name=meta.name,
        kind=meta.kind,
        op_types=meta.op_types if not kernel.is_layout else (),
        nodes=nodes,
        engine=kernel.engine,
        dtype=meta.dtype,
        reason=kernel.reason,
        start_s=placement.start_ps / PS_PER_S,
        latency_s=spent.duration_ps / PS_PER_S,
        compute_s=spent.compute_ps / PS_PER_S,
        memory_s=spent.dma_ps / PS_PER_S,
        overhead_s=spent.launch_ps / PS_PER_S,
        bound=_bound(kernel, time) if time else Bound.OVERHEAD,
        utilization=_utilization(kernel, time, machine) if time else 0.0,
        stall_s=spent.stall_ps / PS_PER_S,
        handover_s=placement.handover_ps / PS_PER_S,
        work=meta.work,
        read_bytes=meta.read_bytes,
        write_bytes=meta.write_bytes,
        weight_bytes=meta.weight_bytes,
        dram_read_bytes=spent.dram_read_bytes,
        dram_write_bytes=spent.activation_write_bytes,
        dram_bytes_by_cause=_causes(kernel, spent),
        is_priced=meta.is_priced,
        is_layout=kernel.is_layout,
        depends_on=kernel.depends_on,
        input_shapes=tuple([tensor.shape for tensor in meta.inputs]),
        output_shapes=tuple([tensor.shape for tensor in meta.outputs]),
        fused_by=_fused_by(meta.name, nodes, program),
        tile_plan=str(spent.plan) if spent.plan else "",
        scratchpad_bytes=scratchpad_bytes if time else 0,
        assumed_share=_assumed_share(kernel, time, profile) if time else 0.0,
    )


def _fused_by(name: str, nodes: tuple[str, ...], program: Program) -> tuple[str, ...]:
    """Tell the fusion steps that made a kernel: written under its own name or a node's of the file."""
    if not program.fused_by:
        return ()
    names = dict.fromkeys((name, *nodes))
    return tuple([step for name in names for step in program.fused_by.get(name, ())])


def _bound(kernel: Kernel, time: KernelTime) -> Bound:
    """Name the largest term of a kernel's time."""
    if kernel.is_layout:
        return Bound.LAYOUT
    if kernel.is_fallback:
        return Bound.HOST
    if time.launch_ps >= max(time.compute_ps, time.dma_ps):
        return Bound.OVERHEAD
    return Bound.COMPUTE if time.compute_ps >= time.dma_ps else Bound.MEMORY


def _utilization(kernel: Kernel, time: KernelTime, machine: Machine) -> float:
    """Useful work against the engine's peak while the kernel runs: MACs where it has any, else bytes."""
    worker = machine.workers[kernel.engine]
    peak = worker.macs_per_cycle(kernel.meta.dtype) * worker.count * worker.clock_hz / PS_PER_S
    if kernel.meta.work.macs and peak:
        return min(1.0, kernel.meta.work.macs / (peak * time.duration_ps))
    rate = machine.dram_peak_bytes_per_s / PS_PER_S
    return min(1.0, kernel.meta.boundary_bytes / (rate * time.duration_ps))


def _causes(kernel: Kernel, time: KernelTime) -> dict[str, int]:
    """DRAM bytes of a kernel by why they move."""
    activations = time.activation_read_bytes + time.activation_write_bytes
    causes = {"weights": time.weights_bytes, "spill": time.spill_bytes}
    causes["layout" if kernel.is_layout else "activations"] = activations
    return {cause: size for cause, size in causes.items() if size}


def _assumed_share(kernel: Kernel, time: KernelTime, profile: DeviceProfile) -> float:
    """Part of a kernel's time whose deciding rate nobody knows."""
    engine = profile.engines[kernel.engine]
    share = 0.0
    if engine.launch_s.provenance == "assumed":
        share += time.launch_ps
    term = time.compute_ps >= time.dma_ps
    deciding = (
        engine.deciding_rate(kernel.meta.kind, kernel.meta.dtype) if term else profile.memory.dram.efficiency
    )
    if deciding is not None and deciding.provenance == "assumed":
        share += time.duration_ps - time.launch_ps
    return share / time.duration_ps if time.duration_ps else 0.0
