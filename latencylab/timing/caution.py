"""What makes a measurement doubtful, said with what to do about it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.measurement import absolute_deviation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.measurement import Host

UNSTABLE_DEVIATION: Final = 0.05  # of the median: beyond it, an error of 10 % cannot be told from noise
FEW_SAMPLES: Final = 20
DRIFT: Final = 0.05  # of the median, last quarter against first
DISTURBED: Final = 1.15  # of the fastest pulse: something else slowed the machine
BUSY_LOAD: Final = 0.5  # runnable processes a core, before the measurement began


def warnings_for(
    samples_ns: Sequence[int],
    host: Host,
    threads: int,
    pulses_ns: Sequence[int] = (),
    *,
    is_interrupted: bool = False,
) -> tuple[str, ...]:
    """Return what a reader should beware of, each with what to do about it; nothing on a quiet machine."""
    checks = (
        _interrupted(samples_ns, is_interrupted),
        _unstable(samples_ns),
        _drifting(samples_ns),
        _restless(pulses_ns),
        _few(samples_ns, is_interrupted),
        _busy(host),
        _scaling(host),
        _crowded(host, threads),
    )
    return tuple(warning for warning in checks if warning)


def _interrupted(samples_ns: Sequence[int], is_interrupted: bool) -> str:
    runs = units.counted(len(samples_ns), "run")
    return f"interrupted after {runs}: only these are kept" if is_interrupted else ""


def _unstable(samples_ns: Sequence[int]) -> str:
    deviation = absolute_deviation(samples_ns) / median(samples_ns)
    if deviation <= UNSTABLE_DEVIATION:
        return ""
    return (
        f"unstable machine: the median absolute deviation is {deviation:.1%} of the median; "
        "close other programs, pin the process to idle cores (taskset -c 0), and measure again"
    )


def _drifting(samples_ns: Sequence[int]) -> str:
    quarter = len(samples_ns) // 4
    if quarter < 5:
        return ""
    change = median(samples_ns[-quarter:]) / median(samples_ns[:quarter]) - 1
    if abs(change) <= DRIFT:
        return ""
    return (
        f"drifting machine: the last runs were {abs(change):.1%} {'slower' if change > 0 else 'faster'} "
        "than the first; let it cool or warm up (--warmups 50), and measure again"
    )


def _restless(pulses_ns: Sequence[int]) -> str:
    change = max(pulses_ns) / min(pulses_ns) - 1 if pulses_ns else 0.0
    if change <= DISTURBED - 1:
        return ""
    return (
        f"restless machine: while this was measured the same work took {change:.0%} longer at one time than "
        "at another; stop what shares the processor, and measure again"
    )


def _few(samples_ns: Sequence[int], is_interrupted: bool) -> str:
    if len(samples_ns) >= FEW_SAMPLES or is_interrupted:
        return ""
    runs = units.counted(len(samples_ns), "run")
    return f"few samples: {runs}, {FEW_SAMPLES} are wanted; raise --runs or --max-seconds"


def _busy(host: Host) -> str:
    if host.load_1min <= BUSY_LOAD * host.logical_cores:
        return ""
    return (
        f"busy machine: load {host.load_1min:.1f} on {units.counted(host.logical_cores, 'core')} before the "
        "measurement began; stop what is running, and measure again"
    )


def _scaling(host: Host) -> str:
    if host.governor in (None, "performance"):
        return ""
    return (
        f"the clock may change while measuring (governor {host.governor!r}); "
        "fix it with `cpupower frequency-set -g performance`"
    )


def _crowded(host: Host, threads: int) -> str:
    if threads <= len(host.affinity) or not host.affinity:
        return ""
    cores = len(host.affinity)
    return f"{threads} threads share {units.counted(cores, 'core')}; measure with --threads {cores}"
