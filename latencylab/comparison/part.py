"""Part: what a comparison needs to know of one kernel; small enough to keep in a baseline file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from latencylab.result import Estimate, KernelEstimate


@dataclass(frozen=True, slots=True)
class Part:
    """One kernel, placed in time. shape: of its first output; () where it has none.

    Times are whole picoseconds, so that differences add up exactly; an estimate keeps no finer ones below a
    second.
    """

    name: str
    kind: str
    engine: str
    shape: tuple[int, ...]
    macs: int
    dram_bytes: int
    start_ps: int
    latency_ps: int

    @property
    def end_ps(self) -> int:
        """When it ends, counted from the inference's start."""
        return self.start_ps + self.latency_ps


def picoseconds(value_s: float) -> int:
    """Return seconds as the nearest whole number of picoseconds."""
    # In decimal, as an estimate's times are: a binary product is off by one for thousands of seconds.
    return round(Decimal(repr(value_s)) * PS_PER_S)


def parts(estimate: Estimate) -> tuple[Part, ...]:
    """Return the kernels of an estimate, in program order."""
    return tuple(_part(kernel) for kernel in estimate.kernels)


def _part(kernel: KernelEstimate) -> Part:
    return Part(
        name=kernel.name,
        kind=kernel.kind,
        engine=kernel.engine,
        shape=kernel.output_shapes[0] if kernel.output_shapes else (),
        macs=kernel.work.macs,
        dram_bytes=kernel.dram_bytes,
        start_ps=picoseconds(kernel.start_s),
        latency_ps=picoseconds(kernel.latency_s),
    )
