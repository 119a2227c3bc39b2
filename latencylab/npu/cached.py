"""The time of a kernel on a device whose memory is behind a cache: no tiles, no scratchpad to plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import loops
from latencylab.cpu import duration
from latencylab.npu import compute, transfers
from latencylab.npu.kernel_time import KernelTime

if TYPE_CHECKING:
    from latencylab.graph import MetaNode
    from latencylab.npu.kernel_time import Residency
    from latencylab.npu.machine import Machine, Worker


def time_kernel(meta: MetaNode, worker: Worker, machine: Machine, residency: Residency) -> KernelTime:
    """Time a kernel: a general-purpose core as its library computes, any other engine by overlap."""
    nest = loops.of(meta)
    moved = transfers.of(meta, machine, residency)
    if worker.core is not None and residency.reuse is not None:
        spent = duration.of(meta, nest, worker, machine, residency.reuse)
        compute_ps, memory_ps, body_ps = spent.compute_ps, spent.memory_ps, spent.body_ps
    else:
        compute_ps = worker.ps(compute.kernel_cycles(meta, nest, worker)) + moved.merge_ps
        # Arithmetic and traffic overlap; a map that stays in the cache moves at its rate.
        memory_ps = moved.all_ps + machine.cached_ps(_kept_bytes(meta, residency))
        body_ps = max(compute_ps, memory_ps)
    return KernelTime(
        duration_ps=worker.launch_ps + body_ps,
        launch_ps=worker.launch_ps,
        compute_ps=compute_ps,
        dma_ps=memory_ps,
        weights_bytes=moved.weight_bytes,
        activation_read_bytes=moved.read_bytes - moved.skip_bytes,
        activation_write_bytes=moved.write_bytes,
        spill_bytes=moved.skip_bytes,
    )


def _kept_bytes(meta: MetaNode, residency: Residency) -> int:
    """Bytes of the boundary activations that stay in the cache between kernels."""
    tensors = (*meta.inputs, *meta.outputs)
    stays = (*residency.inputs, *residency.outputs)
    return sum(t.size_bytes for t, is_kept in zip(tensors, stays, strict=True) if is_kept)
