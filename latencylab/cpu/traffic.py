"""How long it takes to move what a kernel moves, through two caches and DRAM.

Every kernel reads and writes its boundary, and passes over more besides (`streams.py`). What of it lies in which
cache depends on how much was touched since it was touched last (`reuse.py`).

A shuffle stores elements one by one; where their lines lie in DRAM, each waits in the core's store buffer for
its line, and the buffer's length over DRAM's latency is all that goes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Final

from latencylab.cpu import streams
from latencylab.cpu.streams import Stream
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers, Machine

# Enough for a tenth of a percent of a span; close above the size of a cache each step halves the error.
_NEWTON_STEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that were all touched last by the same kernel, and how much has been touched since."""

    size_bytes: int
    span_bytes: int


@dataclass(frozen=True, slots=True)
class Reuse:
    """Pieces of what a kernel reads, of what it writes, and of what it writes over its input."""

    read: tuple[Piece, ...]
    written: tuple[Piece, ...]
    overwritten: tuple[Piece, ...] = ()


def seconds(
    meta: MetaNode, nest: LoopNest | None, core: CoreNumbers, machine: Machine, reuse: Reuse | None = None
) -> float:
    """Time to move all that a kernel moves.

    reuse: what it touches again; without it, as if nothing else ran.
    """
    reuse = reuse or _alone(meta)
    moved = (*_boundary(meta, reuse), *streams.within(meta, nest, core))
    moved_s = sum(_seconds(stream, core, machine) for stream in moved)
    waiting = _lone_stores(meta) * _far_of(reuse.written, core, machine)
    waiting_s = waiting * machine.dram_latency_ps / PS_PER_S / core.stores_in_flight
    return moved_s + waiting_s


def _seconds(stream: Stream, core: CoreNumbers, machine: Machine) -> float:
    """Time of a stream.

    A line written to DRAM is fetched and stored, and only stored where it was read just before: half of that.
    """
    stored_bytes = stream.written_bytes + stream.overwritten_bytes
    moved_bytes = stream.read_bytes + stored_bytes
    near = _held(stream.span_bytes, core.near_cache_bytes)
    far = _far_share(stream.span_bytes, core, machine)
    last = max(0.0, 1.0 - near - far)
    time_s = moved_bytes * near / core.near_cache_bytes_per_s
    if last:
        time_s += moved_bytes * last / machine.cache_bytes_per_s
    far_bytes = stream.read_bytes + core.stored * (stored_bytes - stream.overwritten_bytes / 2)
    return time_s + far_bytes * far / machine.dram_bytes_per_s


def _alone(meta: MetaNode) -> Reuse:
    """What a kernel touches again where nothing else runs: its own boundary."""
    span = meta.boundary_bytes
    read = tuple(Piece(t.size_bytes, span) for t in meta.inputs)
    return Reuse(read, tuple(Piece(t.size_bytes, span) for t in meta.outputs))


def _boundary(meta: MetaNode, reuse: Reuse) -> Iterator[Stream]:
    for piece in reuse.read:
        yield Stream(piece.size_bytes, 0, piece.span_bytes)
    for piece in reuse.written:
        yield Stream(0, piece.size_bytes, piece.span_bytes)
    for piece in reuse.overwritten:
        yield Stream(0, 0, piece.span_bytes, piece.size_bytes)
    yield Stream(meta.weight_bytes, 0, meta.boundary_bytes)


def _far_of(pieces: tuple[Piece, ...], core: CoreNumbers, machine: Machine) -> float:
    """Share of some pieces that neither cache holds."""
    size = sum(piece.size_bytes for piece in pieces)
    far = sum(piece.size_bytes * _far_share(piece.span_bytes, core, machine) for piece in pieces)
    return far / size if size else 0.0


def _lone_stores(meta: MetaNode) -> float:
    """Stores of a DepthToSpace: one for each run of elements where that fills a register, else one each."""
    if meta.kind != "DepthToSpace":
        return 0.0
    run = int(meta.node.attributes.get("blocksize", 1))
    return sum(t.elements for t in meta.outputs) / (run if run & (run - 1) == 0 else 1)


def _far_share(span_bytes: int, core: CoreNumbers, machine: Machine) -> float:
    """Share of a span that neither cache holds."""
    return 1.0 - _held(span_bytes, max(core.near_cache_bytes, machine.cache_bytes))


def _held(span_bytes: int, cache_bytes: int) -> float:
    """Share of a span, passed over again and again, that a cache still holds when a line comes round.

    A large cache replaces lines nearly at random. Of `load` caches' worth passed over, the share that missed
    displaced lines: held = exp(-load (1 - held)), by Newton's method from below, where it converges.
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
