"""What operators move and work on besides the obvious: copies in words, channels in blocks, positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulating import profile, program, simulated
from sketch import Sketch

from latencylab.npu import machine, traffic
from latencylab.npu.elements import worked_elements

if TYPE_CHECKING:
    from latencylab.graph import Graph, MetaNode

PHONE = profile("dimensity8100_npu", "nnapi")
GPU = profile("snapdragon888_gpu")


def copies(times: int, channels: int = 3, size: int = 64) -> Graph:
    """Concat of copies of one map: a ChannelReplicate."""
    sketch = Sketch()
    sketch.concat(*[sketch.image(1, channels, size, size)] * times)
    return sketch.graph()


def only_kernel(graph: Graph) -> MetaNode:
    (kernel,) = program(graph, PHONE).kernels
    return kernel.meta


@pytest.mark.parametrize("word_bytes", [1, 4, 16, 32, 64])
@pytest.mark.parametrize(("channels", "times"), [(3, 4), (3, 9), (3, 16), (8, 2), (8, 8), (5, 7), (16, 4)])
def test_copies_move_the_words_they_touch(channels: int, times: int, word_bytes: int) -> None:
    """Counted word by word, one copy after the other; a position is `times` copies of `channels` bytes."""
    meta = only_kernel(copies(times, channels))
    (output,) = meta.outputs
    position_bytes, positions = channels * times, 64 * 64
    touched = 0
    for copy in range(times):
        starts = range(copy * channels, positions * position_bytes, position_bytes)
        touched += len({at // word_bytes for start in starts for at in range(start, start + channels)})
    assert traffic.stored_bytes(meta, output, word_bytes) == pytest.approx(touched * word_bytes, rel=0.01)


def test_any_other_operator_stores_its_bytes() -> None:
    sketch = Sketch()
    sketch.op("Sigmoid", sketch.image(1, 27, 64, 64))
    meta = only_kernel(sketch.graph())
    assert traffic.stored_bytes(meta, meta.outputs[0], 32) == 27 * 64 * 64


def test_copies_that_share_words_wait_for_each_other() -> None:
    """The engine spends the words' time besides its own: nothing of it hides behind the copying."""
    gathered = PHONE.with_values({"memory.dram.word_bytes": 1})
    meta = only_kernel(copies(16))
    more_bytes = traffic.stored_bytes(meta, meta.outputs[0], 32) - meta.outputs[0].size_bytes
    rate = PHONE.dram_bytes_per_s * PHONE.memory.dram.patterns.strided.value
    apart = simulated(copies(16), PHONE).latency_s - simulated(copies(16), gathered).latency_s
    assert apart == pytest.approx(more_bytes / rate, rel=1e-3)


@pytest.mark.parametrize(("channels", "worked"), [(12, 12), (27, 36), (48, 48), (13, 24), (3, 3)])
def test_channels_are_worked_on_in_blocks_but_images_are_not(channels: int, worked: int) -> None:
    sketch = Sketch()
    sketch.op("Add", sketch.image(1, channels, 8, 8), sketch.image(1, channels, 8, 8, name="z"))
    assert worked_elements(only_kernel(sketch.graph()), 12) == worked * 64


def test_a_pixel_shuffle_works_on_what_it_reads() -> None:
    sketch = Sketch()
    sketch.depth_to_space(sketch.image(1, 27, 8, 8), 3)
    assert worked_elements(only_kernel(sketch.graph()), 12) == 36 * 64


@pytest.mark.parametrize(("kernel", "gathered"), [(3, 40 * 50), (1, 0)])
def test_every_window_of_a_convolution_has_its_cost(kernel: int, gathered: int) -> None:
    """As the 888's GPU and the Dimensity's CPU show: a fixed time for each 3x3 convolution of a map."""
    sketch = Sketch()
    sketch.conv(sketch.image(1, 16, 40, 50), 16, kernel=kernel)
    engine = GPU.engines["gpu"]
    assert engine.position_cycles is not None
    cycles = engine.position_cycles.value
    dearer = GPU.with_values({"engines.gpu.position_cycles": 2 * cycles})
    apart = simulated(sketch.graph(), dearer).latency_s - simulated(sketch.graph(), GPU).latency_s
    assert apart == pytest.approx(gathered * cycles / engine.clock_hz.value, rel=1e-6)


def test_a_machine_without_words_blocks_or_position_costs_has_none() -> None:
    dolphin = machine.of(profile("dolphin_npu"))
    assert dolphin.word_bytes == 1
    assert {(w.element_align, w.position_cycles) for w in dolphin.workers.values()} == {(1, 0.0)}
