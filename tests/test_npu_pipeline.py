"""Double buffering: closed forms, the shortcut against the plain recurrence, and monotonicity."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from latencylab.npu.pipeline import TileRun, duration_ps, tiles

times = st.integers(0, 50)
runs = st.lists(st.builds(TileRun, st.integers(1, 40), times, times, times), min_size=1, max_size=4).map(tuple)


def by_hand(sequence: tuple[TileRun, ...], prologue: int) -> int:
    """The recurrence of the module's docstring over explicit lists, written a second time."""
    each = [run for run in sequence for _ in range(run.count)]
    loads, computes, stores = [], [], []
    channel = prologue

    def load(i: int) -> None:
        nonlocal channel
        start = max(channel, computes[i - 2] if i >= 2 else 0)
        loads.append(start + each[i].load_ps)
        channel = loads[i] if each[i].load_ps else channel

    load(0)
    for i, tile in enumerate(each):
        if i + 1 < len(each):
            load(i + 1)
        before = [computes[i - 1] if i else 0, loads[i], stores[i - 2] if i >= 2 else 0]
        computes.append(max(before) + tile.compute_ps)
        start = max(channel, computes[i])
        stores.append(start + tile.store_ps if tile.store_ps else computes[i])
        channel = stores[i] if tile.store_ps else channel
    return max(*computes, *stores)


@given(runs, times)
def test_equals_the_recurrence_written_by_hand(sequence, prologue):
    assert duration_ps(sequence, prologue) == by_hand(sequence, prologue)


@given(runs, times)
def test_the_shortcut_over_equal_tiles_changes_nothing(sequence, prologue):
    one_by_one = [tile for tile in tiles(sequence, prologue)]
    assert duration_ps(sequence, prologue) == max(max(t.compute[1], t.store[1]) for t in one_by_one)


@given(runs)
def test_infinite_bandwidth_leaves_the_sum_of_computes(sequence):
    free = tuple(TileRun(run.count, 0, run.compute_ps, 0) for run in sequence)
    assert duration_ps(free) == sum(run.count * run.compute_ps for run in sequence)


@given(st.integers(1, 1000), times, times, times)
def test_equal_tiles_cost_the_slower_side_plus_filling_and_draining(count, load, compute, store):
    bound = max(count * (load + store), load + count * compute + store)
    assert bound <= duration_ps((TileRun(count, load, compute, store),)) <= count * (load + compute + store)


@given(runs, times, st.integers(0, 3), st.sampled_from(["load_ps", "compute_ps", "store_ps"]), st.integers(1, 20))
def test_nothing_gets_faster_by_taking_longer(sequence, prologue, index, field, more):
    from dataclasses import replace

    index %= len(sequence)
    slower = list(sequence)
    slower[index] = replace(slower[index], **{field: getattr(slower[index], field) + more})
    assert duration_ps(tuple(slower), prologue) >= duration_ps(sequence, prologue)


def test_tiles_never_overlap_on_the_engine_or_the_channel():
    sequence = (TileRun(5, 7, 3, 4), TileRun(3, 1, 9, 2))
    every = list(tiles(sequence))
    computes = [tile.compute for tile in every]
    channel = sorted(span for tile in every for span in (tile.load, tile.store))
    for spans in (computes, channel):
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
    assert sum(b - a for a, b in computes) == 5 * 3 + 3 * 9
