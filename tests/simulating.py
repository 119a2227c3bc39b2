"""Running graphs on devices without a model file, and hypothesis strategies for devices."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from latencylab import device, fusion, lowering
from latencylab.engines import roofline, simulator

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.lowering import Program
    from latencylab.result import Schedule

PS_PER_S = 10**12
PLACES = tuple(
    (name, runtime) for name in device.names() for runtime in (*device.runtimes(name), None) if name != "host"
)
TILED = tuple((name, runtime) for name, runtime in PLACES if device.load(name, runtime).memory.scratchpad)
# What a device gets more of, by the last words of a parameter's path; the rest of the parameters are costs.
GAINS = ("peak_bytes_per_s", "stream_bytes", "dram.efficiency", "clock_hz", "per_cycle", "lanes", "count")


@cache
def profile(name: str, runtime: str | None = None) -> DeviceProfile:
    """A shipped profile, read once."""
    return device.load(name, runtime)


def program(graph: Graph, where: DeviceProfile, **options: str) -> Program:
    """The graph in the device's own type, fused and placed."""
    declared = fusion.declare_dtype(graph, where.deployment_dtype)
    return lowering.lower(fusion.decompose(declared, where.fusion), where, **options)


def simulated(graph: Graph, where: DeviceProfile) -> Schedule:
    return simulator.run(program(graph, where), where)


def bounded(graph: Graph, where: DeviceProfile) -> Schedule:
    """The roofline."""
    return roofline.run(program(graph, where), where)


def picoseconds(seconds: float) -> int:
    return round(seconds * PS_PER_S)


@st.composite
def profiles(draw: DrawFn, places: tuple[tuple[str, str | None], ...] = PLACES) -> DeviceProfile:
    """A shipped profile with some of its numbers changed by up to four either way, shares kept below 1."""
    chosen = profile(*draw(st.sampled_from(places)))
    stated = chosen.parameters()
    paths = draw(st.lists(st.sampled_from(sorted(stated)), max_size=6, unique=True))
    values = {path: _changed(draw, path, stated[path].value) for path in paths if _may_change(path)}
    if chosen.memory.scratchpad and draw(st.booleans()):
        # Small enough that the small maps of random networks have to be tiled and stored.
        values["memory.scratchpad.size_bytes"] = draw(st.integers(1 << 11, 1 << 14))
    return chosen.with_values(values)


def _may_change(path: str) -> bool:
    """Reservations must add up to at most 1; accuracy decides no latency."""
    return "dram_share" not in path and not path.startswith("accuracy")


def _changed(draw: DrawFn, path: str, value: float) -> float:
    factor = draw(st.sampled_from([0.25, 0.5, 0.8, 1.3, 2.0, 4.0]))
    if isinstance(value, int):
        return max(1, round(value * factor))
    is_share = ".efficiency" in path or "patterns" in path or path.endswith(("weight_share", "hidden"))
    return min(1.0, value * factor) if is_share else value * factor


def gains(where: DeviceProfile) -> tuple[str, ...]:
    """Parameters of which more may never make anything slower, the scratchpad apart."""
    return tuple(path for path in where.parameters() if any(word in path for word in GAINS))
