"""How fast the machine is just now: a fixed piece of work, timed around what is measured.

A neighbour on the same physical core, a warm chip, another virtual machine: they slow everything for seconds
or minutes, and no sample says so, for all samples of a measurement slow alike. The same work, timed before
and after, does: beside the fastest it ever was on this machine, it tells which measurements were disturbed.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from latencylab.timing.clock import Clock

# Vector arithmetic in the core's own caches: a millisecond or so a beat.
_ELEMENTS: Final = 1 << 14
_PASSES: Final = 100
_BEATS: Final = 15


def pulse_ns(clock: Clock) -> int:
    """Return the middle of some beats, in nanoseconds by the clock; takes about twenty milliseconds."""
    numbers = np.linspace(-1.0, 1.0, _ELEMENTS, dtype=np.float32)
    result = np.empty_like(numbers)
    return round(median(_beat_ns(numbers, result, clock) for _ in range(_BEATS)))


def _beat_ns(numbers: np.ndarray, result: np.ndarray, clock: Clock) -> int:
    start_ns = clock()
    for _ in range(_PASSES):
        np.exp(numbers, out=result)
    return clock() - start_ns
