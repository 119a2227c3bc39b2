"""A kernel's tiles through load, compute and store: double buffering in one place.

The DMA channel serves its commands in order: L0 L1 S0 L2 S1 ... Two input and two output buffers give

    load i     waits for the channel, and for compute i-2 (its input buffer)
    compute i  waits for compute i-1, for load i, and for store i-2 (its output buffer)
    store i    waits for the channel, and for compute i

All is max and plus over integers, so no duration can shrink the makespan by growing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.tiling import Numbers


@dataclass(frozen=True, slots=True)
class TileRun:
    """`count` equal tiles: picoseconds to load, compute and store one of them."""

    count: int
    load_ps: int
    compute_ps: int
    store_ps: int


@dataclass(frozen=True, slots=True)
class Tile:
    """When one tile was loaded, computed and stored: (start, end) in picoseconds from the kernel's start."""

    load: tuple[int, int]
    compute: tuple[int, int]
    store: tuple[int, int]


def duration_ps(run: TileRun, prologue_ps: int = 0) -> int:
    """Time from the first load to the last store; `prologue_ps` (weights) holds the channel before it."""
    one = (run.count, run.load_ps, run.compute_ps, run.store_ps, prologue_ps)
    return int(durations_ps(*(np.array([float(number)]) for number in one))[0])


def durations_ps(
    count: Numbers, load_ps: Numbers, compute_ps: Numbers, store_ps: Numbers, prologue_ps: Numbers
) -> Numbers:
    """`duration_ps` of many runs.

    The longest path through the recurrence: along the engine, or along the channel but for the first and the
    last tile, whose compute nothing hides. Equal to what `tiles` walks step by step (tested).
    """
    along_engine = load_ps + count * compute_ps + store_ps
    first, last = np.maximum(0, compute_ps - load_ps), np.maximum(0, compute_ps - store_ps)
    exposed = np.where(count == 2, np.maximum(first, last), first + last) * (count > 1)
    longest: Numbers = np.maximum(along_engine, count * (load_ps + store_ps) + exposed)
    return prologue_ps + longest


def tiles(run: TileRun, prologue_ps: int = 0) -> Iterator[Tile]:
    """Every tile in turn, for the trace: the recurrence as it stands above."""
    computed = stored = stored_before = 0
    load = _after(prologue_ps, run.load_ps)
    channel = load[1]
    for index in range(run.count):
        following = load
        if index + 1 < run.count:
            # Its buffer is the one the tile before this one computed from.
            following = _after(max(channel, computed), run.load_ps)
            channel = following[1]
        compute = _after(max(computed, load[1], stored_before), run.compute_ps)
        store = _after(max(channel, compute[1]) if run.store_ps else compute[1], run.store_ps)
        channel = max(channel, store[1]) if run.store_ps else channel
        yield Tile(load, compute, store)
        computed = compute[1]
        stored_before, stored = stored, store[1]
        load = following


def _after(start_ps: int, length_ps: int) -> tuple[int, int]:
    return start_ps, start_ps + length_ps
