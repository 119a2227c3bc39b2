"""DeviceProfile: what is known of a device, resolved for one runtime, each number with its provenance.

A profile file is a TOML of these tables; `extends` and `runtimes` (see `overlay`) are merged away before the
tables are built here. Keys carry their unit. Figures that follow from others are properties.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from latencylab.device.contradictions import contradictions
from latencylab.device.faults import Fault, described
from latencylab.device.quantities import (
    STRICT,
    UNCOMPRESSED,
    UNCORRELATED,
    UNSTATED,
    BytesPerSecond,
    Count,
    Hertz,
    LogSpread,
    NonNegative,
    Positive,
    Seconds,
    Share,
    Sourced,
)
from latencylab.device.words import ANY
from latencylab.errors import ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Below this no tile of any convolution fits: a unit mistake (KiB for bytes), not a device.
SMALLEST_SCRATCHPAD_BYTES = 1024

Layout = Literal["nchw", "nhwc"]
Pattern = Literal["sequential", "interleaved", "narrow", "strided"]


def key_of(name: str) -> str:
    """Spell a field as the key of the file: `class` is a reserved word of Python."""
    return "class" if name == "device_class" else name


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a profile: no unknown key, no silent conversion."""

    __pydantic_config__: ClassVar = {**STRICT, "alias_generator": key_of}


