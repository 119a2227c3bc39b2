"""The device as plain numbers: what a profile's engines and memories amount to, in picoseconds and bytes.

Time is counted in integer picoseconds: a cycle of every clock domain is rounded up once per tile, sums are
exact, and the same input gives the same bytes everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.device import Core, DeviceProfile, Engine, Sourced


@dataclass(frozen=True, slots=True)
class CoreNumbers:
    """What a general-purpose core adds to a worker; see `Core` of the profile's schema."""

    blocked_channels: int
    blocks_at_once: int
    columns_at_once: int
    hidden: float
    stores_in_flight: float
    stored: float
    displaced_bytes_per_s: float
    near_cache_bytes: int
    near_cache_bytes_per_s: float
    efficiency: Mapping[str, float]
    cycles: Mapping[str, float]
    parallel: Mapping[str, float]

    def efficiency_of(self, kernel: str) -> float:
        """Share of the peak MAC rate that a kernel reaches."""
        return _by_name(self.efficiency, kernel, 1.0)


@dataclass(frozen=True, slots=True)
class Worker:
    """One engine: `count` units at one clock. Rates are per cycle and unit unless they say otherwise."""

    name: str
    is_matrix: bool
    count: int
    clock_hz: float
    macs: Mapping[str, float]
    lanes: Mapping[str, float]
    cycles_per_op: tuple[float, float, float, float]
    element_cycles: Mapping[str, float]
    element_align: int
    efficiency: Mapping[str, float]
    in_align: int
    out_align: int
    row_align: int
    column_align: int
    by_output_channels: bool
    tap_align: int
    feed_per_cycle: float
    position_cycles: float
    port_bytes_per_cycle: float
    weight_bytes_per_cycle: float
    launch_ps: int
    handover_ps: int
    dram_share: float
    stream_bytes_per_s: float
    core: CoreNumbers | None = None

    def ps(self, cycles: float) -> int:
        """Cycles of this engine's clock as picoseconds, rounded up."""
        return ceil(cycles * PS_PER_S / self.clock_hz)

    def macs_per_cycle(self, dtype: str) -> float:
        """MACs one unit retires in a cycle on this type; 0 where it has none."""
        return _by_name(self.macs, dtype, 0.0)

    def lanes_for(self, dtype: str) -> float:
        """Vector lanes of one unit for this type; 0 where it has none."""
        return _by_name(self.lanes, dtype, 0.0)

    def efficiency_of(self, op_type: str) -> float:
        """Share of the peak MAC rate an operator reaches."""
        return _by_name(self.efficiency, op_type, 1.0)

    def speed_of(self, op_type: str) -> float:
        """Times as fast as one core all cores of this worker run an operator."""
        if self.core is None or self.count == 1:
            return 1.0
        return _by_name(self.core.parallel, op_type, 1.0)


@dataclass(frozen=True, slots=True)
class Machine:
    """Every worker, the memories between them, and what an inference costs besides its kernels."""

    workers: Mapping[str, Worker]
    dram_bytes_per_s: float
    dram_peak_bytes_per_s: float
    patterns: Mapping[str, float]
    word_bytes: int
    weight_share: float
    dram_latency_ps: int
    scratchpad_bytes: int
    cache_bytes: int
    cache_bytes_per_s: float
    strip_fusion: bool
    inference_ps: int

    def transfer_ps(self, size_bytes: int, pattern: str, share: float = 1.0) -> int:
        """Time a transfer occupies its DRAM channel, rounded up."""
        if not size_bytes:
            return 0
        rate = self.dram_bytes_per_s * self.patterns[pattern] * share
        return ceil(size_bytes * PS_PER_S / rate)

    def packed_bytes(self, weight_bytes: int) -> int:
        """Bytes of weights as they lie in memory."""
        return ceil(weight_bytes * self.weight_share)

    def cached_ps(self, size_bytes: int) -> int:
        """Time a transfer takes that the cache serves, rounded up."""
        return ceil(size_bytes * PS_PER_S / self.cache_bytes_per_s) if self.cache_bytes_per_s else 0


