"""Where maps lie in memory, and what caches hold of them: by hand, by law, and played line by line."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from cpu_kernels import COLUMNS, MAP, PROFILE, ROWS, core, program

from latencylab import zoo
from latencylab.cpu.places import Places
from latencylab.cpu.reuse import History
from latencylab.npu import machine, memory
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.cpu.reuse import Reuse
    from latencylab.lowering import Program

BYTES = 4 * MAP * 4
NETWORKS = ("abpn_x3", "xlsr_x3", "imdn_rtc_x2", "fsrcnn_x3", "edge_sr_tm_y_x3", "rfdn_x3")


def image() -> tuple[Net, object]:
    net = Net("one", weights=False)
    return net, net.input("x", (1, 4, ROWS, COLUMNS))


def chain(length: int) -> Program:
    """Differences one after another: each reads a map and writes one, and none over its input."""
    net, x = image()
    for step in range(length):
        x = net.sub(x, 0.5 + step)
    return program(net.model(x))


def named(name: str, size: str = "height=90&width=160") -> Program:
    return program(zoo.build(f"{name}?{size}", weights=False))


def found(some: Program, cache_bytes: int) -> Mapping[int, Reuse]:
    """What kernels find in a cache of a size, shared with nobody, behind none of the core's own."""
    return shared(some, cache_bytes, 0.0)


def shared(some: Program, cache_bytes: int, displaced_bytes_per_s: float) -> Mapping[int, Reuse]:
    """What they find in one in which others displace so much."""
    device = machine.of(PROFILE)
    (worker,) = device.workers.values()
    own = replace(core(), near_cache_bytes=0, displaced_bytes_per_s=displaced_bytes_per_s)
    return History(some, worker).on(own, replace(device, cache_bytes=cache_bytes))


def far_bytes(some: Mapping[int, Reuse]) -> float:
    pieces = (p for reuse in some.values() for p in (*reuse.read, *reuse.written, *reuse.overwritten))
    return sum(piece.size_bytes * piece.far for piece in pieces)


def test_the_maps_of_a_chain_take_turns_in_two_places() -> None:
    some = chain(5)
    places = Places(some)
    starts = [places.of(kernel.meta.outputs)[0].start for kernel in some.kernels[:-1]]
    assert starts == [0, BYTES, 0, BYTES]


def test_what_is_still_to_be_read_is_not_written_over() -> None:
    net, x = image()
    skip = net.sub(x, 0.5)
    y = net.sub(net.sub(skip, 1.5), 2.5)
    some = program(net.model(net.add(net.sub(y, 3.5), skip)))
    starts = [Places(some).of(kernel.meta.outputs)[0].start for kernel in some.kernels[:-1]]
    assert starts == [0, BYTES, 2 * BYTES, BYTES]


def test_an_activation_is_written_over_its_input_where_nothing_else_reads_it() -> None:
    net, x = image()
    some = program(net.model(net.sub(net.tanh(net.sub(x, 0.5)), 1.5)))
    first, tanh, _ = (Places(some).of(kernel.meta.outputs) for kernel in some.kernels)
    assert tanh == first
    reuse = found(some, 2**30)[1]
    assert sum(piece.size_bytes for piece in reuse.overwritten) == BYTES
    assert reuse.written == ()

    net, x = image()
    y = net.sub(x, 0.5)
    some = program(net.model(net.add(net.tanh(y), y)))
    first, tanh, _ = (Places(some).of(kernel.meta.outputs) for kernel in some.kernels)
    assert tanh != first


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_that_live_at_the_same_time_never_share_memory(name: str) -> None:
    some = named(name)
    places = Places(some)
    lives = memory.lifetimes(some, strips=False)
    for index in range(len(some.kernels)):
        alive = [life for life in lives if life.first <= index < life.last]
        regions = sorted((places.of([life.tensor])[0] for life in alive), key=lambda r: r.start)
        assert all(one.end <= other.start for one, other in pairwise(regions))


@pytest.mark.parametrize("name", NETWORKS)
def test_all_that_a_kernel_touches_is_in_some_piece(name: str) -> None:
    some = named(name)
    for index, reuse in found(some, 2**24).items():
        meta = some.kernels[index].meta
        inputs = {t.name: t.size_bytes for t in meta.inputs}
        assert sum(p.size_bytes for p in reuse.read) == sum(inputs.values())
        written = sum(p.size_bytes for p in (*reuse.written, *reuse.overwritten))
        assert written >= sum(t.size_bytes for t in meta.outputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_larger_cache_never_misses_more(name: str) -> None:
    some = named(name)
    missed = [far_bytes(found(some, size)) for size in (0, 2**20, 2**22, 2**24, 2**26, 2**32)]
    assert all(more >= less for more, less in pairwise(missed))
    assert missed[-1] < 0.01 * missed[0]


def test_a_network_that_fits_misses_nothing_and_one_that_does_not_misses_most() -> None:
    some = chain(8)
    assert far_bytes(found(some, 100 * BYTES)) < 1e-3 * far_bytes(found(some, 0))
    assert far_bytes(found(some, BYTES)) > 0.8 * far_bytes(found(some, 0))


@pytest.mark.parametrize("slots", [150, 250, 300, 500])
def test_what_misses_agrees_with_a_cache_played_line_by_line(slots: int) -> None:
    """A second derivation: six kernels go over maps of 100 lines, and lines replace one another by chance."""
    lines, some = 100, chain(6)
    places = Places(some)
    maps = [(places.of(k.meta.inputs)[0], places.of(k.meta.outputs)[0]) for k in some.kernels]
    chance = random.Random(1)
    held: dict[object, int] = {}
    slot_of: list[object] = [None] * slots
    missed = 0

    def touch(line: object) -> int:
        if line in held:
            return 0
        slot = chance.randrange(slots)
        held.pop(slot_of[slot], None)
        slot_of[slot], held[line] = line, slot
        return 1

    rounds, warm = 60, 20
    for turn in range(rounds):
        for source, target in maps:
            for line in range(lines):
                fresh = touch((source, line)) + touch((target, line))
                missed += fresh if turn >= warm else 0
    played = missed / (rounds - warm) / (2 * lines * len(maps))
    predicted = far_bytes(found(some, slots * BYTES // lines)) / (2 * BYTES * len(maps))
    assert predicted == pytest.approx(played, abs=0.06)


def test_a_kernel_alone_finds_its_own_last_inference() -> None:
    (reuse,) = found(chain(1), 2**30).values()
    assert [piece.span_bytes for piece in (*reuse.read, *reuse.written)] == [2 * BYTES, 2 * BYTES]


@pytest.mark.parametrize("name", NETWORKS)
def test_more_that_others_displace_never_misses_less(name: str) -> None:
    some = named(name)
    missed = [far_bytes(shared(some, 2**26, rate)) for rate in (0.0, 1e6, 1e8, 1e9, 1e11)]
    assert all(less <= more for less, more in pairwise(missed))
    assert missed[-1] > 10 * missed[0]
