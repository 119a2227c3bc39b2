"""Subjects of a cross-check: networks with measurements, timed here, kept from before, or saved elsewhere."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from latencylab import __version__, checking, onnx_reader, pipeline, timing
from latencylab import device as devices
from latencylab.device.registry import HOST
from latencylab.errors import MeasurementError
from latencylab.hosting import calm, facts
from latencylab.hosting.store import Store
from latencylab.measurement import Measurement, loads
from latencylab.timing.model_file import runnable
from latencylab.timing.study import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from latencylab.checking import CheckedModel, Crosscheck, Statistic
    from latencylab.onnx_reader import Model

STDIN: Final = "-"
_INTEGER: Final = "uint8"
_BASE: Final = "onnxruntime_cpu"
# What a profile's runtime for several threads is called.
_THREADED: Final = "threads_{}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A network as it was measured (quantized, where asked), what the user calls it, and its measurement."""

    model: str
    network: Model
    measurement: Measurement


def device_or_host(name: str | None) -> str:
    """Return the profile to check: the one asked for, else this host's, else the shipped one."""
    return name or (HOST if devices.host_path().is_file() else _BASE)


def of(model: str, options: Mapping[str, Any], saved: Sequence[Measurement] = ()) -> Iterator[Subject]:
    """Yield a model's subjects, one a thread count; one a saved measurement where there are any.

    options: dims, shapes, dtype, threads, keep, warmups, runs, seconds, max_seconds.
    Raises MeasurementError where onnxruntime refuses, or no saved measurement is of this model.
    """
    data, name = _bytes(model, options), _name(model)
    network = onnx_reader.read(data, name=name, dims=options["dims"], shapes=options["shapes"])
    if saved:
        yield from (Subject(model, network, m) for m in _belonging(network, saved))
        return
    for threads in options["threads"]:
        yield Subject(model, network, _kept_or_measured(data, network, threads, options))


def disturbed(found: Sequence[Subject]) -> tuple[int, ...]:
    """Return the indices of the subjects that were measured while this machine was slow.

    What came from standard input cannot be read again, so it is not among them.
    """
    return calm.disturbed({i: s.measurement for i, s in enumerate(found) if s.model != STDIN})


def again(subject: Subject, options: Mapping[str, Any]) -> Subject:
    """Measure a subject once more; of both measurements the calmer one stands, and is kept."""
    threads = subject.measurement.runtime.intra_op_threads
    second = _measured(_bytes(subject.model, options), subject.network, threads, options)
    calmer = calm.calmer(subject.measurement, second)
    _keep(calmer, subject.network, threads, options)
    return replace(subject, measurement=calmer)


def _bytes(model: str, options: Mapping[str, Any]) -> bytes:
    """Return the model's file; quantized where integers are asked for."""
    if model == STDIN:
        data: bytes = sys.stdin.buffer.read()
    else:
        with runnable(model) as path:
            data = path.read_bytes()
    if options["dtype"] != _INTEGER:
        return data
    from latencylab.timing.quantizing import quantized

    with runnable(data) as path:
        return quantized(path, options["shapes"])


def _name(model: str) -> str:
    return "stdin" if model == STDIN else model.removeprefix(pipeline.ZOO)


def _belonging(network: Model, saved: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Pick the measurements of this very file, else those that bear its name."""
    same = tuple(m for m in saved if m.model_sha256 == network.sha256)
    same = same or tuple(m for m in saved if m.model_name == network.graph.name)
    if not same:
        names = ", ".join(sorted({m.model_name for m in saved}))
        raise MeasurementError(f"no saved measurement of {network.graph.name}: there are {names}")
    return same


def _kept_or_measured(data: bytes, network: Model, threads: int, options: Mapping[str, Any]) -> Measurement:
    kept = _store(options).get(_key(network, threads, options)) if options["keep"] else None
    if kept is not None:
        return kept
    measurement = _measured(data, network, threads, options)
    _keep(measurement, network, threads, options)
    return measurement


def _keep(measurement: Measurement, network: Model, threads: int, options: Mapping[str, Any]) -> None:
    if options["keep"]:
        _store(options).put(_key(network, threads, options), measurement)


def _store(options: Mapping[str, Any]) -> Store:
    return Store(options["keep"])


def _key(network: Model, threads: int, options: Mapping[str, Any]) -> str:
    clock = "_cpu" if options["clock"] == "cpu" else ""
    name = _file_name(network.graph.name)
    return f"{name}_{options['dtype']}_t{threads}_{network.sha256[:12]}{clock}"


def _measured(data: bytes, network: Model, threads: int, options: Mapping[str, Any]) -> Measurement:
    """Time a network. Raises KeyboardInterrupt where the measurement was interrupted."""
    policy = replace(
        PLAIN.policy,
        warmups=options["warmups"],
        min_runs=options["runs"],
        min_time_s=options["seconds"],
        max_time_s=options["max_seconds"],
    )
    quick = timing.Policy(
        warmups=1, min_runs=3, min_time_s=min(0.5, options["seconds"]), max_time_s=options["max_seconds"] / 2
    )
    settings = replace(
        PLAIN, dims=options["dims"], clock=options["clock"], policy=policy, profile_policy=quick
    )
    (measurement,) = timing.measure_model(data, network, threads=(threads,), settings=settings)
    if measurement.is_interrupted:
        raise KeyboardInterrupt
    return measurement


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)


def read_saved(paths: Sequence[Path]) -> tuple[Measurement, ...]:
    """Read measurements that `latencylab measure -o` wrote. Raises ResultError for anything else."""
    return tuple(m for path in paths for m in loads(path.read_bytes()))


def checked(subject: Subject, device: str, statistic: Statistic) -> tuple[CheckedModel, Measurement]:
    """Predict a subject for the thread count it was measured with, and join both."""
    threads = subject.measurement.runtime.intra_op_threads
    runtime = _THREADED.format(threads)
    has_own = ":" not in device and threads > 1 and runtime in devices.runtimes(device)
    profile = devices.load(device, runtime if has_own else None)
    if device == _BASE:  # nobody's machine: at least the width of the vectors is known
        profile = profile.with_values(facts.vectors(subject.measurement.host))
    estimate = pipeline.price(subject.network, profile)
    found = checking.check(subject.network.graph, estimate, subject.measurement, statistic)
    if threads > 1 and not has_own and ":" not in device:
        note = f"the profile knows no runtime {runtime!r}: predicted for one thread"
        found = replace(found, warnings=(*found.warnings, note))
    return found, subject.measurement


def crosscheck(
    found: Sequence[tuple[CheckedModel, Measurement]], device: str, statistic: Statistic
) -> Crosscheck:
    """Put checked models together under what they were measured on."""
    some = found[0][1]
    return checking.Crosscheck(
        device=device,
        device_title=devices.load(device).title,
        host=" / ".join(dict.fromkeys(m.host.cpu for _, m in found)),
        isa=some.host.isa,
        runtime=f"onnxruntime {some.runtime.version}",
        models=tuple(model for model, _ in found),
        latencylab_version=__version__,
        statistic=statistic,
    )
