"""What the caches still hold of what a kernel touches, as one inference follows another.

A map that was written just now lies in the caches, one of twenty kernels ago does not, nor does the memory
that a result goes to where nobody has used it for as long.

A large cache replaces lines nearly at random, and only what misses displaces anything: of what was touched,
exp(-missed since / size) is still there. What misses follows from that for all kernels at once, beginning
with empty caches. A last cache is shared, too: others displace lines while a kernel computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Final

import numpy as np

from latencylab import loops
from latencylab.cpu import duration, streams
from latencylab.cpu.places import Places, Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from latencylab.cpu.streams import Stream
    from latencylab.graph import MetaNode
    from latencylab.lowering import Program
    from latencylab.npu.machine import CoreNumbers, Machine, Worker

    Numbers = NDArray[np.float64]
    Indices = NDArray[np.int_]

# Kernels that are looked back over: what was touched before them is taken as touched there.
_LOOK_BACK: Final = 256
# Inferences until the caches hold what they will go on holding.
_INFERENCES: Final = 16
# Results kept for caches of different sizes, as a fit tries one after another.
_KEPT: Final = 4
_BUFFERS: Final = "buffers"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that were all touched last by the same kernel.

    span_bytes: what has been touched since. far: the share of them that no cache holds any more.
    """

    size_bytes: int
    span_bytes: int
    far: float


@dataclass(frozen=True, slots=True)
class Reuse:
    """What a kernel reads, what it writes, and what it writes over its input, in pieces.

    missing: the share that no cache holds of all it touches. cache_bytes: the last cache's size.
    """

    read: tuple[Piece, ...]
    written: tuple[Piece, ...]
    overwritten: tuple[Piece, ...]
    missing: float
    cache_bytes: int

    def far(self, span_bytes: int) -> float:
        """Share of a span, passed over again within the kernel, that no cache holds any more."""
        return 1.0 - exp(-span_bytes * self.missing / self.cache_bytes) if self.cache_bytes else 1.0


@dataclass(frozen=True, slots=True)
class _Touch:
    """A piece that a kernel touches, and which kernel touched it before, by their turns."""

    turn: int
    before: int
    size_bytes: int
    span_bytes: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a kernel touches: its boundary and its buffers by region, and what it passes over again.

    busy_s: how long it computes meanwhile.
    """

    reads: tuple[Region, ...]
    writes: tuple[Region, ...]
    within: tuple[Stream, ...]
    busy_s: float

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions, each once."""
        return tuple(dict.fromkeys((*self.reads, *self.writes)))


class History:
    """What each kernel of a program touches, over and over, whatever the size of the caches.

    worker: what computes meanwhile, so long as its arithmetic takes; it has a core.
    """

    def __init__(self, program: Program, worker: Worker) -> None:
        places = Places(program)
        self._indices = [index for index, kernel in enumerate(program.kernels) if kernel.runs]
        self._turns = [_turn(program.kernels[index].meta, places, worker) for index in self._indices]
        touches = _touches([turn.regions for turn in self._turns])
        self._pieces = [
            dict(zip(t.regions, found, strict=True)) for t, found in zip(self._turns, touches, strict=True)
        ]
        self._all = tuple(touch for found in touches for pieces in found for touch in pieces)
        self._known: dict[tuple[int, float], Mapping[int, Reuse]] = {}

    def on(self, core: CoreNumbers, machine: Machine) -> Mapping[int, Reuse]:
        """Return what each kernel that runs finds in the caches of a machine, by its place in the program."""
        key = max(core.near_cache_bytes, machine.cache_bytes), core.displaced_bytes_per_s
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = self._solved(*key)
        return self._known[key]

    def _solved(self, cache_bytes: int, displaced_bytes_per_s: float) -> Mapping[int, Reuse]:
        far, missing = _missing(self._all, self._turns, cache_bytes, displaced_bytes_per_s)
        shares = dict(zip(self._all, far, strict=True))
        found = {}
        for turn, index in enumerate(self._indices):
            own = self._turns[turn]
            over = tuple(region for region in own.writes if region in own.reads)
            fresh = tuple(region for region in own.writes if region not in own.reads)
            found[index] = Reuse(
                read=self._cut(turn, own.reads, shares),
                written=self._cut(turn, fresh, shares),
                overwritten=self._cut(turn, over, shares),
                missing=missing[turn],
                cache_bytes=cache_bytes,
            )
        return found

    def _cut(self, turn: int, regions: Iterable[Region], shares: dict[_Touch, float]) -> tuple[Piece, ...]:
        touches = (touch for region in regions for touch in self._pieces[turn][region])
        return tuple(Piece(t.size_bytes, t.span_bytes, shares[t]) for t in touches)


