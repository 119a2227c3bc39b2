"""Loop nests: geometry from shapes, MACs that agree with the operator's own count."""

from __future__ import annotations

import pytest
from simulating import profile, program
from sketch import Sketch

from latencylab import loops
from latencylab.loops import LoopNest

DEVICE = profile("dimensity8100_npu")


def nest(sketch: Sketch) -> LoopNest:
    kernel = program(sketch.graph(), DEVICE).kernels[-1]
    found = loops.of(kernel.meta)
    assert found.macs == kernel.meta.work.macs
    return found


def test_a_convolution() -> None:
    sketch = Sketch()
    sketch.conv(sketch.image(1, 12, 20, 30), 16)
    assert nest(sketch) == LoopNest(1, 12, 16, 9, 20, 30, 20, 30, 3, 3)


def test_groups_and_batch() -> None:
    """Channels are per group, the batch is folded into the rows."""
    sketch = Sketch()
    x = sketch.image(2, 8, 10, 6)
    weight = sketch.constant(12, 2, 3, 3)
    sketch.op("Conv", x, weight, shape=(2, 12, 10, 6), group=4, pads=(1, 1, 1, 1))
    assert nest(sketch) == LoopNest(4, 2, 3, 9, 20, 6, 20, 6, 3, 3)


def test_strides_and_dilation() -> None:
    sketch = Sketch()
    x, weight = sketch.image(1, 4, 21, 31), sketch.constant(4, 4, 3, 3)
    sketch.op("Conv", x, weight, shape=(1, 4, 9, 14), strides=(2, 2), dilations=(2, 2))
    found = nest(sketch)
    assert (found.rows, found.columns, found.kernel_rows, found.stride_columns) == (9, 14, 5, 2)


def test_a_transposed_convolution_computes_at_its_input() -> None:
    sketch = Sketch()
    x, weight = sketch.image(1, 8, 10, 12), sketch.constant(8, 3, 9, 9)
    sketch.op("ConvTranspose", x, weight, shape=(1, 3, 30, 36), strides=(3, 3))
    assert nest(sketch) == LoopNest(1, 8, 3, 81, 10, 12, 10, 12)


@pytest.mark.parametrize(("left", "right"), [((5, 7), (7, 3)), ((2, 5, 7), (7, 3))])
def test_a_matrix_product_is_a_convolution_over_rows(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    sketch = Sketch()
    sketch.op("MatMul", sketch.image(*left), sketch.constant(*right), shape=(*left[:-1], 3))
    rows = 5 * (left[0] if len(left) > 2 else 1)
    assert nest(sketch) == LoopNest(1, 7, 3, 1, rows, 1, rows, 1)


def test_a_product_of_two_activations_has_a_matrix_for_each_batch_entry() -> None:
    sketch = Sketch()
    sketch.op("MatMul", sketch.image(2, 5, 7), sketch.image(2, 7, 3, name="y"), shape=(2, 5, 3))
    assert nest(sketch) == LoopNest(2, 7, 3, 1, 5, 1, 5, 1)


def test_a_kernel_without_macs_has_no_nest() -> None:
    sketch = Sketch()
    sketch.op("Add", sketch.image(1, 4, 4, 4), sketch.image(1, 4, 4, 4, name="y"))
    assert loops.of(program(sketch.graph(), DEVICE).kernels[-1].meta) is None