def of(profile: DeviceProfile) -> Machine:
    """Reduce a profile to the numbers the engines read."""
    dram, pad, cache = profile.memory.dram, profile.memory.scratchpad, profile.memory.cache
    patterns = dram.patterns.shares()
    return Machine(
        workers={name: _worker(name, engine) for name, engine in profile.engines.items()},
        dram_bytes_per_s=dram.bytes_per_s,
        dram_peak_bytes_per_s=dram.peak_bytes_per_s.value,
        patterns=patterns,
        word_bytes=dram.word_bytes.value,
        weight_share=dram.weight_share.value,
        dram_latency_ps=round(dram.latency_s.value * PS_PER_S),
        scratchpad_bytes=pad.size_bytes.value if pad else 0,
        cache_bytes=cache.size_bytes.value if cache else 0,
        cache_bytes_per_s=cache.bytes_per_s.value if cache else 0.0,
        strip_fusion=profile.strip_fusion,
        inference_ps=round(profile.overhead.inference_s.value * PS_PER_S),
    )


def _worker(name: str, engine: Engine) -> Worker:
    cycles = engine.cycles_per_op
    per_op = (1.0, 1.0, 1.0, 1.0)
    if cycles is not None:
        per_op = (
            cycles.arithmetic.value,
            cycles.division.value,
            cycles.transcendental.value,
            cycles.move.value,
        )
    return Worker(
        name=name,
        is_matrix=engine.role == "matrix",
        count=engine.count.value,
        clock_hz=engine.clock_hz.value,
        macs=_values(engine.macs_per_cycle),
        lanes=_values(engine.lanes),
        cycles_per_op=per_op,
        element_cycles=_values(engine.element_cycles),
        element_align=engine.element_align.value,
        efficiency=_values(engine.efficiency),
        in_align=engine.input_channel_align.value,
        out_align=engine.output_channel_align.value,
        row_align=engine.row_align.value,
        column_align=engine.column_align.value,
        by_output_channels=engine.split == "output_channels",
        tap_align=engine.tap_align.value,
        position_cycles=_value_or_0(engine.position_cycles),
        feed_per_cycle=_value_or_0(engine.feed_per_cycle),
        port_bytes_per_cycle=_value_or_0(engine.port_bytes_per_cycle),
        weight_bytes_per_cycle=_value_or_0(engine.weight_bytes_per_cycle),
        launch_ps=round(engine.launch_s.value * PS_PER_S),
        handover_ps=round(engine.handover_s.value * PS_PER_S),
        dram_share=engine.dram_share.value if engine.dram_share else 1.0,
        stream_bytes_per_s=_value_or_0(engine.stream_bytes_per_s),
        core=_core(engine.core) if engine.core else None,
    )


def _core(core: Core) -> CoreNumbers:
    return CoreNumbers(
        blocked_channels=core.blocked_channels.value,
        blocks_at_once=core.blocks_at_once.value,
        columns_at_once=core.columns_at_once.value,
        hidden=core.hidden.value,
        stores_in_flight=core.stores_in_flight.value,
        stored=core.stored.value,
        displaced_bytes_per_s=core.displaced_bytes_per_s.value,
        near_cache_bytes=core.near_cache.size_bytes.value,
        near_cache_bytes_per_s=core.near_cache.bytes_per_s.value,
        efficiency=_values(core.efficiency),
        cycles=_values(core.cycles),
        parallel=_values(core.parallel),
    )


def _value_or_0(sourced: Sourced | None) -> float:
    """0 stands for no limit."""
    return sourced.value if sourced else 0.0


def _values(table: Mapping[str, object]) -> dict[str, float]:
    return {key: sourced.value for key, sourced in table.items()}  # type: ignore[attr-defined]


def _by_name(values: Mapping[str, float], name: str, default: float) -> float:
    found = values.get(name)
    return values.get("*", default) if found is None else found
