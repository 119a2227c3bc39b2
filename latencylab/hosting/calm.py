"""Which measurements a slow machine disturbed, by the pulse taken around them.

A pulse is the same work each time (`timing/pulse.py`): the fastest one is the machine left alone.
"""

from __future__ import annotations

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
    slow = [key for key, m in measurements.items() if m.pulses_ns and max(m.pulses_ns) > limit_ns]
    return tuple(sorted(slow, key=lambda key: -max(measurements[key].pulses_ns)))


def _fastest_ns(measurements: Iterable[Measurement]) -> int:
    return min((pulse for m in measurements for pulse in m.pulses_ns), default=0)


def calmer(first: Measurement, second: Measurement) -> Measurement:
    """Return the one during which the machine was less slow."""
    return min(first, second, key=lambda m: max(m.pulses_ns, default=0))
