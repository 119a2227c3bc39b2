"""Which measurements a slow machine disturbed, by the pulse taken around them.

A pulse is the same work each time (`timing/pulse.py`): the fastest one is the machine left alone.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, TypeVar

from latencylab.timing.caution import DISTURBED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from latencylab.measurement import Measurement

Key = TypeVar("Key")


def disturbed(measurements: Mapping[Key, Measurement]) -> tuple[Key, ...]:
    """Return the keys of what was measured while the machine was slow, the slowest first.

    Slow is beside the fastest pulse of all; what has no pulse is taken as it is.
    """
    limit_ns = DISTURBED * _fastest_ns(measurements.values())
    pace_ns = {key: _pace_ns(measurement) for key, measurement in measurements.items()}
    slow = [key for key, pace in pace_ns.items() if pace > limit_ns]
    return tuple(sorted(slow, key=lambda key: -pace_ns[key]))


def _fastest_ns(measurements: Iterable[Measurement]) -> int:
    return min((pulse for m in measurements for pulse in m.pulses_ns), default=0)


def calmer(first: Measurement, second: Measurement) -> Measurement:
    """Return the one during which the machine was less slow."""
    return min(first, second, key=_pace_ns)


def _pace_ns(measurement: Measurement) -> float:
    """Return the middle pulse: one that something passing by slowed says nothing of the time between them."""
    return median(measurement.pulses_ns or (0,))
