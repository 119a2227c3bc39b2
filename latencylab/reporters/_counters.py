"""What changes in steps while an inference runs: on-chip bytes in use, and the rate at which DRAM moves."""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.result import Estimate, KernelEstimate

# (time in seconds, value from then on); the last value is 0.
Steps = tuple[tuple[float, float], ...]


def scratchpad_bytes(estimate: Estimate) -> Steps:
    """On-chip bytes in use over time: where kernels overlap, those of the one that sees most."""
    kernels = sorted(_running(estimate), key=lambda kernel: kernel.start_s)
    times = sorted({time_s for kernel in kernels for time_s in (kernel.start_s, kernel.end_s)})
    steps: list[tuple[float, float]] = []
    heap: list[tuple[int, float]] = []
    position = 0
    for time_s in times:
        while position < len(kernels) and kernels[position].start_s <= time_s:
            heappush(heap, (-kernels[position].scratchpad_bytes, kernels[position].end_s))
            position += 1
        while heap and heap[0][1] <= time_s:
            heappop(heap)
        _step(steps, time_s, float(-heap[0][0]) if heap else 0.0)
    return tuple(steps)


def dram_bytes_per_s(estimate: Estimate) -> Steps:
    """DRAM traffic over time: each kernel's bytes spread evenly over its latency."""
    changes: dict[float, float] = defaultdict(float)
    active: dict[float, int] = defaultdict(int)
    for kernel in _running(estimate):
        rate = kernel.dram_bytes / kernel.latency_s
        for time_s, sign in ((kernel.start_s, 1), (kernel.end_s, -1)):
            changes[time_s] += sign * rate
            active[time_s] += sign
    steps: list[tuple[float, float]] = []
    rate, running = 0.0, 0
    for time_s in sorted(changes):
        running += active[time_s]
        # Sums of floats leave a crumb where nothing runs.
        rate = rate + changes[time_s] if running else 0.0
        _step(steps, time_s, max(0.0, round(rate)))
    return tuple(steps)


def _running(estimate: Estimate) -> list[KernelEstimate]:
    return [kernel for kernel in estimate.kernels if kernel.latency_s > 0]


def _step(steps: list[tuple[float, float]], time_s: float, value: float) -> None:
    """Append a step unless nothing changes."""
    if not steps or steps[-1][1] != value:
        steps.append((time_s, value))
