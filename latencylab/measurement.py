"""Measurement: what a stopwatch saw, with everything needed to judge it and nothing thrown away.

An estimate is predicted, a measurement is timed; the two are different types and are never interchanged.
Every sample is kept in whole nanoseconds, as the clock gave it; percentiles and deviation are derived.
"""

from __future__ import annotations

import json
import re

# At run time, because pydantic reads these annotations to check what comes back from a file.
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from functools import cache
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final, Literal

from latencylab.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import TypeAdapter

SCHEMA_VERSION: Final = 1

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """The machine, as it was when the measurement began.

    affinity: logical cores the process may run on. load_1min: runnable processes, averaged over a minute.
    isa: the vector instruction sets that decide which kernels onnxruntime picks. governor: None = unreadable.
    """

    cpu: str
    physical_cores: int
    logical_cores: int
    affinity: tuple[int, ...]
    load_1min: float
    isa: tuple[str, ...]
    governor: str | None
    memory_bytes: int
    os: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """onnxruntime, and how its session was set up.

    available_providers: what this build offers; providers: what the session used, in order of preference.
    optimization: "all", "extended", "basic" or "disable". Execution is sequential and threads never spin.
    """

    version: str
    build: str
    available_providers: tuple[str, ...]
    providers: tuple[str, ...]
    intra_op_threads: int
    inter_op_threads: int
    optimization: str
    is_spinning: bool = False


@dataclass(frozen=True, slots=True)
class MeasuredInput:
    """An input as it was fed. source: "synthesised (seed 0)" or the file it came from."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: str


@dataclass(frozen=True, slots=True)
class MeasuredTensor:
    """Shape and element type of a kernel's output."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class KernelTime:
    """One kernel of the profiled session, under the name onnxruntime gave it.

    node_index: onnxruntime's own index of the node, unique in one session.
    samples_ns: one duration a profiled run; onnxruntime counts whole microseconds.
    """

    name: str
    op_type: str
    node_index: int
    provider: str
    outputs: tuple[MeasuredTensor, ...]
    samples_ns: tuple[int, ...]

    @property
    def median_ns(self) -> float:
        """Middle of the profiled runs."""
        return median(self.samples_ns)


@dataclass(frozen=True, slots=True)
class OptimizedNode:
    """A node of the graph that onnxruntime wrote after optimizing: what it really runs.

    attributes: the plain ones (numbers, strings, lists of these); tensors and subgraphs are left out.
    """

    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A timed model: every sample, the kernels, the host, and what to beware of.

    samples_ns: end-to-end inferences of an unprofiled session, warm-ups left out (those are in warmups_ns).
    kernels: from a second, profiled session, in execution order; profiling slows it, so they give shares.
    optimized_nodes: the graph as onnxruntime optimized it, in execution order; empty where it is unknown.
    peak_memory_bytes: of the measuring process; model_memory_bytes: the part that came with the session.
    source: "onnxruntime session", or the profile file the numbers were read from.
    pulses_ns: a fixed piece of work, timed before the samples, after them and after the kernels: how fast the
        machine was just then (`timing/pulse.py`); empty where it was not timed.
    """

    model_name: str
    model_sha256: str
    inputs: tuple[MeasuredInput, ...]
    host: Host
    runtime: Runtime
    samples_ns: tuple[int, ...]
    warmups_ns: tuple[int, ...]
    kernels: tuple[KernelTime, ...]
    optimized_nodes: tuple[OptimizedNode, ...]
    peak_memory_bytes: int | None
    model_memory_bytes: int | None
    measured_at: str
    latencylab_version: str
    warnings: tuple[str, ...] = ()
    is_interrupted: bool = False
    source: str = "onnxruntime session"
    pulses_ns: tuple[int, ...] = ()
    kind: Literal["measurement"] = "measurement"
    schema_version: int = SCHEMA_VERSION

    @property
    def min_ns(self) -> int:
        """Fastest sample."""
        return min(self.samples_ns)

    @property
    def median_ns(self) -> float:
        """Middle sample: the latency that is compared with an estimate."""
        return median(self.samples_ns)

    @property
    def p10_ns(self) -> float:
        """A tenth of the samples are faster."""
        return decile(self.samples_ns, 1)

    @property
    def p90_ns(self) -> float:
        """A tenth of the samples are slower."""
        return decile(self.samples_ns, 9)

    @property
    def mad_ns(self) -> float:
        """Median absolute deviation from the median."""
        return absolute_deviation(self.samples_ns)

    @property
    def kernels_ns(self) -> float:
        """Sum of the kernels' median times in the profiled session."""
        return sum(kernel.median_ns for kernel in self.kernels)

    def to_json(self) -> str:
        """JSON text: sorted keys, a list of numbers on one line, a trailing newline."""
        return dumps([self])

    @staticmethod
    def from_json(text: str | bytes) -> Measurement:
        """Read one measurement; raises ResultError as `loads`, and if the text holds several."""
        found = loads(text)
        if len(found) != 1:
            raise ResultError(f"one measurement expected, found {len(found)}")
        return found[0]


def decile(samples: Sequence[int], tenths: int) -> float:
    """Return the sample below which `tenths` tenths lie, interpolated between neighbours."""
    return quantiles(samples, n=10, method="inclusive")[tenths - 1] if len(samples) > 1 else samples[0]


def absolute_deviation(samples: Sequence[int]) -> float:
    """Median absolute deviation from the median, in the unit of the samples."""
    middle = median(samples)
    return median(abs(sample - middle) for sample in samples)


def dumps(measurements: Sequence[Measurement]) -> str:
    """One measurement as a JSON object, several as a list."""
    data = [_adapter().dump_python(m, mode="json") for m in measurements]
    text = json.dumps(data[0] if len(data) == 1 else data, indent=2, sort_keys=True, ensure_ascii=False)
    # A thousand samples on a thousand lines help nobody. A raw newline cannot occur inside a JSON string.
    return re.sub(r"\[\n[\s\d,]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def loads(text: str | bytes) -> tuple[Measurement, ...]:
    """Read a measurement or a list of them.

    Raises ResultError for what is not JSON, not a measurement, incomplete, or of another schema version.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"not a saved measurement: not JSON ({error})") from error
    return tuple(_decode(document) for document in (data if isinstance(data, list) else [data]))


def _decode(data: Any) -> Measurement:
    from pydantic import ValidationError

    if not isinstance(data, dict) or data.get("kind") != "measurement":
        raise ResultError('not a saved measurement: "kind" is not "measurement"')
    if data.get("schema_version") != SCHEMA_VERSION:
        raise ResultError(
            f"measurement of schema version {data.get('schema_version')!r}; this latencylab reads version "
            f"{SCHEMA_VERSION}: measure the model again"
        )
    try:
        measurement = _adapter().validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise ResultError(f"not a saved measurement: {place}: {fault['msg']}") from error
    return _checked(measurement)


def _checked(measurement: Measurement) -> Measurement:
    samples = (measurement.samples_ns, *(kernel.samples_ns for kernel in measurement.kernels))
    if any(not some or min(some) < 0 for some in samples) or not median(measurement.samples_ns):
        raise ResultError("not a saved measurement: it holds no samples, or impossible ones")
    return measurement


@cache
def _adapter() -> TypeAdapter[Measurement]:
    from pydantic import TypeAdapter

    return TypeAdapter(Measurement)
