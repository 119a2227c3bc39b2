"""Laws of the simulator that hold for every network on every device, whatever its numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil, inf
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shuffling import permuted, permuted_file
from simulating import TILED, bounded, gains, picoseconds, profile, profiles, program, simulated
from strategies import networks

from latencylab import estimate, fusion, loops, pipeline, zoo
from latencylab.engines import simulator
from latencylab.errors import TilingError
from latencylab.graph import total
from latencylab.npu import memory, traffic

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.lowering import Program

# Wall time says nothing on a shared machine; building a profile counts as drawing data.
law = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

# Networks with branches on devices with one queue, with several, and with a library's kernels.
SHUFFLED = (
    ("abpn_x3", "dolphin_npu"),
    ("ecbsr_m4c16_x3", "dimensity8100_npu"),
    ("xlsr_x3", "dolphin_npu:nnapi_2021"),
    ("rfdn_x4?height=90&width=160", "onnxruntime_cpu"),
    ("imdn_x3", "snapdragon8gen1_nnapi"),
    ("lapsrn_y_x4?height=90&width=160", "snapdragon888_gpu"),
    ("inception_v4", "vs640_npu"),
    ("yolov8s", "allwinner_a733_npu"),
)


@law
@given(networks(), profiles())
def test_the_simulator_is_never_faster_than_the_roofline(graph: Graph, device: DeviceProfile) -> None:
    assert picoseconds(bounded(graph, device).latency_s) <= picoseconds(simulated(graph, device).latency_s)


@law
@given(networks(), profiles(), st.sampled_from([1.01, 1.5, 3.0]), st.data())
def test_more_bandwidth_clock_macs_or_units_never_make_anything_slower(
    graph: Graph, device: DeviceProfile, factor: float, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(gains(device)))
    value = device.parameters()[path].value
    more = ceil(value * factor) if isinstance(value, int) else value * factor
    better = device.with_values({path: min(1.0, more) if "efficiency" in path else more})
    assert simulated(graph, better).latency_s <= simulated(graph, device).latency_s
    assert bounded(graph, better).latency_s <= bounded(graph, device).latency_s


@law
@given(
    networks(steps=20),
    profiles(TILED),
    st.lists(st.integers(1024, 16384), min_size=4, unique=True, max_size=4),
)
def test_more_scratchpad_never_makes_anything_slower(
    graph: Graph, device: DeviceProfile, sizes: list[int]
) -> None:
    lowered = program(graph, device)
    latencies = [_latency_s(lowered, device, size) for size in sorted(sizes)]
    assert all(more <= less for less, more in pairwise(latencies))


def _latency_s(lowered: Program, device: DeviceProfile, scratchpad_bytes: int) -> float:
    """A scratchpad that cannot hold the smallest tile takes forever."""
    try:
        changed = device.with_values({"memory.scratchpad.size_bytes": scratchpad_bytes})
        return simulator.run(lowered, changed).latency_s
    except TilingError:
        return inf


@pytest.mark.parametrize("place", [("allwinner_a733_npu", None), ("dolphin_npu", "nnapi_2021")])
@pytest.mark.parametrize("name", ["inception_v4", "rfdn_x4?height=90&width=160"])
def test_more_scratchpad_never_makes_a_large_network_slower(name: str, place: tuple[str, str | None]) -> None:
    device = profile(*place)
    lowered = program(pipeline.read(f"zoo:{name}").graph, device)
    latencies = [_latency_s(lowered, device, size << 10) for size in (64, 192, 512, 640, 768, 1024, 4096)]
    assert all(more <= less for less, more in pairwise(latencies))


@law
@given(networks(), profiles())
def test_macs_are_conserved_by_lowering_and_by_loop_nests(graph: Graph, device: DeviceProfile) -> None:
    declared = fusion.declare_dtype(graph, device.deployment_dtype)
    fused = fusion.decompose(declared, device.fusion).meta_nodes
    kernels = program(graph, device).kernels
    assert total(k.meta.work for k in kernels).macs == total(m.work for m in fused).macs
    nests = [(kernel.meta.work.macs, loops.of(kernel.meta)) for kernel in kernels]
    assert all(macs == (nest.macs if nest else 0) for macs, nest in nests)


@law
@given(networks(), profiles())
def test_busy_stall_and_idle_fill_the_makespan_of_every_engine(graph: Graph, device: DeviceProfile) -> None:
    for schedule in (simulated(graph, device), bounded(graph, device)):
        for use in schedule.engines:
            parts = [picoseconds(part) for part in (use.busy_s, use.stall_s, use.idle_s)]
            assert min(parts) >= 0
            assert sum(parts) == picoseconds(schedule.latency_s)


@law
@given(networks(), profiles(TILED))
def test_every_tile_plan_fits_beside_what_is_kept(graph: Graph, device: DeviceProfile) -> None:
    simulation = simulator.simulate(program(graph, device), device)
    size = device.memory.scratchpad.size_bytes.value
    assert max(simulation.allocation.live_bytes, default=0) <= memory.capacity_bytes(simulation.machine)
    plans = [time.plan.scratchpad_bytes if time and time.plan else 0 for time in simulation.times]
    assert max(plans, default=0) <= memory.tile_budget_bytes(simulation.machine)
    assert simulated(graph, device).peak_scratchpad_bytes <= size


@law
@given(networks(), profiles(TILED))
def test_every_tile_runs_and_covers_the_kernel(graph: Graph, device: DeviceProfile) -> None:
    simulation = simulator.simulate(program(graph, device), device)
    for kernel, time in zip(simulation.program.kernels, simulation.times, strict=True):
        if time is None:
            continue
        nest = loops.of(kernel.meta)
        assert time.tile.count == time.plan.steps
        assert time.tile.count * time.tile.compute_ps == time.compute_ps
        if nest and time.plan.rows:
            tiles = ceil(nest.rows / time.plan.rows) * ceil(nest.columns / time.plan.columns)
            assert tiles == time.plan.spatial_tiles
            assert time.plan.channel_tiles * time.plan.out_channels >= nest.groups * nest.out_channels


@law
@given(networks(), profiles())
def test_dram_moves_at_least_what_it_must(graph: Graph, device: DeviceProfile) -> None:
    """Every constant as packed, every input that is read, every output."""
    lowered = program(graph, device)
    found = simulator.run(lowered, device)
    assert sum(k.dram_read_bytes + k.dram_write_bytes for k in found.kernels) >= _compulsory(lowered, device)


def _compulsory(lowered: Program, device: DeviceProfile) -> int:
    constants, ends = {}, {}
    for kernel in lowered.kernels:
        if not kernel.runs:
            continue
        constants.update({tensor.name: tensor.size_bytes for tensor in kernel.meta.weights})
        for tensor in kernel.meta.inputs:
            if tensor.name in lowered.inputs:
                moved = traffic.moved_bytes(kernel.meta, tensor)
                ends[tensor.name] = max(moved, ends.get(tensor.name, 0))
        ends |= {t.name: t.size_bytes for t in kernel.meta.outputs if t.name in lowered.outputs}
    share = device.memory.dram.weight_share.value
    return int(sum(constants.values()) * share) + sum(ends.values())


@law
@given(networks(), profiles())
def test_the_same_input_gives_the_same_schedule(graph: Graph, device: DeviceProfile) -> None:
    assert simulated(graph, device) == simulated(graph, device)
    assert bounded(graph, device) == bounded(graph, device)


@law
@given(networks(steps=20), profiles(), st.randoms(use_true_random=False))
def test_the_order_of_independent_nodes_changes_nothing(
    graph: Graph, device: DeviceProfile, chance: Random
) -> None:
    other = permuted(graph, chance)
    assert program(other, device) == program(graph, device)
    assert simulated(other, device) == simulated(graph, device)
    assert bounded(other, device) == bounded(graph, device)


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(("name", "place"), SHUFFLED)
def test_nor_does_that_of_a_file_s_nodes_named_or_not(name: str, place: str, *, is_named: bool) -> None:
    model = zoo.build(name, weights=False)
    for node in () if is_named else model.graph.node:
        node.ClearField("name")
    network, other = pipeline.read(model), pipeline.read(permuted_file(model, Random(name)))
    other = replace(other, sha256=network.sha256)
    assert pipeline.price(other, place).to_json() == pipeline.price(network, place).to_json()


@pytest.mark.parametrize(
    "place", [("dolphin_npu", None), ("dolphin_npu", "nnapi_2021"), ("mobile_cpu", None)]
)
def test_the_same_network_gives_the_same_bytes_and_they_read_back(place: tuple[str, str | None]) -> None:
    one, other = (estimate("zoo:xlsr_x3?height=36&width=64", profile(*place)) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert type(one).from_json(one.to_json()) == one


@law
@given(networks(), profiles())
def test_kernels_follow_what_they_read_and_share_no_engine(graph: Graph, device: DeviceProfile) -> None:
    kernels = simulated(graph, device).kernels
    last: dict[str, float] = {}
    for kernel in kernels:
        for index in kernel.depends_on:
            assert picoseconds(kernel.start_s) >= picoseconds(kernels[index].end_s)
        if kernel.latency_s:
            assert picoseconds(kernel.start_s) >= last.get(kernel.engine, 0)
            last[kernel.engine] = picoseconds(kernel.end_s)


@law
@given(networks(), profiles())
def test_the_critical_path_ends_with_the_inference(graph: Graph, device: DeviceProfile) -> None:
    found = simulated(graph, device)
    path = found.critical_path
    assert list(path) == sorted(path)
    assert picoseconds(found.kernels[path[-1]].end_s) == picoseconds(found.latency_s)
