"""What a kernel moves through the caches, and how long that takes.

Every kernel reads and writes its boundary once. Some pass over more: a blocked convolution over its sums,
once for each input step; an integer or a transposed convolution over buffers that no file knows of; a softmax
over another axis than the last over two copies. What is passed over again comes from wherever so much lies:
a span somewhat longer than a cache leaves little of itself there.

A mean over a map whose channels lie last takes one channel after another: each element fetches the line that
holds it. Lines a row apart fall into few sets of a cache, which keeps no more of them than of the whole map.

A shuffle stores elements one by one; where their lines lie in DRAM, each waits in the core's store buffer for
its line, and the buffer's length over DRAM's latency is all that goes through.

Source: onnxruntime/core/mlas/lib/snchwc.cpp, core/providers/cpu/quantization/qlinearconv.cc,
core/providers/cpu/nn/conv_transpose.cc, core/providers/cpu/math/softmax.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp
from typing import TYPE_CHECKING, Final

from latencylab.cpu import passes
from latencylab.cpu.choice import Variant, variant
from latencylab.cpu.layouts import CHANNELS_LAST
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers, Machine

_FLOAT_BYTES: Final = 4
_POINTER_BYTES: Final = 8
_LINE_BYTES: Final = 64
# An integer convolution shares a map out into so many slices a thread; one product runs over so many bytes.
_SLICES: Final = 5
_SLAB: Final = 384
# Enough for a tenth of a percent of a span; close above the size of a cache each step halves the error.
_NEWTON_STEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes read and written, and the span touched before the same ones come round again."""

    read_bytes: int
    written_bytes: int
    span_bytes: int


def seconds(meta: MetaNode, nest: LoopNest | None, core: CoreNumbers, machine: Machine) -> float:
    """Time to move all that a kernel moves."""
    moved = sum(_seconds(stream, core, machine) for stream in streams(meta, nest, core))
    waiting = _lone_stores(meta) * _far_share(meta.boundary_bytes, core, machine)
    return moved + waiting * machine.dram_latency_ps / PS_PER_S / core.stores_in_flight


def streams(meta: MetaNode, nest: LoopNest | None, core: CoreNumbers) -> Iterator[Stream]:
    """Yield the boundary, then what the kernel passes over besides."""
    written = sum(t.size_bytes for t in meta.outputs)
    yield Stream(meta.boundary_bytes - written, written, meta.boundary_bytes)
    if meta.kind == "Softmax" and not _is_along_rows(meta):
        yield Stream(2 * written, 2 * written, 2 * written)
    if meta.kind == "ReduceMean" and CHANNELS_LAST in meta.node.attributes:
        yield _along_a_stride(meta)
    if nest is None:
        return
    if meta.kind == "ConvTranspose":
        yield from _scattered(nest)
    elif meta.kind == "Conv":
        kind = variant(meta, core.blocked_channels)
        if kind.is_blocked:
            yield from _summed(nest, kind, core)
        elif kind in {Variant.INTEGER, Variant.INTEGER_DEPTHWISE}:
            yield from _buffered(nest, kind)


def _along_a_stride(meta: MetaNode) -> Stream:
    """Lines fetched for the elements of each channel behind the first, which the boundary holds."""
    (tensor,) = meta.inputs
    channels = tensor.shape[1]
    row_bytes = channels * _FLOAT_BYTES
    again = tensor.elements // channels * (channels - 1) * min(_LINE_BYTES, row_bytes)
    return Stream(again, 0, tensor.elements * _FLOAT_BYTES)


def _summed(nest: LoopNest, kind: Variant, core: CoreNumbers) -> Iterator[Stream]:
    """Each input step but the first adds to the sums of a whole map; each pass but the first reads anew."""
    if kind not in {Variant.DIRECT, Variant.POINTWISE}:
        return  # steps of an image lie within a row
    steps = passes.input_steps(nest, kind, core)
    step_bytes = passes.step_channels(kind, core) * nest.in_rows * nest.in_columns * _FLOAT_BYTES
    block_bytes = core.blocked_channels * nest.positions * _FLOAT_BYTES
    is_first = True
    for blocks, count in passes.of(nest.out_channels, core).items():
        sums = blocks * block_bytes * nest.groups
        again = (steps - 1) * count * sums
        anew = (count - is_first) * steps * step_bytes * nest.groups
        is_first = False
        yield Stream(again + anew, again, sums + step_bytes)


def _buffered(nest: LoopNest, kind: Variant) -> Iterator[Stream]:
    """The spread input, zeroed as a whole, filled and read; pointers in its place; 32-bit sums.

    A slice of the map is filled, multiplied and narrowed before the next one: what is read again lies a slice
    back. Of a deep window the product takes one slab after another, each added to the sums of the slice.
    """
    sums = nest.groups * nest.out_channels * nest.positions * _FLOAT_BYTES
    if kind is Variant.INTEGER_DEPTHWISE:
        pointers = nest.taps * nest.positions * _POINTER_BYTES
        yield Stream(0, sums + pointers, sums + pointers)
        yield Stream(sums + pointers, 0, (sums + pointers) // _SLICES)
        return
    is_spread = nest.taps > 1 or nest.is_strided
    spread = nest.in_channels * nest.taps * nest.positions if is_spread else 0
    yield Stream(0, 2 * spread + sums, spread + sums)
    again = sums * (ceil(nest.in_channels * nest.taps / _SLAB) - 1)
    filled_again = (nest.groups - 1) * spread
    yield Stream(nest.groups * spread + again + sums, filled_again + again, (spread + sums) // _SLICES)


def _scattered(nest: LoopNest) -> Iterator[Stream]:
    """Products of all positions, written by the matrix product and read by the scattering."""
    products = nest.groups * nest.out_channels * nest.taps * nest.positions * _FLOAT_BYTES
    yield Stream(products, products, products)


def _lone_stores(meta: MetaNode) -> float:
    """Stores of a DepthToSpace: one for each run of elements where that fills a register, else one each."""
    if meta.kind != "DepthToSpace":
        return 0.0
    run = int(meta.node.attributes.get("blocksize", 1))
    return sum(t.elements for t in meta.outputs) / (run if run & (run - 1) == 0 else 1)


def _is_along_rows(meta: MetaNode) -> bool:
    axis = int(meta.node.attributes.get("axis", -1))
    return axis in {-1, len(meta.inputs[0].shape) - 1}


def _seconds(stream: Stream, core: CoreNumbers, machine: Machine) -> float:
    """Time of a stream.

    DRAM moves what is written twice: a line is fetched before it is changed.
    """
    moved = stream.read_bytes + stream.written_bytes
    if not moved:
        return 0.0
    near = _held(stream.span_bytes, core.near_cache_bytes)
    far = _far_share(stream.span_bytes, core, machine)
    last = max(0.0, 1.0 - near - far)
    time_s = moved * near / core.near_cache_bytes_per_s
    if last:
        time_s += moved * last / machine.cache_bytes_per_s
    return time_s + (moved + stream.written_bytes) * far / machine.dram_bytes_per_s


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
