"""Queues in time, hand-overs, shares of DRAM, and which maps stay on chip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulating import profile, program
from sketch import Sketch
from strategies import networks

from latencylab.npu import machine, memory, schedule, transfers

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph

STUDY = profile("dolphin_npu", "nnapi_2021")
DEVICE = machine.of(STUDY)
law = settings(deadline=None, max_examples=60)


def two_branches() -> Graph:
    """conv -> add on the NN, sigmoid between them on the TP."""
    sketch = Sketch()
    x = sketch.conv(sketch.image(1, 8, 8, 8), 8)
    sketch.op("Add", sketch.op("Sigmoid", x), sketch.conv(x, 8))
    return sketch.graph()


def test_a_kernel_waits_for_its_engine_and_for_what_it_reads() -> None:
    lowered = program(two_branches(), STUDY)
    assert [kernel.engine for kernel in lowered.kernels] == ["nn", "tp", "nn", "nn"]
    first, sigmoid, second, add = schedule.place(lowered, DEVICE, [10, 1000, 20, 30])
    over = DEVICE.workers["tp"].handover_ps
    assert first.start_ps == DEVICE.inference_ps
    assert (sigmoid.start_ps, sigmoid.handover_ps) == (first.end_ps + over, over)
    assert second.start_ps == first.end_ps
    assert add.start_ps == sigmoid.end_ps + DEVICE.workers["nn"].handover_ps
    assert schedule.critical_path((first, sigmoid, second, add)) == (0, 1, 3)


@law
@given(networks(), st.data())
def test_a_longer_kernel_never_makes_the_inference_end_earlier(graph: Graph, data: st.DataObject) -> None:
    lowered = program(graph, STUDY)
    durations = [data.draw(st.integers(0, 10**9)) if kernel.runs else 0 for kernel in lowered.kernels]
    which = data.draw(st.integers(0, len(durations) - 1))
    longer = [d + (10**8 if i == which and lowered.kernels[i].runs else 0) for i, d in enumerate(durations)]
    ends = [max(p.end_ps for p in schedule.place(lowered, DEVICE, each)) for each in (durations, longer)]
    assert ends[0] <= ends[1]


@law
@given(networks())
def test_shares_of_dram_are_shares(graph: Graph) -> None:
    lowered = program(graph, STUDY)
    moved = [kernel.meta.boundary_bytes for kernel in lowered.kernels]
    shares = schedule.dram_shares(lowered, DEVICE, moved)
    assert set(shares) == {i for i, kernel in enumerate(lowered.kernels) if kernel.runs}
    assert all(0 < share <= 1 for share in shares.values())


def shares(profile_: DeviceProfile) -> dict[int, float]:
    """Of a convolution and a Sigmoid behind it, which move as much."""
    sketch = Sketch()
    sketch.op("Sigmoid", sketch.conv(sketch.image(1, 8, 8, 8), 8))
    lowered = program(sketch.graph(), profile_)
    return dict(schedule.dram_shares(lowered, machine.of(profile_), [512] * len(lowered.kernels)))


def test_a_chain_has_all_of_dram() -> None:
    assert set(shares(profile("dolphin_npu")).values()) == {1.0}


@pytest.mark.parametrize("faster", [1.0, 3.0])
def test_a_port_takes_what_it_can_however_fast_dram_is(faster: float) -> None:
    device = STUDY.with_values({"memory.dram.peak_bytes_per_s": 20e9 * faster})
    assert device.engines["nn"].stream_bytes_per_s is not None
    for share in shares(device).values():
        assert share * device.dram_bytes_per_s == pytest.approx(
            device.engines["nn"].stream_bytes_per_s.value, rel=1e-9
        )


def test_what_a_kernel_takes_of_dram_counts_the_bursts_it_wastes() -> None:
    """Four copies of three bytes into positions of twelve: each writes all twelve, in words of 128."""
    sketch = Sketch()
    image = sketch.image(1, 3, 8, 8)
    sketch.concat(*[image] * 4)
    where = profile("snapdragon8gen1_nnapi")
    (replicate,), device = program(sketch.graph(), where).kernels, machine.of(where)
    narrow, strided = device.patterns["narrow"], device.patterns["strided"]
    read, written = replicate.meta.inputs, replicate.meta.outputs
    streamed = transfers.streamed_bytes(replicate.meta, read, written, device)
    assert streamed == round(64 * 3 / narrow + 64 * 4 * 12 / strided)
    assert transfers.streamed_bytes(replicate.meta, (), (), device) == 0


def test_who_asks_more_of_dram_than_those_beside_it_keeps_more_of_it() -> None:
    lowered, sigmoid = program(two_branches(), STUDY), 1
    little, much = (schedule.dram_shares(lowered, DEVICE, [0, own, 10**6, 0]) for own in (10**5, 10**6))
    assert little[sigmoid] < much[sigmoid] == 0.5


@law
@given(networks(steps=20), st.integers(100, 5000))
def test_what_is_kept_fits_all_the_while(graph: Graph, capacity: int) -> None:
    lowered = program(graph, STUDY)
    for found in memory.allocations(lowered, capacity, strips=False):
        assert max(found.live_bytes) <= capacity
        for index, live in enumerate(found.live_bytes):
            kept = [life for life in found.kept if life.first <= index <= life.last]
            assert live == sum(life.size_bytes for life in kept)
            assert found.occupants(index) == tuple(sorted(life.tensor.name for life in kept))


@law
@given(networks(steps=20), st.integers(100, 5000))
def test_no_candidate_keeps_only_what_another_one_keeps(graph: Graph, capacity: int) -> None:
    found = [a.resident for a in memory.allocations(program(graph, STUDY), capacity, strips=False)]
    assert not any(a < b or b < a for i, a in enumerate(found) for b in found[:i])


@pytest.mark.parametrize(("gap", "is_reread"), [(0, False), (1, True)])
def test_what_another_kernel_has_read_is_read_again(gap: int, *, is_reread: bool) -> None:
    sketch = Sketch()
    x = sketch.image(1, 8, 8, 8)
    for _ in range(gap):
        sketch.op("Tanh", x)
    sketch.op("Sigmoid", x)
    assert memory.rereads(program(sketch.graph(), STUDY))[gap] == (is_reread,)