def _turn(meta: MetaNode, places: Places, worker: Worker) -> _Turn:
    nest, core = loops.of(meta), worker.core
    assert core is not None  # noqa: S101 - the caller asks only for such workers
    buffer_bytes = streams.buffer_bytes(meta, nest, core)
    buffers = (Region(_BUFFERS, 0, buffer_bytes),) if buffer_bytes else ()
    within = tuple(streams.within(meta, nest, core))
    speed = worker.clock_hz * worker.speed_of(duration.operator_name(meta, core))
    busy_s = duration.cycles(meta, nest, worker, core) / speed
    return _Turn(places.of(meta.inputs), (*places.of(meta.outputs), *buffers), within, busy_s)


def _touches(regions: Sequence[Sequence[Region]]) -> list[tuple[tuple[_Touch, ...], ...]]:
    """Cut the regions of each turn by who touched them last."""
    sizes = [sum(region.size_bytes for region in own) for own in regions]
    return [
        tuple(tuple(_cut(region, turn, regions, sizes)) for region in own) for turn, own in enumerate(regions)
    ]


def _cut(
    region: Region, turn: int, regions: Sequence[Sequence[Region]], sizes: Sequence[int]
) -> Iterator[_Touch]:
    """Cut a region by who touched it last; what nobody has is as old as all that was looked over."""
    left, passed = [region], sizes[turn] // 2
    seen: set[Region] = set()
    for back in range(1, min(len(regions), _LOOK_BACK) + 1):
        before = (turn - back) % len(regions)
        covered_bytes = _size_bytes(left)
        for touched in regions[before]:
            left = [rest for some in left for rest in some.without(touched)]
        covered_bytes -= _size_bytes(left)
        if covered_bytes:
            yield _Touch(turn, before, covered_bytes, passed + sizes[before] // 2)
        if not left:
            return
        new = [touched for touched in regions[before] if touched not in seen]
        seen.update(new)
        passed += _size_bytes(new)
    yield _Touch(turn, turn, _size_bytes(left), passed)


def _size_bytes(regions: Iterable[Region]) -> int:
    return sum(region.size_bytes for region in regions)


def _missing(
    touches: Sequence[_Touch], own: Sequence[_Turn], cache_bytes: int, displaced_bytes_per_s: float
) -> tuple[list[float], list[float]]:
    """Share that no cache holds of each touch, and of all that each turn touches."""
    turns = len(own)
    turn: Indices = np.array([touch.turn for touch in touches], dtype=int)
    before: Indices = np.array([touch.before for touch in touches], dtype=int)
    size = np.array([touch.size_bytes for touch in touches], dtype=float)
    again = [(index, stream) for index, one in enumerate(own) for stream in one.within]
    again_turn: Indices = np.array([index for index, _ in again], dtype=int)
    again_size = np.array([stream.moved_bytes for _, stream in again], dtype=float)
    again_span = np.array([stream.span_bytes for _, stream in again], dtype=float)
    touched = np.bincount(turn, size, turns) + np.bincount(again_turn, again_size, turns)
    by_others = displaced_bytes_per_s * np.array([one.busy_s for one in own])
    rate, far = np.ones(turns), np.ones_like(size)
    for _ in range(_INFERENCES if cache_bytes else 0):
        far = 1.0 - np.exp(-_missed_since(turn, before, rate * touched + by_others) / cache_bytes)
        again_far = 1.0 - np.exp(-again_span * rate[again_turn] / cache_bytes)
        missed = np.bincount(turn, size * far, turns) + np.bincount(again_turn, again_size * again_far, turns)
        rate = missed / np.maximum(touched, 1.0)
    return far.tolist(), rate.tolist()


def _missed_since(turn: Indices, before: Indices, missed: Numbers) -> Numbers:
    """Bytes that missed between two touches: half of either kernel's, and all of those between them."""
    sums = np.concatenate([[0.0], np.cumsum(missed)])
    whole = np.where(before < turn, 0.0, sums[-1])
    since: Numbers = whole + sums[turn] - sums[before + 1] + (missed[turn] + missed[before]) / 2
    return since
