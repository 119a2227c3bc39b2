"""How long it takes to move what a kernel moves, through two caches and DRAM.

Every kernel reads and writes its boundary, and passes over more besides (`streams.py`). How much of it lies
in which cache depends on what was touched since it was touched last (`reuse.py`).

A shuffle stores elements one by one; where their lines lie in DRAM, each waits in the core's store buffer for
its line, and the buffer's length over DRAM's latency is all that goes through.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Final

from latencylab.cpu import streams
from latencylab.cpu.streams import Stream
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.cpu.reuse import Piece, Reuse
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers, Machine

# Enough for a tenth of a percent of a span; close above the size of a cache each step halves the error.
_NEWTON_STEPS: Final = 8


def seconds(
    meta: MetaNode, nest: LoopNest | None, core: CoreNumbers, machine: Machine, reuse: Reuse
) -> float:
    """Time to move all that a kernel moves, of which the caches hold what `reuse` says."""
    moved = (
        *_boundary(meta, reuse),
        *((s, reuse.far(s.span_bytes)) for s in streams.within(meta, nest, core)),
    )
    moved_s = sum(_seconds(stream, far, core, machine) for stream, far in moved)
    waiting = _lone_stores(meta) * _far_of(reuse.written)
    return moved_s + waiting * machine.dram_latency_ps / PS_PER_S / core.stores_in_flight


def _boundary(meta: MetaNode, reuse: Reuse) -> Iterator[tuple[Stream, float]]:
    """Yield what a kernel touches for the first time, with the share of it that no cache holds."""
    for piece in reuse.read:
        yield Stream(piece.size_bytes, 0, piece.span_bytes), piece.far
    for piece in reuse.written:
        yield Stream(0, piece.size_bytes, piece.span_bytes), piece.far
    for piece in reuse.overwritten:
        yield Stream(0, 0, piece.span_bytes, piece.size_bytes), piece.far
    yield Stream(meta.weight_bytes, 0, meta.boundary_bytes), reuse.far(meta.boundary_bytes)


def _far_of(pieces: tuple[Piece, ...]) -> float:
    """Share of some pieces that no cache holds."""
    size = sum(piece.size_bytes for piece in pieces)
    return sum(piece.size_bytes * piece.far for piece in pieces) / size if size else 0.0


def _seconds(stream: Stream, far: float, core: CoreNumbers, machine: Machine) -> float:
    """Time of a stream of which no cache holds the share `far`.

    A line written to DRAM is fetched and stored, and only stored where it was read just before: half of that.
    """
    near = min(1.0 - far, _held(stream.span_bytes, core.near_cache_bytes))
    last = 1.0 - near - far
    time_s = stream.moved_bytes * near / core.near_cache_bytes_per_s
    if last:
        time_s += stream.moved_bytes * last / machine.cache_bytes_per_s
    stored_bytes = stream.written_bytes + stream.overwritten_bytes / 2
    return time_s + (stream.read_bytes + core.stored * stored_bytes) * far / machine.dram_bytes_per_s


def _lone_stores(meta: MetaNode) -> float:
    """Stores of a DepthToSpace: one for each run of elements where that fills a register, else one each."""
    if meta.kind != "DepthToSpace":
        return 0.0
    run = int(meta.node.attributes.get("blocksize", 1))
    return sum(t.elements for t in meta.outputs) / (run if run & (run - 1) == 0 else 1)


def _held(span_bytes: int, cache_bytes: int) -> float:
    """Share of a span, passed over again and again, that a cache still holds when a line comes round.

    It replaces lines nearly at random. Of `load` caches' worth passed over, the share that missed displaced
    lines: held = exp(-load (1 - held)), by Newton's method from below, where it converges.
    """
    if span_bytes <= cache_bytes:
        return 1.0
    if not cache_bytes:
        return 0.0
    load, held = span_bytes / cache_bytes, 0.0
    for _ in range(_NEWTON_STEPS):
        kept = exp(-load * (1.0 - held))
        held -= (held - kept) / (1.0 - load * kept)
    return held
