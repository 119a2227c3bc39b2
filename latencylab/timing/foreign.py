"""Measurements made elsewhere: saved by latencylab, or a profile of onnxruntime (`enable_profiling`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from latencylab import __version__
from latencylab.errors import MeasurementError
from latencylab.measurement import Host, MeasuredInput, Measurement, Runtime, loads
from latencylab.timing.profile import read_profile

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.graph import Graph

_UNKNOWN = "unknown"
_CAUTION = (
    "read from a profile: the total was timed while profiling, which slows a model; host and session are "
    "unknown"
)


def from_file(path: Path, graph: Graph, sha256: str) -> tuple[Measurement, ...]:
    """Read saved measurements of the model that `graph` is, or a profile of it.

    Raises MeasurementError for an unreadable file or one that is neither, ResultError for a measurement of
    another schema version.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MeasurementError(f"{path}: {error.strerror or error}") from error
    if b'"kind": "measurement"' in text:
        return loads(text)
    return (from_profile(path, graph, sha256),)


def from_profile(path: Path, graph: Graph, sha256: str) -> Measurement:
    """Read a profile of the model that `graph` is; its first run is left out.

    Raises MeasurementError for what is no profile, or one without a whole run.
    """
    profile = read_profile(path)
    if not profile.runs_ns:
        raise MeasurementError(f"{path}: the profile holds no whole run")
    return Measurement(
        model_name=graph.name,
        model_sha256=sha256,
        inputs=_inputs(graph),
        host=Host(_UNKNOWN, 0, 0, (), 0.0, (), None, 0, _UNKNOWN),
        runtime=Runtime(_UNKNOWN, "", (), _providers(profile.kernels), 0, 0, _UNKNOWN),
        samples_ns=profile.runs_ns,
        warmups_ns=(),
        kernels=profile.kernels,
        optimized_nodes=(),
        peak_memory_bytes=None,
        model_memory_bytes=None,
        measured_at=_modified(path),
        latencylab_version=__version__,
        warnings=(_CAUTION,),
        source=f"onnxruntime profile {path.name}",
    )


def _inputs(graph: Graph) -> tuple[MeasuredInput, ...]:
    tensors = (graph.tensors[name] for name in graph.inputs)
    return tuple(MeasuredInput(t.name, t.shape, t.dtype, _UNKNOWN) for t in tensors)


def _providers(kernels: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(getattr(kernel, "provider", "")) for kernel in kernels))


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
