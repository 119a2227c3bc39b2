"""Kernels in time: every engine works through its queue in program order, a kernel waits for what it reads.

The order on each engine is fixed, so a kernel that gets faster never makes another one later (no scheduling
anomalies): the schedule is max and plus over the durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.lowering import Program
    from latencylab.npu.machine import Machine


@dataclass(frozen=True, slots=True)
class Placement:
    """When a kernel runs, from the inference's start; `because` is the kernel it waited for last, or -1."""

    start_ps: int
    end_ps: int
    handover_ps: int
    because: int


def place(program: Program, machine: Machine, durations_ps: Sequence[int]) -> tuple[Placement, ...]:
    """Start every kernel as soon as its engine is free and its inputs are there.

    A dependency that crosses engines costs the reader's hand-over. Views and free operators take no time.
    """
    free_at: dict[str, tuple[int, int]] = {}
    placed: list[Placement] = []
    for index, kernel in enumerate(program.kernels):
        start, because, handover = machine.inference_ps, -1, 0
        if kernel.runs:
            start, because = max((start, because), free_at.get(kernel.engine, (0, -1)))
        for dependency in kernel.depends_on:
            crossing = _crossing(program, machine, dependency, index)
            ready = placed[dependency].end_ps + crossing
            if ready > start or (ready == start and because < 0):
                start, because, handover = ready, dependency, crossing
        end = start + durations_ps[index]
        placed.append(Placement(start, end, handover, because))
        if kernel.runs:
            free_at[kernel.engine] = (end, index)
    return tuple(placed)


def _crossing(program: Program, machine: Machine, writer: int, reader: int) -> int:
    """Hand-over time of one dependency; a view belongs to no engine and passes its writer's on."""
    kernel = program.kernels[reader]
    if not kernel.runs:
        return 0
    source = program.kernels[writer]
    while not source.runs and source.depends_on:
        source = program.kernels[source.depends_on[0]]
    if not source.runs or source.engine == kernel.engine:
        return 0
    return machine.workers[kernel.engine].handover_ps


def critical_path(placements: Sequence[Placement]) -> tuple[int, ...]:
    """Kernels that decide the makespan, first to last: each waited for the one before it."""
    if not placements:
        return ()
    index = max(range(len(placements)), key=lambda i: placements[i].end_ps)
    path = []
    while index >= 0:
        path.append(index)
        index = placements[index].because
    return tuple(reversed(path))


def dram_shares(program: Program, machine: Machine, dram_bytes: Sequence[int]) -> Mapping[int, float]:
    """Share of the DRAM rate each kernel may count on, and its port can take.

    dram_bytes: what each kernel takes of the channel, as bytes of a plain stream. Kernels of other engines
    that may run beside it (neither waits for the other) can take no more than theirs, and no more than the
    reservations of the ports leave them. Both depend on the graph and on what stays on chip, not on
    durations: fair sharing by who happens to be active would make some devices slower with more bandwidth.
    """
    position, queues = _queue_positions(program)
    before = _last_ancestors(program, position)
    after = _first_descendants(program, position, queues)
    moved = {engine: _running_sums(dram_bytes, queue) for engine, queue in queues.items()}
    shares = {}
    for index, kernel in enumerate(program.kernels):
        if not kernel.runs:
            continue
        own = machine.workers[kernel.engine].dram_share
        reserved, beside_bytes = own, 0
        for engine, queue in queues.items():
            first = before[index].get(engine, -1) + 1
            last = after[index].get(engine, len(queue))
            if engine != kernel.engine and last > first:
                reserved += machine.workers[engine].dram_share
                beside_bytes += moved[engine][last] - moved[engine][first]
        unhindered = dram_bytes[index] / max(1, dram_bytes[index] + beside_bytes)
        shares[index] = min(_most_of_dram(machine, kernel.engine), max(own / reserved, unhindered))
    return shares


def _most_of_dram(machine: Machine, engine: str) -> float:
    """Share of the DRAM rate that the port of an engine can take when no other engine moves anything."""
    stream_bytes_per_s = machine.workers[engine].stream_bytes_per_s
    return min(1.0, stream_bytes_per_s / machine.dram_bytes_per_s) if stream_bytes_per_s else 1.0


def _running_sums(values: Sequence[int], indices: Sequence[int]) -> tuple[int, ...]:
    return tuple(accumulate((values[index] for index in indices), initial=0))


def _queue_positions(program: Program) -> tuple[dict[int, int], dict[str, list[int]]]:
    position: dict[int, int] = {}
    queues: dict[str, list[int]] = {}
    for index, kernel in enumerate(program.kernels):
        if kernel.runs:
            queue = queues.setdefault(kernel.engine, [])
            position[index] = len(queue)
            queue.append(index)
    return position, queues


def _last_ancestors(program: Program, position: Mapping[int, int]) -> list[dict[str, int]]:
    """For each kernel, the last place in each engine's queue that certainly ends before it starts."""
    result: list[dict[str, int]] = []
    latest: dict[str, int] = {}
    for index, kernel in enumerate(program.kernels):
        known: dict[str, int] = {}
        sources = [*kernel.depends_on]
        if kernel.runs and kernel.engine in latest:
            sources.append(latest[kernel.engine])
        for source in sources:
            for engine, place_ in result[source].items():
                known[engine] = max(known.get(engine, -1), place_)
            if source in position:
                engine = program.kernels[source].engine
                known[engine] = max(known.get(engine, -1), position[source])
        if kernel.runs:
            latest[kernel.engine] = index
        result.append(known)
    return result


def _first_descendants(
    program: Program, position: Mapping[int, int], queues: Mapping[str, Sequence[int]]
) -> list[dict[str, int]]:
    """For each kernel, the first place in each engine's queue that certainly starts after it ends."""
    result: list[dict[str, int]] = [{} for _ in program.kernels]
    following = {queue[i]: queue[i + 1] for queue in queues.values() for i in range(len(queue) - 1)}
    for index in range(len(program.kernels) - 1, -1, -1):
        kernel = program.kernels[index]
        if index in following:
            _earlier(result[index], result[following[index]], kernel.engine, position[following[index]])
        mine = (kernel.engine, position[index]) if index in position else ("", -1)
        for source in kernel.depends_on:
            _earlier(result[source], result[index], *mine)
    return result


def _earlier(known: dict[str, int], more: Mapping[str, int], engine: str, place_: int) -> None:
    for name, value in more.items():
        known[name] = min(known.get(name, value), value)
    if place_ >= 0:
        known[engine] = min(known.get(engine, place_), place_)
