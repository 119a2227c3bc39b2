"""Double buffering: closed forms, the shortcut against the plain recurrence, and monotonicity."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from latencylab.npu.pipeline import TileRun, duration_ps, tiles

times = st.integers(0, 50)
runs = st.builds(TileRun, st.integers(1, 60), times, times, times)


def by_hand(run: TileRun, prologue: int) -> int:
    """The recurrence of the module's docstring over explicit lists, written a second time."""
    loads, computes, stores = [], [], []
    channel = prologue

    def load(i: int) -> None:
        nonlocal channel
        loads.append(max(channel, computes[i - 2] if i >= 2 else 0) + run.load_ps)
        channel = loads[i]

    load(0)
    for i in range(run.count):
        if i + 1 < run.count:
            load(i + 1)
        before = [computes[i - 1] if i else 0, loads[i], stores[i - 2] if i >= 2 else 0]
        computes.append(max(before) + run.compute_ps)
        stores.append(max(channel, computes[i]) + run.store_ps if run.store_ps else computes[i])
        channel = stores[i] if run.store_ps else channel
    return max(*computes, *stores)


@given(runs, times)
def test_the_closed_form_is_the_recurrence(run, prologue):
    assert duration_ps(run, prologue) == by_hand(run, prologue)


@given(runs, times)
def test_the_trace_walks_the_same_recurrence(run, prologue):
    assert duration_ps(run, prologue) == max(max(t.compute[1], t.store[1]) for t in tiles(run, prologue))


@given(runs)
def test_infinite_bandwidth_leaves_the_sum_of_computes(run):
    assert duration_ps(replace(run, load_ps=0, store_ps=0)) == run.count * run.compute_ps


@given(runs)
def test_double_buffering_hides_the_faster_side(run):
    serial = run.count * (run.load_ps + run.compute_ps + run.store_ps)
    slower_side = max(run.count * run.compute_ps, run.count * (run.load_ps + run.store_ps))
    assert slower_side <= duration_ps(run) <= serial
    assert duration_ps(run) <= slower_side + run.load_ps + run.compute_ps + run.store_ps


@given(runs, times, st.sampled_from(["load_ps", "compute_ps", "store_ps"]), st.integers(1, 20))
def test_nothing_gets_faster_by_taking_longer(run, prologue, field, more):
    slower = replace(run, **{field: getattr(run, field) + more})
    assert duration_ps(slower, prologue) >= duration_ps(run, prologue)


@given(runs, times)
def test_tiles_never_overlap_on_the_engine_or_the_channel(run, prologue):
    every = list(tiles(run, prologue))
    channel = sorted(span for tile in every for span in (tile.load, tile.store) if span[0] < span[1])
    for spans in ([tile.compute for tile in every], channel):
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert sum(end - start for start, end in (tile.compute for tile in every)) == run.count * run.compute_ps