@dataclass(frozen=True, kw_only=True)
class DramPatterns(Table):
    """Share of the streamed DRAM rate that an access pattern reaches."""

    sequential: Share
    interleaved: Share
    narrow: Share
    strided: Share

    def shares(self) -> dict[str, float]:
        """Share of the streamed rate by pattern."""
        return {part.name: getattr(self, part.name).value for part in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Dram(Table):
    """Main memory. `efficiency`: share of the peak that a long sequential stream reaches.

    latency_s: what each DMA command costs besides its bytes. weight_share: bytes of weights as the compiler
    packs them, over their plain size. word_bytes: least that is written at once; a copy of a few channels
    into every position moves whole words. 1 where a position is put together before it is written.
    """

    peak_bytes_per_s: BytesPerSecond
    efficiency: Share
    latency_s: Seconds
    patterns: DramPatterns
    word_bytes: Count = UNSTATED
    weight_share: Share = UNCOMPRESSED

    @property
    def bytes_per_s(self) -> float:
        """Streamed rate: what a long sequential copy gets."""
        return self.peak_bytes_per_s.value * self.efficiency.value


@dataclass(frozen=True, kw_only=True)
class Scratchpad(Table):
    """Software-managed memory inside an NPU."""

    size_bytes: Count

    def __post_init__(self) -> None:
        if self.size_bytes.value < SMALLEST_SCRATCHPAD_BYTES:
            found = self.size_bytes.value
            raise ValueError(f"found {found} bytes, expected at least {SMALLEST_SCRATCHPAD_BYTES}")


@dataclass(frozen=True, kw_only=True)
class Cache(Table):
    """Last-level cache of a CPU or GPU."""

    size_bytes: Count
    bytes_per_s: BytesPerSecond


@dataclass(frozen=True, kw_only=True)
class Memory(Table):
    """Every memory of the device."""

    dram: Dram
    scratchpad: Scratchpad | None = None
    cache: Cache | None = None


@dataclass(frozen=True, kw_only=True)
class CyclesPerOp(Table):
    """Cycles that one lane needs for one scalar operation, by class (the classes of `Work`)."""

    arithmetic: Positive
    division: Positive
    transcendental: Positive
    move: Positive


@dataclass(frozen=True, kw_only=True)
class Core(Table):
    """A general-purpose core under a library of kernels that are picked by shape (latencylab/cpu/ says how).

    blocked_channels: float maps are kept in blocks of this many channels between convolutions that can be
    blocked.
    blocks_at_once: output blocks that a blocked convolution computes for each pass over its input.
    columns_at_once: vectors of output channels that an integer product computes for each pass over its rows.
    channels_last: element types whose convolutions read channels last.
    hidden: share of the lesser of arithmetic and traffic that runs behind the greater one in a convolution of
    blocked maps; elsewhere they follow one another.
    stores_in_flight: stores that wait for their lines at a time: the length of the store buffer.
    stored: what a line written to DRAM costs beside one that is read; half of it where it was read before.
    displaced_bytes_per_s: what others that share the last cache displace in it meanwhile.
    near_cache: the cache of the core itself; `memory.cache` is the one behind it.
    efficiency: share of the peak MAC rate, by kernel (latencylab/cpu/duration.py).
    cycles: of one core, for one element (or what latencylab/cpu/duration.py says) of a named piece of work.
    parallel: times as fast as one thread an operator runs on all `count` cores; "*" = any other.
    """

    blocked_channels: Count
    blocks_at_once: Count
    columns_at_once: Count = UNSTATED
    channels_last: tuple[str, ...] = ()
    hidden: Share
    stores_in_flight: Positive
    stored: Positive
    displaced_bytes_per_s: Positive
    near_cache: Cache
    efficiency: dict[str, Share]
    cycles: dict[str, Positive]
    parallel: dict[str, Positive] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Engine(Table):
    """One kind of worker: `count` equal units at one clock.

    macs_per_cycle, lanes: per unit, by element type; "*" stands for every type not named.
    input_channel_align, output_channel_align: channels are padded to a multiple of these, per group.
    row_align, column_align: the block of output positions a unit works on at a time; partial ones cost whole.
    split: what the units share out of one kernel.
    launch_s: start of a kernel. handover_s: a dependency that crosses to this engine from another one.
    dram_share: share of the DRAM rate reserved for this engine's port while others are active.
    stream_bytes_per_s: what this engine's port moves to and from DRAM in a second, however idle DRAM is.
    element_cycles: cycles per output element on the whole engine, by operator, where that was measured.
    element_align: for those, channels are padded to a multiple of this, but for images.
    efficiency: share of the peak MAC rate that an operator reaches ("*" = any other operator).
    tap_align: taps of a window larger than 1x1 are worked on in multiples of this.
    feed_per_cycle: input positions of a channel fed to all units in a cycle; limits kernels of few taps.
    position_cycles: of the whole engine for each output position of a convolution with a window (above 1x1).
    port_bytes_per_cycle: on-chip bytes of activations the whole engine reads, or writes, in a cycle.
    weight_bytes_per_cycle: bytes of weights, before packing, that stream into the whole engine in a cycle.
    strided_by: engine that rearranges the input of a dense convolution of stride above 1 for this one.
    per_channel_by: engine that runs convolutions whose weights have a scale a channel, where this one cannot.
    core: what a general-purpose core adds; an engine that has it is timed by `latencylab.cpu.duration`.
    """

    title: str
    role: Literal["matrix", "vector", "host"]
    count: Count
    clock_hz: Hertz
    macs_per_cycle: dict[str, NonNegative] = field(default_factory=dict)
    input_channel_align: Count = UNSTATED
    output_channel_align: Count = UNSTATED
    row_align: Count = UNSTATED
    column_align: Count = UNSTATED
    split: Literal["output_channels", "pixels"] = "pixels"
    lanes: dict[str, NonNegative] = field(default_factory=dict)
    cycles_per_op: CyclesPerOp | None = None
    launch_s: Seconds
    handover_s: Seconds
    dram_share: Share | None = None
    stream_bytes_per_s: Positive | None = None
    tap_align: Count = UNSTATED
    feed_per_cycle: Positive | None = None
    position_cycles: Positive | None = None
    port_bytes_per_cycle: Positive | None = None
    weight_bytes_per_cycle: Positive | None = None
    strided_by: str | None = None
    per_channel_by: str | None = None
    element_cycles: dict[str, Positive] = field(default_factory=dict)
    element_align: Count = UNSTATED
    efficiency: dict[str, Share] = field(default_factory=dict)
    core: Core | None = None

    def unit_macs_per_cycle(self, dtype: str) -> float:
        """MACs one unit retires in a cycle; 0 where it has no MACs of this type."""
        return _by_name(self.macs_per_cycle, dtype, 0.0)

    def unit_lanes(self, dtype: str) -> float:
        """Vector lanes of one unit; 0 where it has none for this type."""
        return _by_name(self.lanes, dtype, 0.0)

    def deciding_rate(self, op_type: str, dtype: str) -> Sourced | None:
        """Find the stated value that decides how fast this operator computes here."""
        if op_type in self.element_cycles:
            return self.element_cycles[op_type]
        macs = self.macs_per_cycle.get(dtype) or self.macs_per_cycle.get(ANY)
        return macs or self.lanes.get(dtype) or self.lanes.get(ANY)

    def peak_macs_per_s(self, dtype: str) -> float:
        """All units together."""
        return self.unit_macs_per_cycle(dtype) * self.count.value * self.clock_hz.value

    def peak_lane_cycles_per_s(self, dtype: str) -> float:
        """Lane-cycles of all units together; an operation takes `cycles_per_op` of them."""
        return self.unit_lanes(dtype) * self.count.value * self.clock_hz.value

    def computes(self, dtype: str) -> bool:
        """Whether this engine can work on this type at all."""
        return bool(self.unit_macs_per_cycle(dtype) or self.unit_lanes(dtype))


@dataclass(frozen=True, kw_only=True)
class Overhead(Table):
    """What an inference costs before its first and after its last kernel."""

    inference_s: Seconds


@dataclass(frozen=True, kw_only=True)
class Accuracy(Table):
    """How far predictions lie from measurements: the standard deviation of the logarithm of their ratio.

    residual_correlation: what the errors of two networks have in common that spend their time alike.
    """

    sigma_log: LogSpread
    rows: int
    evidence: str
    residual_correlation: Share = UNCORRELATED

    def __post_init__(self) -> None:
        if self.rows < 0:
            raise ValueError(f"found {self.rows} rows, expected at least 0")


@dataclass(frozen=True, kw_only=True)
class Rule(Table):
    """A design rule that the device implies for networks."""

    id: str
    level: Literal["info", "warn", "error"]
    reason: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", self.id):
            raise ValueError(f"found id {self.id!r}, expected lower-case words joined by underscores")


@dataclass(frozen=True, kw_only=True)
class Runtime(Table):
    """The compiler or driver a profile is resolved for."""

    name: str = ""
    title: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviceProfile(Table):
    """A device under one runtime, built by `device.load`; docs/devices.md explains every key."""

    schema_version: int
    name: str
    title: str
    device_class: Literal["npu", "gpu", "cpu"]
    aliases: tuple[str, ...] = ()
    deployment_dtype: str
    native_layout: Layout
    deployment_layout: Layout
    engine: str = "simulator"
    default_runtime: str | None = None
    runtime: Runtime = Runtime()
    fusion: tuple[str, ...]
    views: tuple[str, ...] = ()
    memory: Memory
    engines: dict[str, Engine]
    operators: dict[str, dict[str, str]]
    free_reasons: dict[str, str] = field(default_factory=dict)
    overhead: Overhead
    accuracy: Accuracy
    rules: tuple[Rule, ...] = ()
    # Whether the compiler runs consecutive kernels of an engine strip by strip, keeping only strips on chip.
    strip_fusion: bool = False

    def engine_for(self, op_type: str, dtype: str) -> str:
        """Name of the engine that runs this operator on this type ("free" = declared costless)."""
        for types in (self.operators.get(op_type, {}), self.operators[ANY]):
            name = types.get(dtype) or types.get(ANY)
            if name:
                return name
        raise KeyError(dtype)  # unreachable: validation demands operators."*"."*"

    @property
    def host(self) -> str | None:
        """Name of the CPU that takes what nothing else can; None where the profile has none."""
        return next((name for name, engine in self.engines.items() if engine.role == "host"), None)

    @property
    def core(self) -> Core | None:
        """The core of the first engine that is one; None on accelerators."""
        return next((engine.core for engine in self.engines.values() if engine.core), None)

    @property
    def dram_bytes_per_s(self) -> float:
        """Streamed DRAM rate: peak times efficiency."""
        return self.memory.dram.bytes_per_s

    def peak_macs_per_s(self, dtype: str | None = None) -> float:
        """MAC rate of the fastest engine (default: for the deployment type); 1 MAC = 2 operations."""
        dtype = dtype or self.deployment_dtype
        return max(engine.peak_macs_per_s(dtype) for engine in self.engines.values())

    def ridge_macs_per_byte(self, dtype: str | None = None) -> float:
        """Arithmetic intensity above which the fastest engine, not streamed DRAM, is the limit."""
        return self.peak_macs_per_s(dtype) / self.dram_bytes_per_s

    @cached_property
    def _parameters(self) -> dict[str, Sourced]:
        return dict(_sourced(self, ""))

    def parameters(self) -> Mapping[str, Sourced]:
        """Every sourced value that the profile states, by dotted path: "memory.dram.efficiency"."""
        return self._parameters

    @property
    def assumed_share(self) -> float:
        """Share of the stated values that nobody knows."""
        values = self.parameters().values()
        return sum(v.provenance == "assumed" for v in values) / len(values)

    @cached_property
    def sha256(self) -> str:
        """Hash of the resolved content, independent of key order, comments and file layout."""
        import hashlib

        content = json.dumps(self.tables, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The resolved tables as plain data, keys as in the file; what is not stated is not there."""
        tables: dict[str, Any] = plain(self)
        return tables

    def with_values(self, values: Mapping[str, float | Sourced]) -> DeviceProfile:
        """Copy the profile with other values, by the paths of `parameters()`.

        A bare number is marked assumed and keeps its bounds while it lies within them.
        Raises UnknownNameError for a path the profile does not state, ProfileError for an impossible value.
        """
        profile, faults = self, []
        for path, value in values.items():
            if path not in self.parameters():
                raise UnknownNameError("parameter", path, self.parameters())
            try:
                profile = _with_leaf(profile, path.split("."), self.parameters()[path].revalued(value))
            except ValueError as error:
                faults.append(Fault((path,), str(error)))
        faults += contradictions(profile)
        if faults:
            raise ProfileError("; ".join(described(faults, (), self.name)))
        return profile


def _with_leaf(node: Any, path: list[str], leaf: Sourced) -> Any:
    """Copy nested tables along one path, with another value at its end."""
    if not path:
        return leaf
    key, *rest = path
    if isinstance(node, dict):
        return node | {key: _with_leaf(node[key], rest, leaf)}
    return replace(node, **{key: _with_leaf(getattr(node, key), rest, leaf)})


def _by_name(values: Mapping[str, Sourced], name: str, default: float) -> float:
    found = values.get(name) or values.get(ANY)
    return found.value if found is not None else default


def _sourced(node: object, path: str) -> Iterator[tuple[str, Sourced]]:
    """Every stated Sourced below `node` with its dotted path, in schema order."""
    if isinstance(node, Sourced):
        yield path, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _sourced(value, f"{path}.{key}" if path else key)
    elif is_dataclass(node):
        for part in fields(node):
            value = getattr(node, part.name)
            if value is not part.default:
                yield from _sourced(value, f"{path}.{part.name}" if path else part.name)


def plain(node: Any) -> Any:
    """Turn a table into plain data, without what equals its default."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, tuple):
        return [plain(value) for value in node]
    if not is_dataclass(node):
        return node
    values = ((part, getattr(node, part.name)) for part in fields(node))
    return {
        key_of(part.name): plain(value) for part, value in values if value not in (None, part.default, {})
    }
