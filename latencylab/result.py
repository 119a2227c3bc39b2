"""Estimate: the saved result, and the types it is made of.

Everything before it computes, everything after it presents. An estimate is predicted, a measurement is timed;
the two are different types and are never interchanged.

Seconds are kept to 12 significant decimal digits (a picosecond in a second), so that an estimate and its JSON
are the same thing: `Estimate.from_json(estimate.to_json()) == estimate`, and equal inputs give equal bytes on
every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame

SCHEMA_VERSION = 1
_TWELVE_DIGITS = ".12g"


class Bound(StrEnum):
    """What a kernel's time is spent on: the term that would have to shrink for the kernel to get faster.

    COMPUTE: the engine's arithmetic. MEMORY: bytes. OVERHEAD: launch. LAYOUT: the kernel only rearranges data
    between layouts or types. HOST: it left the accelerator.
    """

    COMPUTE = "COMPUTE"
    MEMORY = "MEMORY"
    OVERHEAD = "OVERHEAD"
    LAYOUT = "LAYOUT"
    HOST = "HOST"


def _notebook() -> Any:
    # By name: presentation stands above this layer, and only who works in a notebook needs it.
    return import_module("latencylab.reporters._notebook")


def rounded(value: float) -> float:
    """Return the nearest number with 12 significant decimal digits."""
    return float(format(value, _TWELVE_DIGITS)) if value else 0.0


def _keep(instance: object, *names: str) -> None:
    """Round float fields of a frozen instance under construction."""
    for name in names:
        object.__setattr__(instance, name, rounded(getattr(instance, name)))


@dataclass(frozen=True, slots=True)
class KernelEstimate:
    """One kernel as the device runs it: a meta-node, or a layout change that the device adds.

    name, kind, op_types, nodes: the meta-node, and the file's nodes inside it (none in a layout kernel).
    reason: why this engine runs it. start_s: when it starts, counted from the inference's start.
    latency_s: from its start to its end = overhead_s (launch) + compute_s + stall_s (waiting for data);
        memory_s, the time its transfers take, runs beside compute_s.
    handover_s: between the end of what it reads and start_s, because that came from another engine.
    utilization: 0..1, useful work against the engine's peak during latency_s.
    read_bytes, write_bytes, weight_bytes: what crosses the kernel's boundary.
    dram_read_bytes, dram_write_bytes: the part of it, and of spills, that goes to DRAM.
    dram_bytes_by_cause: the same DRAM bytes by cause: "weights", "activations", "spill", "layout".
    depends_on: indices of the kernels whose results it reads.
    input_shapes, output_shapes: of the activations at the boundary.
    fused_by: the rules that made it one kernel, in words.
    tile_plan: the tile shape in words; "" where the engine does not tile.
    scratchpad_bytes: on-chip bytes in use while it runs: tensors kept between kernels, and its tiles.
    assumed_share: 0..1, the part of latency_s that rests on parameters of the profile marked assumed.
    """

    name: str
    kind: str
    op_types: tuple[str, ...]
    nodes: tuple[str, ...]
    engine: str
    dtype: str
    reason: str
    start_s: float
    latency_s: float
    compute_s: float
    memory_s: float
    overhead_s: float
    bound: Bound
    utilization: float
    stall_s: float = 0.0
    handover_s: float = 0.0
    work: Work = ZERO
    read_bytes: int = 0
    write_bytes: int = 0
    weight_bytes: int = 0
    dram_read_bytes: int = 0
    dram_write_bytes: int = 0
    dram_bytes_by_cause: Mapping[str, int] = field(default_factory=dict)
    is_priced: bool = True
    is_layout: bool = False
    depends_on: tuple[int, ...] = ()
    input_shapes: tuple[tuple[int, ...], ...] = ()
    output_shapes: tuple[tuple[int, ...], ...] = ()
    fused_by: tuple[str, ...] = ()
    tile_plan: str = ""
    scratchpad_bytes: int = 0
    assumed_share: float = 0.0

    def __post_init__(self) -> None:
        _keep(self, "start_s", "latency_s", "compute_s", "memory_s", "overhead_s", "stall_s", "handover_s")
        _keep(self, "utilization", "assumed_share")

    @property
    def end_s(self) -> float:
        """When it ends, counted from the inference's start."""
        return self.start_s + self.latency_s

    @property
    def dram_bytes(self) -> int:
        """DRAM traffic, both directions."""
        return self.dram_read_bytes + self.dram_write_bytes


