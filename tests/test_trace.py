"""The trace: what Perfetto needs, engine by engine without overlaps, with the bytes of the estimate."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from large_results import hostile, large

import latencylab
from latencylab import reporters
from latencylab.reporters import trace_json

if TYPE_CHECKING:
    from latencylab.result import Estimate


def events(*estimates: Estimate) -> list[dict[str, Any]]:
    return json.loads(trace_json.render(*estimates))["traceEvents"]  # type: ignore[no-any-return]


def test_the_suffix_is_not_that_of_json() -> None:
    assert reporters.format_of("abpn.trace.json") == "trace_json"
    assert reporters.format_of("abpn.json") == "json"


def test_the_producer_is_named_so_that_a_trace_may_be_overwritten(an_estimate: Estimate) -> None:
    assert trace_json.marker in trace_json.render(an_estimate)


@pytest.mark.parametrize("case", ["by hand", "simulated", "large"])
def test_nothing_overlaps_on_a_track_and_times_are_the_estimates(an_estimate: Estimate, case: str) -> None:
    estimate = {
        "by hand": lambda: an_estimate,
        "simulated": lambda: latencylab.estimate("zoo:abpn_x3", "dolphin_npu"),
        "large": lambda: large(500),
    }[case]()
    slices = [event for event in events(estimate) if event["ph"] == "X"]
    running = [kernel for kernel in estimate.kernels if kernel.latency_s > 0]
    assert [event["ts"] for event in slices] == pytest.approx(
        [kernel.start_s * 1e6 for kernel in running], abs=1e-3
    )
    assert sum(e["dur"] for e in slices) == pytest.approx(sum(k.latency_s for k in running) * 1e6)
    tracks = defaultdict(list)
    for event in slices:
        tracks[event["tid"]].append(event)
    for track in tracks.values():
        for before, after in pairwise(track):
            # As Perfetto reads it: whole nanoseconds, the rest cut off.
            assert int(before["ts"] * 1000) + int(before["dur"] * 1000) <= int(after["ts"] * 1000)


@given(st.integers(0, 10**15))
def test_a_time_survives_a_reader_that_cuts_off(value_ns: int) -> None:
    assert int(trace_json._us(value_ns) * 1000) == round(trace_json._us(value_ns) * 1000) == value_ns


def test_every_track_has_a_name_and_every_slice_a_track(an_estimate: Estimate) -> None:
    found = events(an_estimate, an_estimate)
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert {(e["pid"], e["tid"]) for e in found if e["ph"] == "X"} == set(named)
    assert set(named.values()) == {kernel.engine for kernel in an_estimate.kernels}
    assert {e["pid"] for e in found if e["name"] == "process_name"} == {1, 2}


def test_the_dram_counter_adds_up_to_the_traffic(an_estimate: Estimate) -> None:
    points = [(e["ts"], e["args"]["bytes per second"]) for e in events(an_estimate) if e["name"] == "DRAM"]
    pairs = pairwise(points)
    moved = sum(value * (after - time) / 1e6 for (time, value), (after, _) in pairs)
    assert moved == pytest.approx(sum(kernel.dram_bytes for kernel in an_estimate.kernels))


def test_arrows_follow_the_critical_path(an_estimate: Estimate) -> None:
    found = events(an_estimate)
    starts, ends = ([e for e in found if e["ph"] == ph] for ph in "sf")
    assert [e["id"] for e in starts] == [e["id"] for e in ends]
    assert len(starts) == len(an_estimate.critical_path) - 1
    assert [e["ts"] for e in ends] == pytest.approx(
        [an_estimate.kernels[i].start_s * 1e6 for i in an_estimate.critical_path[1:]]
    )


def test_hostile_names_are_text() -> None:
    content = trace_json.render(hostile())
    assert len(json.loads(content)["traceEvents"]) > 6
    assert all(byte < 128 for byte in content)
