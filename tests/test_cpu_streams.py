"""What a kernel passes over again besides its boundary: counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cpu_kernels import BLOCK_BYTES, COLUMNS, MAP, ROWS, convolution, core, kernel

from latencylab import loops
from latencylab.cpu import streams
from latencylab.cpu.layouts import CHANNELS_LAST
from latencylab.cpu.streams import Stream
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from latencylab.graph import MetaNode


def again(meta: MetaNode) -> tuple[Stream, ...]:
    return tuple(streams.within(meta, loops.of(meta), core()))


def buffers(meta: MetaNode) -> int:
    return streams.buffer_bytes(meta, loops.of(meta), core())


def integer(inputs: int, outputs: int, window: int = 3, **options: int) -> MetaNode:
    """The same convolution as an integer kernel: its element type picks the kernel."""
    return replace(convolution(inputs, outputs, window, **options), dtype="uint8")


def test_sums_of_a_map_are_passed_over_for_each_step_but_the_first() -> None:
    # 24 input channels: three blocks; 16 output channels: two blocks in one pass.
    (sums,) = again(convolution(24, 16))
    assert sums == Stream(2 * 2 * BLOCK_BYTES, 0, 2 * BLOCK_BYTES + BLOCK_BYTES, 2 * 2 * BLOCK_BYTES)


def test_a_second_pass_reads_the_input_anew() -> None:
    # 40 output channels: a pass of four blocks, then one of one; 8 input channels: one step.
    first, second = again(convolution(8, 40))
    assert first.moved_bytes == 0
    assert second == Stream(BLOCK_BYTES, 0, second.span_bytes)


@pytest.mark.parametrize(("inputs", "window"), [(8, 3), (128, 1), (3, 9), (3, 1)])
def test_what_is_summed_up_in_one_step_is_written_once(inputs: int, window: int) -> None:
    assert sum(stream.moved_bytes for stream in again(convolution(inputs, 8, window))) == 0


def test_sums_of_an_images_row_are_passed_over_where_the_row_is_long() -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, 3, 4, 2000))  # a row of a block: 64 kB
    (sums,) = again(kernel(net.model(net.conv(x, 8)), "Conv"))
    row_bytes = 8 * 2000 * 4
    assert sums == Stream(2 * 4 * row_bytes, 0, row_bytes, 2 * 4 * row_bytes)


def test_a_transposed_convolution_reads_its_products_and_adds_them_one_by_one() -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, 12, ROWS, COLUMNS))
    meta = kernel(net.model(net.conv_transpose(x, 3, 9, 3)), "ConvTranspose")
    products, added = again(meta)
    size = 3 * 81 * MAP * 4
    assert buffers(meta) == size
    assert products == Stream(size, 0, size)
    # A stride of three touches three times the bytes that it adds.
    assert (added.read_bytes, added.overwritten_bytes) == (3 * size, 3 * size)


@pytest.mark.parametrize(("axis", "copies"), [(1, 2), (3, 0), (-1, 0)])
def test_a_softmax_over_another_axis_works_on_copies(axis: int, copies: int) -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, 4, ROWS, COLUMNS))
    meta = kernel(net.model(net.op("Softmax", x, axis=axis)), "Softmax")
    size = 4 * MAP * 4
    assert buffers(meta) == copies * size
    assert sum(stream.read_bytes for stream in again(meta)) == copies * size


@pytest.mark.parametrize(("channels", "fetched"), [(4, 16), (16, 64), (48, 64)])
def test_a_mean_over_channels_that_lie_last_fetches_lines(channels: int, fetched: int) -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, channels, ROWS, COLUMNS))
    meta = kernel(net.model(net.reduce("Mean", x, 2, 3)), "ReduceMean")
    assert again(meta) == ()
    attributes = {**meta.node.attributes, CHANNELS_LAST: 1}
    last = replace(meta, node=replace(meta.node, attributes=attributes))
    assert again(last) == (Stream((channels - 1) * MAP * fetched, 0, channels * MAP * 4),)


def test_an_integer_convolution_fills_its_buffer_twice_and_reads_it_slice_by_slice() -> None:
    meta = integer(16, 8)
    sums, spread = 8 * MAP * 4, 16 * 9 * MAP
    assert buffers(meta) == sums + spread
    filled, read = again(meta)
    assert filled == Stream(0, spread, sums + spread)  # zeroed before: that is the buffer's first time
    assert read == Stream(spread + sums, 0, (sums + spread) // 5)


@pytest.mark.parametrize(("inputs", "slabs"), [(32, 1), (48, 2), (64, 2), (96, 3)])
def test_each_slab_of_a_deep_window_adds_to_the_sums(inputs: int, slabs: int) -> None:
    sums = 8 * MAP * 4
    assert sum(stream.overwritten_bytes for stream in again(integer(inputs, 8))) == (slabs - 1) * sums


def test_a_bare_integer_window_reads_its_input_in_place() -> None:
    meta = integer(16, 8, 1)
    assert buffers(meta) == 8 * MAP * 4
    assert sum(stream.moved_bytes for stream in again(meta)) == buffers(meta)
