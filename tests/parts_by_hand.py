"""Parts of a comparison, written in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.comparison import Part

if TYPE_CHECKING:
    from collections.abc import Iterable


def part(
    name: str, kind: str = "Conv", ps: int = 100, shape: tuple[int, ...] = (1, 28, 36, 64), **more: int
) -> Part:
    return Part(
        name, kind, "nn", shape, more.get("macs", 1), more.get("dram_bytes", 0), more.get("start_ps", 0), ps
    )


def in_turn(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Place parts one after the other."""
    start_ps, placed = 0, []
    for p in parts:
        placed.append(Part(p.name, p.kind, p.engine, p.shape, p.macs, p.dram_bytes, start_ps, p.latency_ps))
        start_ps += p.latency_ps
    return tuple(placed)


def end_ps(parts: Iterable[Part]) -> int:
    return max((p.end_ps for p in parts), default=0)
