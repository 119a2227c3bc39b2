"""The roofs of the roofline: what each memory and each engine allows, as lines in the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters._kernels import port_bytes

if TYPE_CHECKING:
    from latencylab.result import Estimate

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Roof:
    """A line between points (MACs per byte, MAC/s): level for an engine, slanted for a memory."""

    name: str
    start: Point
    end: Point
    is_level: bool


def roofs(estimate: Estimate) -> tuple[Roof, ...]:
    """Return a slanted roof for each memory and a level one for each engine that multiplies here."""
    used = {kernel.engine for kernel in estimate.kernels if kernel.work.macs}
    engines = [use for use in estimate.engines if use.peak_macs_per_s and use.name in used]
    highest = max((use.peak_macs_per_s for use in engines), default=0.0)
    low, high = _range(estimate, highest)
    slanted = (_slanted(m.name, m.bytes_per_s, low, high, highest) for m in estimate.device.memories)
    level = (_level(use.name, use.peak_macs_per_s, low, high) for use in engines)
    return (*slanted, *level)


def intensities(estimate: Estimate) -> list[float]:
    """MACs per byte of every kernel with MACs: of its DRAM bytes, and of those at its port."""
    return [
        kernel.work.macs / size
        for kernel in estimate.kernels
        if kernel.work.macs and kernel.latency_s > 0
        for size in (kernel.dram_bytes, port_bytes(kernel))
        if size
    ]


def _range(estimate: Estimate, highest: float) -> Point:
    """Intensities to draw: every kernel, and where roofs meet."""
    ridges = [highest / memory.bytes_per_s for memory in estimate.device.memories if highest]
    values = [*intensities(estimate), *ridges] or [1.0]
    return min(values) / 5, max(values) * 2


def _slanted(name: str, bytes_per_s: float, low: float, high: float, highest: float) -> Roof:
    """A memory's roof, up to where it meets the highest engine's."""
    end = min(high, highest / bytes_per_s) if highest else high
    label = printable(f"{name} {units.si(bytes_per_s)}B/s")
    return Roof(label, (low, low * bytes_per_s), (end, end * bytes_per_s), is_level=False)


def _level(name: str, macs_per_s: float, low: float, high: float) -> Roof:
    label = printable(f"{name} {units.si(macs_per_s)}MAC/s")
    return Roof(label, (low, macs_per_s), (high, macs_per_s), is_level=True)
