"""How fast the machine is just now: a fixed piece of work, timed around what is measured.

A neighbour on the same physical core, a warm chip, another virtual machine: they slow everything for seconds
or minutes, and no sample says so, for all samples of a measurement slow alike. The same work, timed before
and after, does: beside the fastest it ever was on this machine, it tells which measurements were disturbed.

A beat is vector arithmetic in the core's own caches, then a copy that the shared cache and DRAM carry: about
half of the time each, because a neighbour may slow either alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from latencylab.timing.clock import Clock

    Array = NDArray[np.float32]

_BEATS: Final = 9
_NUMBERS: Final = 1 << 14
_PASSES: Final = 200
_COPIED_BYTES: Final = 16 * 2**20


def pulse_ns(clock: Clock) -> int:
    """Return the fastest of some beats, in nanoseconds by the clock; all take about thirty milliseconds."""
    numbers = np.linspace(-1.0, 1.0, _NUMBERS, dtype=np.float32)
    copied = np.ones(_COPIED_BYTES // numbers.itemsize, dtype=np.float32)
    results = np.empty_like(numbers), np.ones_like(copied)
    return min(_beat_ns(numbers, copied, results, clock) for _ in range(_BEATS))


def _beat_ns(numbers: Array, copied: Array, results: tuple[Array, Array], clock: Clock) -> int:
    start_ns = clock()
    for _ in range(_PASSES):
        np.exp(numbers, out=results[0])
    np.copyto(results[1], copied)
    return clock() - start_ns
