"""What happens inside the measuring process: total first, without profiling; then the kernels' shares."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from latencylab import __version__
from latencylab.errors import MeasurementError
from latencylab.measurement import KernelTime, MeasuredInput, Measurement, OptimizedNode
from latencylab.timing import host as hosts
from latencylab.timing.caution import warnings_for
from latencylab.timing.clock import sample
from latencylab.timing.feeds import feeds_for
from latencylab.timing.profile import read_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from latencylab.timing.clock import Clock, Samples
    from latencylab.timing.feeds import Array
    from latencylab.timing.request import Request
    from latencylab.timing.session import Session

    OpenSession = Callable[[Request, Path | None], Session]
    Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class World:
    """All that is not logic: sessions, time, how fast the machine is, interruption, progress.

    Tests hand in their own.
    """

    open_session: OpenSession
    clock: Clock
    pulse_ns: Callable[[], int]
    is_stopped: Callable[[], bool]
    progress: Progress


def measure(request: Request, folder: Path, world: World) -> Measurement:
    """Measure one model with one thread count; `folder` takes the profile and the optimized graph.

    Raises MeasurementError where onnxruntime refuses, and where not even one run was finished.
    """
    host = hosts.describe()  # before our own threads raise the load
    before_bytes = hosts.resident_bytes()
    world.progress("loading", 0.0)
    session = world.open_session(request, None)
    feeds = feeds_for(session.inputs, request.shapes, request.input_files, request.seed)
    pulses_ns = [world.pulse_ns()]
    total = _sample(session, feeds, request, world, "measuring")
    pulses_ns.append(world.pulse_ns())
    peak_bytes = hosts.peak_memory_bytes()
    runtime = session.runtime
    del session
    gc.collect()  # the profiled session gets the memory that this one held
    kernels, nodes = _profiled(request, feeds, folder, world)
    pulses_ns.append(world.pulse_ns())
    return Measurement(
        model_name=request.model_name,
        model_sha256=request.model_sha256,
        inputs=_described(feeds, request),
        host=host,
        runtime=runtime,
        samples_ns=total.samples_ns,
        warmups_ns=total.warmups_ns,
        kernels=kernels,
        optimized_nodes=nodes,
        peak_memory_bytes=peak_bytes,
        model_memory_bytes=_difference(peak_bytes, before_bytes),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        latencylab_version=__version__,
        warnings=warnings_for(
            total.samples_ns, host, request.threads, pulses_ns, is_interrupted=total.is_interrupted
        ),
        is_interrupted=total.is_interrupted,
        pulses_ns=tuple(pulses_ns),
    )


def _sample(
    session: Session, feeds: Mapping[str, Array], request: Request, world: World, phase: str
) -> Samples:
    samples = sample(
        lambda: session.run(feeds),
        world.clock,
        request.policy,
        is_stopped=world.is_stopped,
        progress=lambda done: world.progress(phase, done),
    )
    if not samples.samples_ns:
        raise MeasurementError("interrupted before the first timed run was finished")
    return samples


def _profiled(
    request: Request, feeds: Mapping[str, Array], folder: Path, world: World
) -> tuple[tuple[KernelTime, ...], tuple[OptimizedNode, ...]]:
    """Time the kernels; nothing where the measurement was interrupted before."""
    if world.is_stopped():
        return (), ()
    session = world.open_session(request, folder)
    policy = request.profile_policy
    sample(
        lambda: session.run(feeds),
        world.clock,
        policy,
        is_stopped=world.is_stopped,
        progress=lambda done: world.progress("profiling", done),
    )
    kernels = read_profile(session.end_profiling(), skip_runs=policy.warmups).kernels
    return kernels, _optimized(folder / "optimized.onnx")


def _optimized(path: Path) -> tuple[OptimizedNode, ...]:
    """Read the graph that onnxruntime wrote; nothing where it wrote none."""
    from latencylab.onnx_reader.outline import outline

    return tuple(
        OptimizedNode(n.name, n.op_type, n.domain, n.inputs, n.outputs, _finite(n.attributes))
        for n in (outline(path) if path.exists() else ())
    )


def _finite(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out bounds at infinity, which JSON cannot hold."""
    return {
        name: value
        for name, value in attributes.items()
        if all(
            not isinstance(v, float) or isfinite(v) for v in (value if isinstance(value, tuple) else (value,))
        )
    }


def _described(feeds: Mapping[str, Array], request: Request) -> tuple[MeasuredInput, ...]:
    synthesised = f"synthesised (seed {request.seed})"
    return tuple(
        MeasuredInput(name, tuple(array.shape), array.dtype.name, request.input_files.get(name, synthesised))
        for name, array in feeds.items()
    )


def _difference(peak_bytes: int | None, before_bytes: int | None) -> int | None:
    return None if peak_bytes is None or before_bytes is None else max(0, peak_bytes - before_bytes)
