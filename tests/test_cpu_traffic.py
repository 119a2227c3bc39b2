"""How long a stream takes through two caches and DRAM, and how passes share out channels."""

from __future__ import annotations

import math
import random

import pytest
from cpu_kernels import MAP, PROFILE, convolution, core
from hypothesis import given
from hypothesis import strategies as st

from latencylab import loops
from latencylab.cpu import duration, passes, traffic
from latencylab.cpu.streams import Stream
from latencylab.npu import machine

MACHINE = machine.of(PROFILE)
BYTES = st.integers(0, 2**28)


@given(BYTES, BYTES, BYTES, st.floats(0, 1), st.integers(1, 2**29))
def test_more_bytes_or_fewer_of_them_in_a_cache_never_take_less_time(
    read: int, written: int, over: int, far: float, span: int
) -> None:
    def time_s(far: float, *stream: int) -> float:
        return traffic._seconds(Stream(*stream), far, core(), MACHINE)

    least = time_s(far, read, written, span, over)
    slack = 1 + 1e-9
    assert least <= time_s(far, read + 64, written, span, over) * slack
    assert least <= time_s(far, read, written + 64, span, over) * slack
    assert least <= time_s(far, read, written, span, over + 64) * slack
    assert least <= time_s(far, read, written, 2 * span, over) * slack
    assert least <= time_s((1 + far) / 2, read, written, span, over) * slack


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


def test_a_line_written_to_dram_costs_what_the_profile_says_and_half_where_it_was_read() -> None:
    size, span = 2**20, 2**40
    read, written, over = (
        traffic._seconds(stream, 1.0, core(), MACHINE)
        for stream in (Stream(size, 0, span), Stream(0, size, span), Stream(0, 0, span, size))
    )
    assert written == pytest.approx(core().stored * read)
    assert over == pytest.approx(written / 2)


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
