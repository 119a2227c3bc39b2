"""One kernel as another tool timed it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeasuredKernel:
    """A line of a profile.

    index: position in the order of execution, as the tool numbers it. op_type: in the tool's own words.
    engine: what ran it; "" where the tool does not say. time_s: of one inference, as printed.
    floor_s: the part of time_s that the profiler itself costs. None stands for what a tool does not count.
    """

    index: int
    name: str
    op_type: str
    engine: str
    time_s: float
    floor_s: float = 0.0
    cycles: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None

    @property
    def net_s(self) -> float:
        """Time without the profiler's floor, never negative."""
        return max(self.time_s - self.floor_s, 0.0)
