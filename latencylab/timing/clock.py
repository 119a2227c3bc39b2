"""When to stop: runs a model under a clock until there are samples enough.

Clock and model are handed in, so the rules can be tested without waiting for time to pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Clock = Callable[[], int]
    """Returns nanoseconds from any fixed origin and never goes back."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to sample.

    warmups: runs that are timed and set apart: caches fill, the arena grows, pages are touched.
    min_runs, min_time_s: both are reached, unless max_time_s or max_runs comes first.
    """

    warmups: int = 5
    min_runs: int = 20
    min_time_s: float = 2.0
    max_time_s: float = 60.0
    max_runs: int = 2000


@dataclass(frozen=True, slots=True)
class Samples:
    """Durations of single runs, in nanoseconds and in order."""

    warmups_ns: tuple[int, ...]
    samples_ns: tuple[int, ...]
    is_interrupted: bool = False


def sample(
    run: Callable[[], object],
    clock: Clock,
    policy: Policy,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[float], object] = lambda _done: None,
) -> Samples:
    """Time `run` as the policy says; what was sampled before `is_stopped` turned true is kept.

    progress is told the share done, 0..1, after every run.
    """
    warmups: list[int] = []
    while len(warmups) < policy.warmups and not is_stopped():
        warmups.append(_timed(run, clock))
        progress(0.0)
    samples: list[int] = []
    while (done := _share_done(samples, policy)) < 1.0 and not is_stopped():
        progress(done)
        samples.append(_timed(run, clock))
    progress(1.0)
    return Samples(tuple(warmups), tuple(samples), is_interrupted=done < 1.0)


def _timed(run: Callable[[], object], clock: Clock) -> int:
    start_ns = clock()
    run()
    return clock() - start_ns


def _share_done(samples: list[int], policy: Policy) -> float:
    """1.0 when there is enough: both minima are reached, or one maximum."""
    time_s = sum(samples) / 1e9
    wanted = min(_ratio(len(samples), policy.min_runs), _ratio(time_s, policy.min_time_s))
    allowed = max(_ratio(len(samples), policy.max_runs), _ratio(time_s, policy.max_time_s))
    return min(1.0, max(wanted, allowed))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0
