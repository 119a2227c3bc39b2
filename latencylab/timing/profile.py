"""Reads the profile that onnxruntime writes: one event a kernel and run, in whole microseconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from latencylab.errors import MeasurementError
from latencylab.measurement import KernelTime, MeasuredTensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    Event = Mapping[str, Any]

_KERNEL_SUFFIX: Final = "_kernel_time"
_NS_PER_US: Final = 1000
_DTYPES: Final = {"float": "float32", "double": "float64"}


@dataclass(frozen=True, slots=True)
class Profile:
    """What one profile file tells: whole runs and kernels, the dropped first runs left out."""

    runs_ns: tuple[int, ...]
    kernels: tuple[KernelTime, ...]


def read_profile(path: Path, *, skip_runs: int = 1) -> Profile:
    """Read a profile file of onnxruntime, made here or elsewhere.

    The first `skip_runs` runs are left out (cold caches), unless there are no others.
    Raises MeasurementError for what is no such file.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MeasurementError(f"{path}: {error.strerror or error}") from error
    return parse_profile(text, f"{path}: not an onnxruntime profile", skip_runs=skip_runs)


def parse_profile(text: str | bytes, complaint: str, *, skip_runs: int = 1) -> Profile:
    """Read the text of a profile; `complaint` opens the message of the MeasurementError for what is none."""
    try:
        events = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MeasurementError(f"{complaint}: not JSON ({error})") from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise MeasurementError(f"{complaint}: a list of events expected")
    try:
        return _profile(events, skip_runs)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise MeasurementError(f"{complaint}: {error!r} in an event") from error


def _profile(events: list[Event], skip_runs: int) -> Profile:
    runs = [event for event in events if event.get("name") == "model_run"]
    durations = [int(event["dur"]) * _NS_PER_US for event in runs]
    kernels = _kernels(event for event in events if _is_kernel(event))
    if not kernels:
        raise ValueError("no kernel times")
    skip = min(skip_runs, min(len(k.samples_ns) for k in kernels) - 1)
    kept = tuple(
        KernelTime(k.name, k.op_type, k.node_index, k.provider, k.outputs, k.samples_ns[skip:])
        for k in kernels
    )
    return Profile(tuple(durations[skip:]), kept)


def _is_kernel(event: Event) -> bool:
    return event.get("cat") == "Node" and str(event.get("name", "")).endswith(_KERNEL_SUFFIX)


def _kernels(events: Iterable[Event]) -> list[KernelTime]:
    """Gather the events of every node, in the order in which the nodes first ran."""
    by_node: dict[tuple[int, str], list[Event]] = {}
    for event in sorted(events, key=lambda event: int(event["ts"])):
        key = (int(event["args"].get("node_index", -1)), str(event["name"]))
        by_node.setdefault(key, []).append(event)
    return [_kernel(index, name, some) for (index, name), some in by_node.items()]


def _kernel(index: int, name: str, events: list[Event]) -> KernelTime:
    args = events[-1]["args"]
    return KernelTime(
        name=name.removesuffix(_KERNEL_SUFFIX),
        op_type=str(args["op_name"]),
        node_index=index,
        provider=str(args.get("provider", "")),
        outputs=tuple(_tensor(described) for described in args.get("output_type_shape", ())),
        samples_ns=tuple(int(event["dur"]) * _NS_PER_US for event in events),
    )


def _tensor(described: Mapping[str, list[int]]) -> MeasuredTensor:
    """`{"float": [1, 3, 48, 64]}` as onnxruntime writes it."""
    ((dtype, shape),) = described.items()
    return MeasuredTensor(tuple(int(d) for d in shape), _DTYPES.get(dtype, dtype))
