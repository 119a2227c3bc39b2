"""The roofline: launch + max(compute, bytes) by kernel, every rate at its peak."""

from __future__ import annotations

from math import ceil

import pytest
from simulating import bounded, profile
from sketch import Sketch

STUDY = profile("dolphin_npu", "nnapi_2021")
OUTSIDE_S = STUDY.overhead.inference_s.value + STUDY.engines["nn"].launch_s.value


def one_convolution(inputs: int, outputs: int, kernel: int, size: int):
    sketch = Sketch()
    sketch.conv(sketch.image(1, inputs, size, size), outputs, kernel=kernel)
    return bounded(sketch.graph(), STUDY)


def test_a_kernel_of_many_macs_takes_them_at_the_peak_rate() -> None:
    macs = 132 * 132 * 25 * 128 * 128
    seconds = macs / (22 * 192 * STUDY.engines["nn"].clock_hz.value)
    assert one_convolution(132, 132, 5, 128).latency_s == pytest.approx(OUTSIDE_S + seconds, rel=1e-9)


def test_a_kernel_of_few_macs_takes_its_bytes_at_the_peak_of_dram() -> None:
    """Input, output and packed weights and biases; nothing is padded and no pattern slows it down."""
    size_bytes = 2 * 4 * 512 * 512 + ceil((16 + 4 * 4) * 0.47)
    found = one_convolution(4, 4, 1, 512)
    assert found.latency_s == pytest.approx(OUTSIDE_S + size_bytes / 29.9e9, rel=1e-6)
    assert found.kernels[0].dram_bytes == size_bytes
    assert found.peak_scratchpad_bytes is None


def test_a_map_that_could_stay_on_chip_costs_no_dram_even_behind_a_view() -> None:
    sketch = Sketch()
    x = sketch.op("Relu", sketch.image(1, 64))
    x = sketch.op("Reshape", x, sketch.integers(8, 8), shape=(8, 8))
    sketch.op("Tanh", x)
    first, view, last = bounded(sketch.graph(), STUDY).kernels
    assert (first.dram_read_bytes, first.dram_write_bytes) == (64, 0)
    assert (view.dram_bytes, view.latency_s) == (0, 0)
    assert (last.dram_read_bytes, last.dram_write_bytes) == (0, 64)
