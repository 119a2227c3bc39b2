"""The simulator against figures counted by hand: one engine, one convolution, a chain, a long skip."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import pytest
from simulating import PS_PER_S, picoseconds, profile, program, simulated
from sketch import Sketch

from latencylab import tiling
from latencylab.engines import simulator
from latencylab.errors import TilingError
from latencylab.npu import machine
from latencylab.npu.kernel_time import Residency
from latencylab.npu.pipeline import tiles
from latencylab.npu.tiled import TiledKernel

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, MetaNode

LAUNCH = {"engines.nn.launch_s": 0.0, "engines.nn.handover_s": 0.0, "overhead.inference_s": 0.0}
UNLIMITED = {
    **LAUNCH,
    "memory.dram.peak_bytes_per_s": 1e30,
    "memory.dram.latency_s": 0.0,
    "memory.scratchpad.size_bytes": 2**40,
    "engines.nn.port_bytes_per_cycle": 1e12,
    "engines.nn.feed_per_cycle": 1e12,
}


def convolution(inputs: int, outputs: int, kernel: int, size: tuple[int, int], **options: int) -> Graph:
    sketch = Sketch()
    sketch.conv(sketch.image(1, inputs, *size), outputs, kernel=kernel, **options)
    return sketch.graph()


def chain(count: int, channels: int = 8, size: int = 32) -> Graph:
    """Convolutions one behind the other, each with its ReLU."""
    sketch = Sketch()
    x = sketch.image(1, channels, size, size)
    for _ in range(count):
        x = sketch.op("Relu", sketch.conv(x, channels))
    return sketch.graph()


def skipped(count: int, channels: int = 8, size: int = 32) -> Graph:
    """A chain whose last map is added to its first."""
    sketch = Sketch()
    x = first = sketch.op("Relu", sketch.conv(sketch.image(1, channels, size, size), channels))
    for _ in range(count):
        x = sketch.op("Relu", sketch.conv(x, channels))
    sketch.op("Add", x, first)
    return sketch.graph()


def dolphin(**values: float) -> DeviceProfile:
    return profile("dolphin_npu", "nnapi_2021").with_values(values)


@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "size"),
    [
        (28, 28, 3, (48, 64)),
        (132, 132, 5, (32, 32)),
        (3, 28, 3, (24, 40)),
        (64, 23, 1, (16, 8)),
        (16, 44, 3, (17, 35)),
    ],
)
def test_without_limits_the_cycles_are_the_closed_form(
    inputs: int, outputs: int, kernel: int, size: tuple[int, int]
) -> None:
    """22 cores, an output channel each, 192 MACs a cycle, taps in threes, blocks of 8 x 8 positions."""
    device = dolphin(**UNLIMITED, **{"engines.nn.stream_bytes_per_s": 1e30})
    height, width = (ceil(extent / 8) * 8 for extent in size)
    taps = ceil(kernel**2 / 3) * 3 if kernel > 1 else 1
    cycles = ceil(outputs / 22) * inputs * taps * height * width / 192
    clock_hz = device.engines["nn"].clock_hz.value
    found = simulated(convolution(inputs, outputs, kernel, size), device)
    assert found.latency_s * clock_hz == pytest.approx(cycles, rel=1e-4)


@pytest.mark.parametrize("rows", [1, 8, 24, 32, 48])
@pytest.mark.parametrize("columns", [16, 32, 64])
def test_a_tiled_convolution_takes_what_its_tiles_take(rows: int, columns: int) -> None:
    """28 -> 28 channels, 3x3, 48 x 64 positions, whole columns of every strip loaded once with their halo."""
    device = machine.of(dolphin(**LAUNCH))
    worker, meta = device.workers["nn"], lowered(convolution(28, 28, 3, (48, 64)))
    strips = 64 // columns
    plan = tiling.TilePlan(
        rows, columns, 28, 1, ceil(48 / rows) * strips, 1, weights_outer=True, scratchpad_bytes=0
    )
    kernel = TiledKernel.with_plans(meta, worker, device, tiling.Plans.of(plan))
    found = kernel.time(Residency((False,), (False,), (False,)))

    steps = ceil(48 / rows) * strips
    rate = device.dram_bytes_per_s / PS_PER_S
    read = 28 * 48 * 64 * (1 + 2 * (strips - 1) / 64) / rate + steps * device.dram_latency_ps
    write = 28 * 48 * 64 / rate + steps * device.dram_latency_ps
    blocks = [ceil(min(rows, 48 - top) / 8) * 8 * columns for top in range(0, 48, rows)]
    cycles = 2 * 28 * 9 * sum(blocks) * strips / 192
    compute = max(cycles, 28 * 48 * 64 / worker.port_bytes_per_cycle) / worker.clock_hz * PS_PER_S
    weights = ceil((28 * 28 * 9 + 4 * 28) * 0.47) / rate + device.dram_latency_ps
    assert found.duration_ps == pytest.approx(_by_hand(steps, read, compute, write, weights), rel=1e-3)
    *_, last = tiles(found.tile, found.prologue_ps)
    assert last.store[1] == found.duration_ps


def _by_hand(steps: int, read: float, compute: float, write: float, weights: float) -> float:
    """Two buffers each way, one channel: L0 L1 S0 L2 S1 ... over equal tiles."""
    load, work, store = read / steps, compute / steps, write / steps
    channel, computed, stored, loaded = weights, [0.0, 0.0], [0.0, 0.0], []
    for step in range(steps + 1):
        if step < steps:
            channel = max(channel, computed[step] if step >= 1 else 0) if step >= 2 else channel
            channel += load
            loaded.append(channel)
        if step >= 1:
            done = max(computed[-1], loaded[step - 1], stored[step - 1]) + work
            computed.append(done)
            channel = max(channel, done) + store
            stored.append(channel)
    return max(channel, computed[-1])


@pytest.mark.parametrize("name", ["dolphin_npu", "vs640_npu"])
def test_a_fully_connected_layer_takes_as_long_as_its_weights_stream_in(name: str) -> None:
    """On eight processors and on four: the stream is one."""
    sketch = Sketch()
    sketch.conv(sketch.image(1, 1280, 1, 1), 1000, kernel=1)
    device = profile(name).with_values({**UNLIMITED, "engines.tp.launch_s": 0.0})
    (kernel,) = (k for k in simulated(sketch.graph(), device).kernels if k.kind == "Conv")
    tp = device.engines["tp"]
    assert (kernel.engine, tp.count.value) in {("tp", 8), ("tp", 4)}
    weights = kernel.weight_bytes / tp.weight_bytes_per_cycle.value
    assert kernel.latency_s * tp.clock_hz.value == pytest.approx(weights, rel=1e-3)


def lowered(graph: Graph) -> MetaNode:
    return program(graph, dolphin()).kernels[-1].meta


def dram(graph: Graph, device: DeviceProfile) -> int:
    return sum(kernel.dram_bytes for kernel in simulated(graph, device).kernels)


def packed(graph: Graph) -> int:
    kernels = program(graph, dolphin()).kernels
    return sum(ceil(kernel.meta.weight_bytes * 0.47) for kernel in kernels)


MAP = 8 * 32 * 32


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_chain_that_fits_moves_its_ends_and_its_weights(count: int) -> None:
    assert dram(chain(count), dolphin()) == packed(chain(count)) + 2 * MAP


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_chain_that_does_not_fit_stores_and_loads_every_map(count: int) -> None:
    """Half of the scratchpad is for maps: one byte less than a map."""
    device = dolphin(**{"memory.scratchpad.size_bytes": 2 * MAP - 2})
    assert dram(chain(count), device) == packed(chain(count)) + 2 * MAP * count


def test_a_long_skip_that_fits_costs_nothing() -> None:
    assert dram(skipped(3), dolphin()) == packed(skipped(3)) + 2 * MAP


def test_a_long_skip_that_does_not_fit_costs_its_store_and_a_load_for_each_reader() -> None:
    """Room for the two maps of a convolution, not for a third that waits."""
    device = dolphin(**{"memory.scratchpad.size_bytes": 4 * MAP})
    found = simulated(skipped(3), device)
    assert sum(k.dram_bytes for k in found.kernels) == packed(skipped(3)) + 2 * MAP + 3 * MAP
    # The second reader's load is what the skip spills.
    assert [k.dram_bytes_by_cause.get("spill", 0) for k in found.kernels] == [0, 0, 0, 0, MAP]


def test_the_peak_of_the_scratchpad_names_who_is_there() -> None:
    found = simulated(skipped(3), dolphin())
    used = [kernel.scratchpad_bytes for kernel in found.kernels]
    fullest = max(range(len(used)), key=used.__getitem__)
    assert found.peak_scratchpad_bytes == used[fullest]
    maps = {tensor.name for k in program(skipped(3), dolphin()).kernels for tensor in k.meta.outputs}
    assert set(found.scratchpad_at_peak) < maps
    assert len(found.scratchpad_at_peak) == 3


def test_strips_keep_what_whole_maps_cannot() -> None:
    """Consecutive convolutions of a runtime that fuses strips pass rows on, not maps."""
    graph, size = chain(4, size=64), 8 * 64 * 64
    whole = dolphin(**{"memory.scratchpad.size_bytes": size})
    strips = replace(whole, strip_fusion=True)
    assert dram(graph, strips) == packed(graph) + 2 * size
    assert dram(graph, whole) == packed(graph) + 2 * size * 4


def test_equal_kernels_are_timed_once_and_alike() -> None:
    simulation = simulator.simulate(program(chain(6), dolphin()), dolphin())
    assert len({id(time) for time in simulation.times[1:-1]}) == 1


def test_independent_branches_on_two_engines_run_side_by_side() -> None:
    """The anchor's Concat of copies runs on the TP while the NN convolves: a schedule, not a sum."""
    sketch = Sketch()
    x = sketch.image(1, 3, 64, 64)
    sketch.conv(x, 27)
    sketch.concat(*[x] * 9)
    found = simulated(sketch.graph(), dolphin())
    one, other = found.kernels
    assert one.engine != other.engine
    assert max(one.start_s, other.start_s) < min(one.end_s, other.end_s)
    assert picoseconds(found.latency_s) == picoseconds(max(one.end_s, other.end_s))


