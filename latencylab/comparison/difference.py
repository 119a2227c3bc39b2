"""The difference of two latencies as a sum of named differences, in whole picoseconds: it adds up exactly.

A latency is the sum of its kernels' times, less what ran at the same time as something else, plus the time in
which no kernel ran. All three are counted on each side by themselves, from the kernels' starts and ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from latencylab.comparison.matching import match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.comparison.part import Part

OVERLAP: Final = "overlap of engines"
WAITING: Final = "start-up, hand-over and waiting"

Verb = Literal["appeared", "vanished", "grew", "shrank", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one kernel; at least one of the two exists."""

    base: Part | None
    head: Part | None

    @property
    def difference_ps(self) -> int:
        """What it adds to the sum of the kernels' times."""
        before = self.base.latency_ps if self.base else 0
        return (self.head.latency_ps if self.head else 0) - before

    @property
    def verb(self) -> Verb:
        """Say what happened: a kernel appeared, vanished, grew, shrank, or takes the same time."""
        if self.base is None:
            return "appeared"
        if self.head is None:
            return "vanished"
        return "grew" if self.difference_ps > 0 else "shrank" if self.difference_ps < 0 else "same"

    @property
    def part(self) -> Part:
        """Return the kernel as it is now, or as it last was."""
        part = self.head or self.base
        assert part is not None, "a change has a side"  # noqa: S101 - for the type checker; `match` sees to it
        return part

    @property
    def name(self) -> str:
        """Name the kernel; both names where they differ."""
        if self.base and self.head and self.base.name != self.head.name:
            return f"{self.base.name} → {self.head.name}"
        return self.part.name


@dataclass(frozen=True, slots=True)
class Term:
    """A named difference in time."""

    name: str
    difference_ps: int


@dataclass(frozen=True, slots=True)
class Slack:
    """What the schedule adds to the kernels' times on either side; below zero where they overlap."""

    name: str
    base_ps: int
    head_ps: int

    @property
    def difference_ps(self) -> int:
        """Head less base."""
        return self.head_ps - self.base_ps


@dataclass(frozen=True, slots=True)
class Difference:
    """Two latencies and what lies between them: `sum(t.difference_ps for t in terms) == difference_ps`.

    Each latency is the sum of its kernels' times and of its side of the schedule.
    """

    base_ps: int
    head_ps: int
    changes: tuple[Change, ...]
    schedule: tuple[Slack, ...]

    @property
    def difference_ps(self) -> int:
        """Head less base."""
        return self.head_ps - self.base_ps

    @property
    def terms(self) -> tuple[Term, ...]:
        """Everything that differs: kernels in order, then what the schedule makes of them."""
        kernels = (Term(f"{change.name} {change.verb}", change.difference_ps) for change in self.changes)
        schedule = (Term(slack.name, slack.difference_ps) for slack in self.schedule)
        return tuple(term for term in (*kernels, *schedule) if term.difference_ps)

    def worst(self, count: int = 3) -> tuple[Change, ...]:
        """Return the kernels that added most time, the worst first; fewer than `count` if fewer did."""
        slower = [change for change in self.changes if change.difference_ps > 0]
        return tuple(sorted(slower, key=lambda change: -change.difference_ps)[:count])


def explain(base: Sequence[Part], base_ps: int, head: Sequence[Part], head_ps: int) -> Difference:
    """Explain the difference of two latencies by their kernels and their schedules."""
    changes = tuple(
        Change(None if b is None else base[b], None if h is None else head[h]) for b, h in match(base, head)
    )
    before, after = _covered_ps(base), _covered_ps(head)
    overlap = Slack(OVERLAP, before - _sum_ps(base), after - _sum_ps(head))
    waiting = Slack(WAITING, base_ps - before, head_ps - after)
    return Difference(base_ps, head_ps, changes, (overlap, waiting))


def _sum_ps(parts: Sequence[Part]) -> int:
    return sum(part.latency_ps for part in parts)


def _covered_ps(parts: Sequence[Part]) -> int:
    """Measure the time in which at least one kernel runs."""
    covered = end = 0
    for start_ps, end_ps in sorted((part.start_ps, part.end_ps) for part in parts):
        covered += max(0, end_ps - max(start_ps, end))
        end = max(end, end_ps)
    return covered
