"""Tile plans: what fits, what is read how often, in words."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulating import profile, program
from sketch import Sketch

from latencylab import loops, tiling
from latencylab.tiling import Plans, TilePlan

law = settings(deadline=None, max_examples=60)
extents = st.integers(1, 70)


def convolution(inputs: int, outputs: int, rows: int, columns: int, kernel: int):
    sketch = Sketch()
    sketch.conv(sketch.image(1, inputs, rows, columns), outputs, kernel=kernel)
    meta = program(sketch.graph(), profile("dimensity8100_npu")).kernels[-1].meta
    return meta, loops.of(meta)


def fitting(plans: tiling.Plans, budget: int) -> list[TilePlan]:
    found = plans.within(budget)
    return [found.plan(index) for index in range(len(found))]


@law
@given(extents, extents, extents, extents, st.sampled_from([1, 3, 5]), st.integers(1 << 8, 1 << 18))
def test_the_buffers_of_every_plan_fit(inputs, outputs, rows, columns, kernel, budget) -> None:
    """Counted again by hand: two buffers each way, sums of four bytes, weights of the channels of a tile."""
    meta, nest = convolution(inputs, outputs, rows, columns, kernel)
    for plan in fitting(tiling.convolution_plans(meta, nest), budget):
        in_rows, in_columns = min(rows, plan.rows + kernel - 1), min(columns, plan.columns + kernel - 1)
        read = 2 * in_rows * in_columns * inputs / plan.in_blocks
        written = 2 * plan.rows * plan.columns * plan.out_channels
        sums = 4 * plan.rows * plan.columns * plan.out_channels * (plan.in_blocks > 1)
        weights = meta.weight_bytes * plan.out_channels / outputs * (1 if plan.out_channels == outputs else 2)
        # Or they pass through two buffers, those of one input channel at a time.
        part = 2 * meta.weight_bytes * plan.out_channels / outputs / inputs
        found = [abs(plan.scratchpad_bytes - (read + written + sums + held)) for held in (weights, part)]
        assert min(found) <= 2
        assert plan.scratchpad_bytes <= budget
        assert plan.spatial_tiles == ceil(rows / plan.rows) * ceil(columns / plan.columns)
        assert plan.channel_tiles == ceil(outputs / plan.out_channels)


@law
@given(extents, extents, extents, st.integers(1 << 8, 1 << 16), st.integers(1, 1 << 12))
def test_a_larger_scratchpad_admits_every_plan_that_a_smaller_one_does(a, b, c, budget, more) -> None:
    meta, nest = convolution(a, a, b, c, 1)
    for every in (tiling.slice_plans(meta), tiling.convolution_plans(meta, nest)):
        assert set(fitting(every, budget)) <= set(fitting(every, budget + more))


@law
@given(extents, extents, extents)
def test_plans_come_coarse_to_fine_and_start_with_the_whole(channels, rows, columns) -> None:
    meta, nest = convolution(channels, channels, rows, columns, 1)
    first = tiling.convolution_plans(meta, nest).plan(0)
    assert (first.rows, first.columns, first.out_channels, first.steps) == (rows, columns, channels, 1)
    slices = tiling.slice_plans(meta).steps
    assert list(slices) == [2**power for power in range(len(slices))]


@pytest.mark.parametrize(
    ("channel_tiles", "is_outer", "input_passes", "weight_passes"),
    [(1, True, 1, 1), (1, False, 1, 1), (4, True, 4, 1), (4, False, 1, 6)],
)
def test_either_the_weights_stay_or_the_positions(
    channel_tiles, is_outer, input_passes, weight_passes
) -> None:
    plan = TilePlan(8, 8, 16, 1, 6, channel_tiles, weights_outer=is_outer, scratchpad_bytes=1)
    assert (plan.input_passes, plan.weight_passes) == (input_passes, weight_passes)
    (same,) = zip(Plans.of(plan).input_passes, Plans.of(plan).weight_passes, strict=True)
    assert same == (input_passes, weight_passes)


@pytest.mark.parametrize(("columns", "halo"), [(64, 0), (32, 2), (16, 6), (8, 14)])
def test_neighbouring_strips_read_two_columns_twice(columns: int, halo: int) -> None:
    _, nest = convolution(8, 8, 48, 64, 3)
    plan = TilePlan(8, columns, 8, 1, 1, 1, weights_outer=True, scratchpad_bytes=1)
    assert tiling.halo_columns(Plans.of(plan), nest) == halo


def test_a_plan_reads_well() -> None:
    plan = TilePlan(8, 64, 22, 2, 6, 2, weights_outer=False, scratchpad_bytes=1)
    assert str(plan) == "24 x (8 rows x 64 cols x 22 ch), positions stay, input channels in 2"
    assert str(TilePlan(0, 0, 0, 1, 4, 1, weights_outer=True, scratchpad_bytes=1)) == "4 slices"
