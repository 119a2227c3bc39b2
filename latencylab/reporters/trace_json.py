"""Trace events for Perfetto (ui.perfetto.dev) and chrome://tracing: a track an engine, counters below them.

The format is Chrome's "Trace Event Format": complete events ("X") and counters ("C"), times in microseconds.
Each estimate is a process, each engine a thread on which nothing overlaps: an engine works through its queue.
Times are whole nanoseconds: Perfetto cuts off what is smaller, and drops a slice that then begins before the
one ahead of it has ended. Arrows ("s", "f") lead from each kernel of the critical path to the next.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View, _counters
from latencylab.reporters import _rows as rows
from latencylab.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.result import Estimate, KernelEstimate

suffix = ".trace.json"
marker = b'"producer": "latencylab"'

_NS_PER_US: Final = 1000


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:  # noqa: ARG001 - a trace is whole
    """Render the estimates as one trace, a process each."""
    events = [event for process, estimate in enumerate(estimates, 1) for event in _process(process, estimate)]
    # One event a line: a difference of two traces can be read.
    lines = ",\n".join(json.dumps(event, sort_keys=True) for event in events)
    head = '{"displayTimeUnit": "ms", "otherData": {"producer": "latencylab"},\n"traceEvents": [\n'
    return f"{head}{lines}\n]}}\n".encode()


def _process(process: int, estimate: Estimate) -> Iterator[dict[str, Any]]:
    name = f"{printable(estimate.model.name)} on {rows.device_name(estimate)}"
    yield _named("process_name", name, pid=process, tid=0)
    tracks = {engine: tid for tid, engine in enumerate(_engines(estimate), 1)}
    for engine, tid in tracks.items():
        yield _named("thread_name", printable(engine), pid=process, tid=tid)
        yield {
            "ph": "M",
            "name": "thread_sort_index",
            "pid": process,
            "tid": tid,
            "args": {"sort_index": tid},
        }
    for index, kernel in enumerate(estimate.kernels):
        if kernel.latency_s > 0:
            yield _slice(index, kernel, pid=process, tid=tracks[kernel.engine])
    yield from _arrows(process, estimate, tracks)
    yield from _steps(process, "scratchpad", "bytes", _counters.scratchpad_bytes(estimate))
    yield from _steps(process, "DRAM", "bytes per second", _counters.dram_bytes_per_s(estimate))


def _engines(estimate: Estimate) -> dict[str, None]:
    """Engines that do something, those of the profile first and in its order."""
    used = dict.fromkeys(kernel.engine for kernel in estimate.kernels if kernel.latency_s > 0)
    return dict.fromkeys([use.name for use in estimate.engines if use.name in used] + list(used))


def _named(what: str, name: str, *, pid: int, tid: int) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}


def _slice(index: int, kernel: KernelEstimate, *, pid: int, tid: int) -> dict[str, Any]:
    start_ns = _ns(kernel.start_s)
    return {
        "ph": "X",
        "name": printable(kernel.name),
        "cat": printable(kernel.kind),
        "pid": pid,
        "tid": tid,
        "ts": _us(start_ns),
        # From rounded end to rounded start: neighbours touch and never overlap.
        "dur": _us(_ns(kernel.end_s) - start_ns),
        "args": {
            "index": index,
            "kind": printable(kernel.kind),
            "bound": kernel.bound.value,
            "dtype": kernel.dtype,
            "reason": printable(kernel.reason),
            "macs": kernel.work.macs,
            "utilization": kernel.utilization,
            "dram_bytes": kernel.dram_bytes,
            "tile_plan": printable(kernel.tile_plan),
            "nodes": [printable(node) for node in kernel.nodes],
        },
    }


def _arrows(process: int, estimate: Estimate, tracks: dict[str, int]) -> Iterator[dict[str, Any]]:
    path = [estimate.kernels[i] for i in estimate.critical_path if estimate.kernels[i].latency_s > 0]
    for number, (before, after) in enumerate(pairwise(path)):
        common = {
            "name": "critical path",
            "cat": "critical path",
            "id": process * 1_000_000 + number,
            "pid": process,
        }
        # An arrow begins inside a slice, not at its end, which already belongs to the next one.
        middle = _us(_ns(before.start_s + before.latency_s / 2))
        yield common | {"ph": "s", "tid": tracks[before.engine], "ts": middle}
        yield common | {"ph": "f", "bp": "e", "tid": tracks[after.engine], "ts": _us(_ns(after.start_s))}


def _steps(process: int, name: str, unit: str, steps: _counters.Steps) -> Iterator[dict[str, Any]]:
    for time_s, value in steps:
        when = _us(_ns(time_s))
        yield {"ph": "C", "name": name, "pid": process, "tid": 0, "ts": when, "args": {unit: value}}


def _ns(value_s: float) -> int:
    return round(value_s * NS_PER_S)


def _us(value_ns: int) -> float:
    """Microseconds of which a reader that cuts off gets the same nanoseconds back."""
    value = value_ns / _NS_PER_US
    return value if int(value * _NS_PER_US) == value_ns else math.nextafter(value, math.inf)
