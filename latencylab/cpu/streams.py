"""What a kernel passes over again besides its boundary: sums, copies and buffers that no file knows of.

A blocked convolution passes over its sums, once for each input step; an integer or a transposed one over
buffers; a softmax over another axis than the last over two copies. What is passed over again comes from where
so much lies: a span somewhat longer than a cache leaves little there.

An integer convolution works slice by slice: a slice of the map is spread out, multiplied and narrowed before
the next one. Of a deep window the product takes one slab after another, each added to the sums of the slice.

A transposed convolution multiplies, then adds the products of one tap after another to a plane of its result.

A mean over a map whose channels lie last takes one channel after another: each element fetches the line that
holds it. Lines a row apart fall into few sets of a cache, which keeps no more of them than of the whole map.

Source: onnxruntime/core/mlas/lib/snchwc.cpp, qgemm.h, core/providers/cpu/quantization/qlinearconv.cc,
core/providers/cpu/nn/conv_transpose.cc, core/providers/cpu/math/softmax.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from latencylab.cpu import passes
from latencylab.cpu.choice import Variant, variant
from latencylab.cpu.layouts import CHANNELS_LAST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers

LINE_BYTES: Final = 64
_FLOAT_BYTES: Final = 4
_POINTER_BYTES: Final = 8
# A map is shared out into so many slices for each thread, and a product runs over so many bytes at a time.
_SLICES: Final = 5
_SLAB: Final = 384
# First-level data cache of the cores that this was timed on; others have 32 to 64 KiB.
_INNERMOST_BYTES: Final = 49152


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes read, written, and written over what was read; and the span touched until they come round."""

    read_bytes: int
    written_bytes: int
    span_bytes: int
    overwritten_bytes: int = 0

    @property
    def moved_bytes(self) -> int:
        """All of them."""
        return self.read_bytes + self.written_bytes + self.overwritten_bytes


def within(meta: MetaNode, nest: LoopNest | None, core: CoreNumbers) -> Iterator[Stream]:
    """Yield what the kernel passes over again: its boundary and its buffers behind the first time."""
    if meta.kind == "Softmax" and not _is_along_rows(meta):
        copies = buffer_bytes(meta, nest, core)
        yield Stream(copies, 0, copies)
    if meta.kind == "ReduceMean" and CHANNELS_LAST in meta.node.attributes:
        yield _along_a_stride(meta)
    if nest is None:
        return
    if meta.kind == "ConvTranspose":
        yield from _scattered(meta, nest)
    elif meta.kind == "Conv":
        kind = variant(meta, core.blocked_channels)
        if kind.is_blocked:
            yield from _summed(nest, kind, core)
        elif kind is Variant.INTEGER:
            yield from _sliced(nest)
        elif kind is Variant.INTEGER_DEPTHWISE:
            yield from _pointed_at(nest)


def buffer_bytes(meta: MetaNode, nest: LoopNest | None, core: CoreNumbers) -> int:
    """Bytes of the buffers that a kernel allocates while it runs, and writes once before all else."""
    if meta.kind == "Softmax" and not _is_along_rows(meta):
        return 2 * sum(t.size_bytes for t in meta.outputs)
    if nest is None:
        return 0
    if meta.kind == "ConvTranspose":
        return _products(nest)
    kind = variant(meta, core.blocked_channels) if meta.kind == "Conv" else None
    if kind is Variant.INTEGER:
        return _spread(nest) + _sums(nest)
    return _sums(nest) + _pointers(nest) if kind is Variant.INTEGER_DEPTHWISE else 0


def _along_a_stride(meta: MetaNode) -> Stream:
    """Lines fetched for the elements of each channel behind the first, which the boundary holds."""
    (tensor,) = meta.inputs
    channels = tensor.shape[1]
    row_bytes = channels * _FLOAT_BYTES
    again = tensor.elements // channels * (channels - 1) * min(LINE_BYTES, row_bytes)
    return Stream(again, 0, tensor.elements * _FLOAT_BYTES)


def _summed(nest: LoopNest, kind: Variant, core: CoreNumbers) -> Iterator[Stream]:
    """Each input step but the first adds to the sums of a whole map; each pass but the first reads anew."""
    if kind is Variant.FEW_INPUTS:
        yield from _summed_by_row(nest, core)
    if kind not in {Variant.DIRECT, Variant.POINTWISE}:
        return
    steps = passes.input_steps(nest, kind, core)
    step_bytes = passes.step_channels(kind, core) * nest.in_rows * nest.in_columns * _FLOAT_BYTES
    block_bytes = core.blocked_channels * nest.positions * _FLOAT_BYTES
    is_first = True
    for blocks, count in passes.of(nest.out_channels, core).items():
        sums = blocks * block_bytes * nest.groups
        again = (steps - 1) * count * sums
        anew = (count - is_first) * steps * step_bytes * nest.groups
        is_first = False
        yield Stream(again + anew, 0, sums + step_bytes, again)


def _summed_by_row(nest: LoopNest, core: CoreNumbers) -> Iterator[Stream]:
    """Each channel of an image but the first adds to the sums of a row, which may be a long one."""
    for blocks, count in passes.of(nest.out_channels, core).items():
        row = blocks * core.blocked_channels * nest.columns * _FLOAT_BYTES
        if row > _INNERMOST_BYTES:
            again = (nest.in_channels - 1) * count * row * nest.rows
            yield Stream(again, 0, row, again)


def _sliced(nest: LoopNest) -> Iterator[Stream]:
    """The spread input, zeroed as a whole; slices filled and read for each group; sums for each slab."""
    spread, sums = _spread(nest), _sums(nest)
    yield Stream(0, spread, spread + sums)
    again = sums * (ceil(nest.in_channels * nest.taps / _SLAB) - 1)
    filled_again = (nest.groups - 1) * spread
    yield Stream(nest.groups * spread + again + sums, 0, (spread + sums) // _SLICES, again + filled_again)


def _pointed_at(nest: LoopNest) -> Iterator[Stream]:
    """Pointers in the place of a spread input, and 32-bit sums."""
    both = _sums(nest) + _pointers(nest)
    yield Stream(both, 0, both // _SLICES)


def _scattered(meta: MetaNode, nest: LoopNest) -> Iterator[Stream]:
    """Products of all positions, read again; each added to its place in the result."""
    products = _products(nest)
    yield Stream(products, 0, products)
    stride = (tuple(meta.node.attributes.get("strides") or ()) or (1,))[-1]
    touched = products * min(stride, LINE_BYTES // _FLOAT_BYTES)
    yield Stream(touched, 0, nest.positions * _FLOAT_BYTES * (stride + 1), touched)


def _spread(nest: LoopNest) -> int:
    """Bytes of the spread input of one group; a plain 1x1 window reads its input in place."""
    return nest.in_channels * nest.taps * nest.positions if nest.taps > 1 or nest.is_strided else 0


def _sums(nest: LoopNest) -> int:
    return nest.groups * nest.out_channels * nest.positions * _FLOAT_BYTES


def _pointers(nest: LoopNest) -> int:
    return nest.taps * nest.positions * _POINTER_BYTES


def _products(nest: LoopNest) -> int:
    return nest.groups * nest.out_channels * nest.taps * nest.positions * _FLOAT_BYTES


def _is_along_rows(meta: MetaNode) -> bool:
    axis = int(meta.node.attributes.get("axis", -1))
    return axis in {-1, len(meta.inputs[0].shape) - 1}
