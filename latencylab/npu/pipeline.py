"""A kernel's tiles through load, compute and store: double buffering in one place.

The engine's DMA channel serves its commands in order: L0 L1 S0 L2 S1 ... Two input and two output buffers give

    load i     waits for the channel, and for compute i-2 (its input buffer)
    compute i  waits for compute i-1, for load i, and for store i-2 (its output buffer)
    store i    waits for the channel, and for compute i

All is max and plus over integers, so no duration can shrink the makespan by growing. A run of equal tiles soon
repeats its own state shifted in time; from there on the remaining tiles are added in one step, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@dataclass(slots=True)
class _State:
    """Ends of the last events; `loaded` is that of the tile about to compute, already on chip or on its way."""

    channel: int
    loaded: int
    computed: int
    computed_before: int
    stored: int
    stored_before: int

    def shape(self) -> tuple[int, int, int, int, int]:
        """All ends relative to the last compute: equal shapes continue equally."""
        now = self.computed
        return (
            self.channel - now,
            self.loaded - now,
            self.computed_before - now,
            self.stored - now,
            self.stored_before - now,
        )

    def shift(self, by: int) -> None:
        """Move every end into the future."""
        self.channel += by
        self.loaded += by
        self.computed += by
        self.computed_before += by
        self.stored += by
        self.stored_before += by


def duration_ps(runs: tuple[TileRun, ...], prologue_ps: int = 0) -> int:
    """Time from the first load to the last store; `prologue_ps` occupies the channel before it (weights)."""
    if not runs:
        return prologue_ps
    state = _begin(runs[0], prologue_ps)
    for index, run in enumerate(runs):
        following = runs[index + 1] if index + 1 < len(runs) else None
        _advance_run(state, run, following)
    return max(state.computed, state.stored)


def _begin(first: TileRun, prologue_ps: int) -> _State:
    loaded = prologue_ps + first.load_ps
    return _State(loaded, loaded, 0, 0, 0, 0)


def _advance_run(state: _State, run: TileRun, following: TileRun | None) -> None:
    """Run all tiles of a run; the load issued with its last tile belongs to the following run."""
    remaining = run.count - 1
    before: tuple[int, ...] = ()
    while remaining > 0:
        end = state.computed
        _step(state, run, run.load_ps)
        remaining -= 1
        shape = state.shape()
        if shape == before and remaining:
            state.shift(remaining * (state.computed - end))
            remaining = 0
        before = shape
    _step(state, run, following.load_ps if following else None)


def _step(state: _State, run: TileRun, next_load_ps: int | None) -> Tile:
    """Load the next tile, compute and store this one; returns this tile's compute and store, the next's load."""
    start = max(state.computed, state.loaded, state.stored_before)
    end = start + run.compute_ps
    # The next tile's load is queued before this tile's store; its buffer is free once the tile before is done.
    load_start = max(state.channel, state.computed)
    load_end = load_start
    if next_load_ps is not None:
        load_end = load_start + next_load_ps
        state.channel = load_end if next_load_ps else state.channel
    store_start = max(state.channel, end)
    store_end = store_start + run.store_ps if run.store_ps else end
    if run.store_ps:
        state.channel = store_end
    state.computed_before, state.computed = state.computed, end
    state.stored_before, state.stored = state.stored, store_end
    state.loaded = load_end if next_load_ps is not None else state.loaded
    return Tile((load_start, load_end), (start, end), (store_start, store_end))


def tiles(runs: tuple[TileRun, ...], prologue_ps: int = 0) -> Iterator[Tile]:
    """Every tile in turn, for the trace; the same recurrence without the shortcut."""
    if not runs:
        return
    state = _begin(runs[0], prologue_ps)
    load = (prologue_ps, state.loaded)
    loads = [run.load_ps for run in runs for _ in range(run.count)][1:]
    each = [run for run in runs for _ in range(run.count)]
    for run, next_load in zip(each, [*loads, None], strict=True):
        tile = _step(state, run, next_load)
        yield Tile(load, tile.compute, tile.store)
        load = tile.load
