"""What a kernel moves besides its boundary, and how passes share out channels: counted by hand."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latencylab import device, fusion, loops, lowering, pipeline
from latencylab.cpu import duration, passes, traffic
from latencylab.cpu.choice import Variant
from latencylab.cpu.layouts import CHANNELS_LAST
from latencylab.cpu.traffic import Stream
from latencylab.npu import machine
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from onnx import ModelProto

    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode
    from latencylab.npu.machine import CoreNumbers

PROFILE = device.load("onnxruntime_cpu")  # blocks of 8 channels, four at once
MACHINE = machine.of(PROFILE)
ROWS, COLUMNS = 32, 48
MAP = ROWS * COLUMNS
BLOCK_BYTES = 8 * MAP * 4


def core(profile: DeviceProfile = PROFILE) -> CoreNumbers:
    (worker,) = machine.of(profile).workers.values()
    assert worker.core is not None
    return worker.core


def kernel(model: ModelProto, kind: str) -> MetaNode:
    """The only kernel of a kind in a network of one layer."""
    network = pipeline.read(model, name="one")
    graph = pipeline.declared(network.graph, PROFILE, None)
    kernels = lowering.lower(fusion.decompose(graph, PROFILE.fusion), PROFILE).kernels
    (found,) = [k.meta for k in kernels if k.meta.kind == kind]
    return found


def convolution(inputs: int, outputs: int, window: int = 3, **options: int) -> MetaNode:
    net = Net("one", weights=False)
    x = net.input("x", (1, inputs, ROWS, COLUMNS))
    return kernel(net.model(net.conv(x, outputs, window, **options)), "Conv")


def beyond(meta: MetaNode) -> tuple[Stream, ...]:
    """All streams but the boundary, which always comes first."""
    first, *rest = traffic.streams(meta, loops.of(meta), core())
    assert first.read_bytes + first.written_bytes == meta.boundary_bytes == first.span_bytes
    return tuple(rest)


def test_sums_of_a_map_are_passed_over_for_each_step_but_the_first() -> None:
    # 24 input channels: three blocks; 16 output channels: two blocks in one pass.
    (again,) = beyond(convolution(24, 16))
    assert again == Stream(2 * 2 * BLOCK_BYTES, 2 * 2 * BLOCK_BYTES, 2 * BLOCK_BYTES + BLOCK_BYTES)


def test_a_second_pass_reads_the_input_anew() -> None:
    # 40 output channels: a pass of four blocks, then one of one; 8 input channels: one step.
    first, second = beyond(convolution(8, 40))
    assert (first.read_bytes, first.written_bytes) == (0, 0)
    assert (second.read_bytes, second.written_bytes) == (BLOCK_BYTES, 0)


@pytest.mark.parametrize(("inputs", "window"), [(8, 3), (128, 1), (3, 9), (3, 1)])
def test_what_is_summed_up_in_one_step_is_written_once(inputs: int, window: int) -> None:
    assert sum(s.read_bytes + s.written_bytes for s in beyond(convolution(inputs, 8, window))) == 0


def test_a_transposed_convolution_writes_and_reads_its_products() -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, 12, ROWS, COLUMNS))
    (products,) = beyond(kernel(net.model(net.conv_transpose(x, 3, 9, 3)), "ConvTranspose"))
    size = 3 * 81 * MAP * 4
    assert products == Stream(size, size, size)


@pytest.mark.parametrize(("axis", "copies"), [(1, 2), (3, 0), (-1, 0)])
def test_a_softmax_over_another_axis_works_on_copies(axis: int, copies: int) -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, 4, ROWS, COLUMNS))
    meta = kernel(net.model(net.op("Softmax", x, axis=axis)), "Softmax")
    size = 4 * MAP * 4
    assert sum(s.read_bytes for s in beyond(meta)) == copies * size


@pytest.mark.parametrize(("channels", "fetched"), [(4, 16), (16, 64), (48, 64)])
def test_a_mean_over_channels_that_lie_last_fetches_lines(channels: int, fetched: int) -> None:
    net = Net("one", weights=False)
    x = net.input("x", (1, channels, ROWS, COLUMNS))
    meta = kernel(net.model(net.reduce("Mean", x, 2, 3)), "ReduceMean")
    assert beyond(meta) == ()
    attributes = {**meta.node.attributes, CHANNELS_LAST: 1}
    last = replace(meta, node=replace(meta.node, attributes=attributes))
    assert beyond(last) == (Stream((channels - 1) * MAP * fetched, 0, channels * MAP * 4),)


CACHES = st.sampled_from([2**18, 2**21, 2**25, 2**28])
BYTES = st.integers(0, 2**28)


@given(BYTES, BYTES, CACHES, st.integers(1, 2**29))
def test_more_bytes_or_a_longer_way_back_never_take_less_time(
    read: int, written: int, cache_bytes: int, span: int
) -> None:
    profile = PROFILE.with_values({"memory.cache.size_bytes": cache_bytes})
    device_, own = machine.of(profile), core(profile)

    def time_s(*stream: int) -> float:
        return traffic._seconds(Stream(*stream), own, device_)

    slack = 1 + 1e-9
    assert time_s(read, written, span) <= time_s(read + 64, written, span)
    assert time_s(read, written, span) <= time_s(read, written + 64, span)
    assert time_s(read, written, span) <= time_s(read, written, 2 * span) * slack


@given(st.floats(1.01, 60))
def test_what_a_cache_holds_of_a_longer_span_is_what_random_replacement_leaves(load: float) -> None:
    held = traffic._held(round(load * 2**30), 2**30)
    assert held == pytest.approx(math.exp(-load * (1 - held)), abs=1e-3)
    assert held < 1 / load  # less than its size over the span


def test_a_cache_holds_all_that_fits_and_none_holds_nothing() -> None:
    assert traffic._held(2**20, 2**20) == 1
    assert traffic._held(2**20, 0) == 0


def test_random_replacement_agrees_with_a_cache_played_line_by_line() -> None:
    """A second derivation: 1,000 random slots, a span of 1,500 lines read ten times."""
    chance, slots, where = random.Random(1), [-1] * 1000, dict[int, int]()
    hits = 0
    for visit in range(15_000):
        line = visit % 1500
        if line in where:
            hits += visit >= 7500
            continue
        slot = chance.randrange(1000)
        where.pop(slots[slot], None)
        slots[slot], where[line] = line, slot
    assert hits / 7500 == pytest.approx(traffic._held(1500, 1000), abs=0.03)


def test_buffers_of_an_integer_convolution_displace_one_another() -> None:
    nest = loops.of(convolution(16, 8))
    assert nest is not None
    (buffers,) = traffic._buffered(nest, Variant.INTEGER)
    sums, spread = 8 * MAP * 4, 16 * 9 * MAP
    assert buffers == Stream(sums + spread, sums + 2 * spread, sums + spread)
    (sums_only,) = traffic._buffered(nest, Variant.INTEGER_DEPTHWISE)
    assert sums_only == Stream(sums, sums + 9 * MAP * 8, sums + 9 * MAP * 8)


def test_a_line_of_dram_is_fetched_before_it_is_written() -> None:
    far, size = 2**40, 2**20
    read = traffic._seconds(Stream(size, 0, far), core(), MACHINE)
    written = traffic._seconds(Stream(0, size, far), core(), MACHINE)
    assert written == pytest.approx(2 * read, rel=1e-3)


def test_passes_share_out_channels() -> None:
    assert passes.of(72, core()) == {4: 2, 1: 1}
    assert passes.of(32, core()) == {4: 1}
    assert passes.of(1, core()) == {1: 1}


@given(st.integers(1, 500), st.sampled_from([8, 16]), st.integers(1, 4))
def test_every_channel_is_in_a_pass_and_no_vector_is_empty(channels: int, width: int, at_once: int) -> None:
    vectors = sum(n * count for n, count in passes.shared_out(channels, width, at_once).items())
    assert (vectors - 1) * width < channels <= vectors * width


def test_an_integer_product_pays_for_whole_vectors_and_for_every_leftover_channel() -> None:
    """27 channels cost more than 32 do: as many vectors, and five steps of narrowing for one of sixteen."""
    own = core()

    def cycles(channels: int) -> float:
        nest = loops.of(convolution(16, channels))
        assert nest is not None
        return duration._integer_product(nest, 1.0, own) + duration._requantized(nest, own)

    narrowing = (2 + 3) * own.cycles["ragged_integer"] - 16 * own.cycles["requantize"]
    assert narrowing > 0
    assert cycles(27) - cycles(32) == pytest.approx(MAP * narrowing)
