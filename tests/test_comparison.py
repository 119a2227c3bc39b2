"""Comparison: what matches what, and a difference that is the sum of its named parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from parts_by_hand import end_ps, in_turn, part

import latencylab
from latencylab import zoo
from latencylab.cli import latencylab as program
from latencylab.comparison import OVERLAP, WAITING, Part, compare, explain
from latencylab.comparison.matching import match
from latencylab.errors import InputFileError, ResultError
from latencylab.reporters import _compare

if TYPE_CHECKING:
    from pathlib import Path

SIZE = "?height=36&width=64"
ABPN, WIDER, XLSR = f"zoo:abpn_x3{SIZE}", f"zoo:abpn_m6c40_x3{SIZE}", f"zoo:xlsr_x3{SIZE}"

PARTS = st.lists(
    st.builds(
        Part,
        name=st.sampled_from("abcdef"),
        kind=st.sampled_from(("Conv", "Add", "Relu")),
        engine=st.sampled_from(("nn", "tp")),
        shape=st.sampled_from(((1, 8, 4, 4), (1, 16, 4, 4))),
        macs=st.integers(0, 3),
        dram_bytes=st.just(0),
        start_ps=st.integers(0, 1000),
        latency_ps=st.integers(0, 500),
    ),
    max_size=12,
)


def named(base: tuple[Part, ...], head: tuple[Part, ...]) -> list[tuple[str | None, str | None]]:
    return [
        (None if b is None else base[b].name, None if h is None else head[h].name)
        for b, h in match(base, head)
    ]


# --- laws


@given(base=PARTS, head=PARTS)
def test_every_kernel_is_matched_exactly_once_with_one_of_its_kind(
    base: list[Part], head: list[Part]
) -> None:
    pairs = match(base, head)
    assert sorted(b for b, _ in pairs if b is not None) == list(range(len(base)))
    assert sorted(h for _, h in pairs if h is not None) == list(range(len(head)))
    assert all(base[b].kind == head[h].kind for b, h in pairs if b is not None and h is not None)


@given(base=PARTS, head=PARTS, more=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_the_named_differences_add_up_exactly(
    base: list[Part], head: list[Part], more: tuple[int, int]
) -> None:
    difference = explain(base, end_ps(base) + more[0], head, end_ps(head) + more[1])
    assert sum(term.difference_ps for term in difference.terms) == difference.difference_ps


@given(parts=PARTS)
def test_nothing_changed_is_nothing_said(parts: list[Part]) -> None:
    difference = explain(parts, end_ps(parts), parts, end_ps(parts))
    assert match(parts, parts) == tuple((i, i) for i in range(len(parts)))
    assert difference.terms == ()
    assert {change.verb for change in difference.changes} <= {"same"}


@given(base=PARTS, head=PARTS)
def test_the_other_way_round_is_the_opposite(base: list[Part], head: list[Part]) -> None:
    there = explain(base, end_ps(base), head, end_ps(head))
    back = explain(head, end_ps(head), base, end_ps(base))
    assert there.difference_ps == -back.difference_ps
    assert [t.difference_ps for t in there.schedule] == [-t.difference_ps for t in back.schedule]


# --- matching


def trunk(*names: str) -> tuple[Part, ...]:
    return in_turn(part(name) for name in names)


def test_renamed_kernels_keep_their_places() -> None:
    assert named(trunk("a", "b", "c"), trunk("x", "y", "z")) == [("a", "x"), ("b", "y"), ("c", "z")]


def test_an_insertion_is_found_where_it_is_though_the_numbers_behind_it_shift() -> None:
    base = (part("conv_0"), part("relu_0", "Relu"), part("conv_1"), part("add_0", "Add"))
    new = part("conv_1", shape=(1, 99, 1, 1), macs=7)
    head = (part("conv_0"), part("relu_0", "Relu"), new, part("conv_2"), part("add_0", "Add"))
    assert named(base, head) == [
        ("conv_0", "conv_0"),
        ("relu_0", "relu_0"),
        (None, "conv_1"),
        ("conv_1", "conv_2"),
        ("add_0", "add_0"),
    ]


def test_a_layer_that_only_grew_is_not_one_that_vanished() -> None:
    grown = part("conv", ps=300, shape=(1, 40, 36, 64), macs=9)
    (change,) = explain((part("conv"),), 100, (grown,), 300).changes
    assert (change.verb, change.difference_ps) == ("grew", 200)


def test_another_kind_in_its_place_vanished_and_appeared() -> None:
    difference = explain((part("a", "PRelu"),), 100, (part("a", "Relu"),), 100)
    assert sorted(change.verb for change in difference.changes) == ["appeared", "vanished"]
    assert difference.difference_ps == 0


def test_what_moved_is_recognised_by_its_name() -> None:
    base = (part("pool", "MaxPool"), part("a"), part("b", "Add"))
    head = (part("a"), part("b", "Add"), part("pool", "MaxPool"))
    assert sorted(named(base, head)) == [("a", "a"), ("b", "b"), ("pool", "pool")]


def test_thousands_of_equal_layers_are_aligned() -> None:
    base = trunk(*(f"conv_{i}" for i in range(2000)))
    inserted = (*base[:700], part("extra", "Add"), *base[700:])
    (change,) = [c for c in explain(base, 0, inserted, 0).changes if c.base is None or c.head is None]
    assert (change.name, change.verb) == ("extra", "appeared")


def test_what_is_too_large_to_align_is_matched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from latencylab.comparison import matching

    monkeypatch.setattr(matching, "_MOST_CELLS", 4)
    base = (part("a"), part("b"), part("b"), part("gone"))
    head = (part("b"), part("new"), part("b"), part("a", "Add"))
    assert sorted(match(base, head), key=str) == sorted(
        [(1, 0), (None, 1), (2, 2), (None, 3), (0, None), (3, None)], key=str
    )


# --- the schedule


def test_overlap_and_waiting_are_terms_of_their_own() -> None:
    """Two kernels of 100 ps: first in turn, then at once after a start of 30 ps."""
    base = in_turn((part("a"), part("b", "Add")))
    head = (part("a", start_ps=30), part("b", "Add", start_ps=30))
    difference = explain(base, 200, head, 130)
    overlap, waiting = difference.schedule
    assert (overlap.name, overlap.base_ps, overlap.head_ps, overlap.difference_ps) == (OVERLAP, 0, -100, -100)
    assert (waiting.name, waiting.base_ps, waiting.head_ps, waiting.difference_ps) == (WAITING, 0, 30, 30)
    assert difference.difference_ps == -70


# --- estimates


@pytest.mark.parametrize("head", [WIDER, XLSR, f"zoo:srcnn_x3{SIZE}"])
@pytest.mark.parametrize("device", ["dolphin_npu", "dimensity8100_npu", "onnxruntime_cpu"])
def test_real_networks_differ_by_what_is_named(head: str, device: str) -> None:
    comparison = compare(ABPN, head, device=device)
    difference = comparison.difference
    total_s = comparison.head.latency_s - comparison.base.latency_s
    assert sum(t.difference_ps for t in difference.terms) == difference.difference_ps
    assert difference.difference_ps == pytest.approx(total_s * 1e12, abs=1)


def test_two_blocks_more_are_two_convolutions_more() -> None:
    changes = compare(ABPN, WIDER).difference.changes
    assert [c.part.kind for c in changes if c.verb == "appeared"] == ["Conv", "Conv"]
    assert [c for c in changes if c.verb == "vanished"] == []


def test_two_devices_and_the_circumstances() -> None:
    comparison = compare(ABPN, ABPN, head_device="vs640_npu")
    assert ("device", "dolphin_npu", "vs640_npu") in comparison.circumstances
    assert {change.verb for change in comparison.difference.changes} <= {"grew", "shrank", "same"}


def test_a_saved_result_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(latencylab.estimate(ABPN).to_json().replace(latencylab.__version__, "0.0.1"))
    comparison = latencylab.compare(path, ABPN)
    assert comparison.circumstances == (("latencylab", "0.0.1", latencylab.__version__),)
    assert comparison.difference.terms == ()


def test_unusable_results(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot read"):
        compare(tmp_path / "none.json", ABPN)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ResultError, match=r"bad\.json: not a saved result"):
        compare(tmp_path / "bad.json", ABPN)


def test_bytes_are_a_model_or_a_saved_result() -> None:
    saved, network = latencylab.estimate(ABPN).to_json(), zoo.build(ABPN.removeprefix("zoo:"))
    comparison = compare(saved.encode(), network.SerializeToString())
    assert comparison.difference.terms == ()
    assert comparison.head.model.name == "stdin"
    with pytest.raises(ResultError, match="not a saved result"):
        compare(b'{"latency_ms": 1', ABPN)


# --- the command


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(program, ["compare", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_either_side_comes_from_stdin_but_not_both() -> None:
    saved = latencylab.estimate(XLSR).to_json()
    for arguments in (("-", ABPN), (ABPN, "-")):
        result = CliRunner().invoke(program, ["compare", *arguments, "--format", "json"], input=saved)
        assert result.exit_code == 0, result.stderr
        assert sorted(json.loads(result.stdout)[side]["model"] for side in ("base", "head")) == [
            name.removeprefix("zoo:") for name in (ABPN, XLSR)
        ]
    code, out, err = run("-", "-")
    assert (code, out) == (2, "")
    assert "can be read only once" in err


def test_two_devices_on_a_piped_network() -> None:
    network = zoo.build(ABPN.removeprefix("zoo:")).SerializeToString()
    arguments = ["compare", "-", "-d", "dolphin_npu", "-d", "vs640_npu", "--format", "json"]
    data = json.loads(CliRunner().invoke(program, arguments, input=network).stdout)
    assert data["difference_ms"] > 0


def test_the_table_ends_in_a_sum() -> None:
    code, text, _ = run(ABPN, XLSR)
    assert code == 0
    rows = _compare.rows(compare(ABPN, XLSR), shows_all=False)
    signed = [float(row[5].replace(",", "")) for row in rows]
    # Each is printed to 0.001 ms.
    assert signed[-1] == pytest.approx(sum(signed[:-1]), abs=0.0005 * len(signed))
    assert rows[-1][0] == "total"
    assert all(row[0] in text for row in rows)


@pytest.mark.parametrize("side", [3, 4])
def test_either_side_of_the_table_adds_up_to_its_latency(side: int) -> None:
    """An overlap is below zero: a bare sum of the kernels would be more than the latency."""
    rows = _compare.rows(compare(ABPN, XLSR), shows_all=True)
    times = [float(row[side]) for row in rows if row[side] != "-"]
    assert times[-1] == pytest.approx(sum(times[:-1]), abs=0.0005 * len(times))
    assert (min(times) < 0) == (side == 3), "only ABPN keeps two engines busy at once"


def test_json_adds_up(tmp_path: Path) -> None:
    target = tmp_path / "c.json"
    assert run(ABPN, XLSR, "-o", str(target))[:2] == (0, "")
    data = json.loads(target.read_text())
    terms = [item["difference_ms"] for key in ("meta_nodes", "schedule") for item in data[key]]
    assert sum(terms) == pytest.approx(data["difference_ms"], abs=1e-9)
    assert data["base"]["latency_ms"] + data["difference_ms"] == pytest.approx(data["head"]["latency_ms"])


@pytest.mark.parametrize("name", _compare.FORMATS)
def test_every_format_has_its_marker_and_repeats_itself(name: str) -> None:
    first, second = (run(ABPN, XLSR, "--format", name)[1] for _ in range(2))
    assert first == second
    assert _compare.MARKERS[name].decode() in first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((ABPN,), "name a HEAD, or a second --device"),
        ((ABPN, XLSR, "-d", "vs640_npu", "-d", "dolphin_npu", "-d", "mobile_cpu"), "one --device or two"),
        ((ABPN, "none.json"), "cannot read none.json"),
        ((ABPN, XLSR, "-o", "x.pdf"), "file suffix"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_command_offers_the_formats_there_are() -> None:
    from latencylab.cli import compare as command

    assert command._FORMATS == _compare.FORMATS == tuple(_compare.MARKERS)