@dataclass(frozen=True, slots=True)
class EngineUse:
    """How one engine spends the inference: busy + stall + idle = the inference's latency.

    peak_macs_per_s: all its units together, on the type the network is deployed in; 0 where it has no MACs.
    """

    name: str
    busy_s: float
    stall_s: float
    idle_s: float
    peak_macs_per_s: float = 0.0

    def __post_init__(self) -> None:
        _keep(self, "busy_s", "stall_s", "idle_s", "peak_macs_per_s")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What an engine model returns: every kernel placed in time.

    peak_scratchpad_bytes: None where the engine model does not allocate the scratchpad.
    scratchpad_at_peak: tensors kept there between kernels when it is fullest; tiles take the rest.
    critical_path: indices of the kernels that decide latency_s, in order.
    """

    kernels: tuple[KernelEstimate, ...]
    engines: tuple[EngineUse, ...]
    latency_s: float
    peak_scratchpad_bytes: int | None = None
    scratchpad_at_peak: tuple[str, ...] = ()
    critical_path: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _keep(self, "latency_s")


@dataclass(frozen=True, slots=True)
class InputInfo:
    """An input of the network as it was priced: every dimension bound."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The network. `macs` counts every multiply-accumulate; `binary_macs` is the part of it that is binary.

    parameters: elements of the float initializers that take part in arithmetic, each stored tensor once;
    parameters_frozen: those named `frozen.*`, apart. sha256: of the model file's bytes.
    """

    name: str
    sha256: str
    parameters: int
    parameters_frozen: int
    macs: int
    binary_macs: int
    inputs: tuple[InputInfo, ...]


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """One level of memory: what it moves at best; size_bytes is None where it does not limit (DRAM)."""

    name: str
    bytes_per_s: float
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        _keep(self, "bytes_per_s")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """The device profile. `layout` is the deployment layout of the network's ends; sha256: of the profile.

    memories: the levels, the slowest first. sigma_log: standard deviation of log(predicted / measured), found
    on `evidence_rows` measured rows, which `evidence` names. residual_correlation: what the errors of two
    networks have in common that spend their time alike.
    """

    name: str
    title: str
    sha256: str
    runtime: str
    runtime_version: str
    layout: str
    memories: tuple[MemoryInfo, ...] = ()
    sigma_log: float = 0.0
    residual_correlation: float = 0.0
    evidence: str = ""
    evidence_rows: int = 0

    def __post_init__(self) -> None:
        _keep(self, "sigma_log", "residual_correlation")


@dataclass(frozen=True, slots=True)
class Unpriced:
    """An operator nobody priced: only its bytes were counted, and the interval is wider for it."""

    op_type: str
    count: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fallback:
    """A kernel that left the device's main engines, and what handing it over costs."""

    kernel: str
    engine: str
    reason: str
    handover_s: float

    def __post_init__(self) -> None:
        _keep(self, "handover_s")


@dataclass(frozen=True, slots=True)
class Advice:
    """A change worth making, with what it saves: the difference of two estimates, not a rule of thumb."""

    change: str
    saves_s: float
    nodes: tuple[str, ...]

    def __post_init__(self) -> None:
        _keep(self, "saves_s")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A predicted latency with its reasons: one model, one device, one engine model.

    dtype: the element type the network is deployed in. low_s..high_s: where the latency lies with probability
    `interval`. scratchpad_at_peak: the tensors that fill it then, besides the tiles of the kernel that runs.
    assumptions: sentences a reader must know before trusting the number.
    """

    model: ModelInfo
    device: DeviceInfo
    engine: str
    dtype: str
    latency_s: float
    low_s: float
    high_s: float
    kernels: tuple[KernelEstimate, ...]
    engines: tuple[EngineUse, ...]
    dram_read_bytes: int
    dram_write_bytes: int
    latencylab_version: str
    cost_model_version: str
    peak_scratchpad_bytes: int | None = None
    scratchpad_at_peak: tuple[str, ...] = ()
    interval: float = 0.9
    unpriced: tuple[Unpriced, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    assumptions: tuple[str, ...] = ()
    critical_path: tuple[int, ...] = ()
    advice: tuple[Advice, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _keep(self, "latency_s", "low_s", "high_s", "interval")

    @property
    def dram_bytes(self) -> int:
        """DRAM traffic of one inference, both directions."""
        return self.dram_read_bytes + self.dram_write_bytes

    def to_json(self) -> str:
        """Return JSON text: sorted keys, units in the names, one trailing newline."""
        from latencylab import result_json

        return result_json.dumps(self)

    @staticmethod
    def from_json(text: str | bytes) -> Estimate:
        """Read what `to_json` wrote.

        Raises ResultError if the text is not a result, is corrupt, or has another schema version.
        """
        from latencylab import result_json

        return result_json.loads(text)

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame: a row a kernel, the columns of the CSV format. Loads pandas."""
        frame: DataFrame = _notebook().frame(self)
        return frame

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return str(_notebook().fragment(self))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as `to_json` writes it."""
        from latencylab import result_json

        return result_json.encode(self)