def test_the_order_of_the_file_is_the_order_of_a_queue_and_nothing_else_counts() -> None:
    """Reordering kernels of different engines changes nothing where all maps fit."""

    def branches(*, convolution_first: bool) -> Graph:
        sketch = Sketch()
        x = sketch.image(1, 8, 32, 32)
        steps = [lambda: sketch.conv(x, 8, name="conv"), lambda: sketch.op("Sigmoid", x, name="sigmoid")]
        a, b = sorted(step() for step in (steps if convolution_first else reversed(steps)))
        sketch.op("Add", a, b)
        return sketch.graph()

    one, other = (simulated(branches(convolution_first=first), dolphin()) for first in (True, False))
    assert one.latency_s == other.latency_s
    by_name = [sorted(found.kernels, key=lambda k: k.name) for found in (one, other)]
    assert [k.start_s for k in by_name[0]] == [k.start_s for k in by_name[1]]


def test_a_scratchpad_too_small_for_one_tile_is_an_error_of_one_line() -> None:
    device = dolphin(**{"memory.scratchpad.size_bytes": 1024})
    with pytest.raises(TilingError, match="its smallest tile needs") as caught:
        simulated(convolution(64, 64, 31, (64, 64)), device)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.smallest_tile_bytes > caught.value.scratchpad_bytes
