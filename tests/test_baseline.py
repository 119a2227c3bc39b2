"""The baseline file: exact, sorted, small, and refused when it cannot be what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gate_files import budget, configured, with_baseline
from hypothesis import given
from hypothesis import strategies as st

import latencylab
from latencylab.comparison import Part, picoseconds
from latencylab.errors import InputFileError, ResultError
from latencylab.gating import baseline, gate
from latencylab.result import rounded

if TYPE_CHECKING:
    from pathlib import Path

SMALL = "zoo:xlsr_x3?height=36&width=64"
# What an estimate can hold: seconds to 12 significant digits.
TIMES_PS = st.floats(0, 1e4).map(lambda value_s: picoseconds(rounded(value_s)))
PARTS = st.builds(
    Part,
    name=st.text(max_size=8),
    kind=st.sampled_from(("Conv", "Add")),
    engine=st.just("nn"),
    shape=st.lists(st.integers(0, 4000), max_size=4).map(tuple),
    macs=st.integers(0, 10**15),
    dram_bytes=st.integers(0, 10**12),
    start_ps=TIMES_PS,
    latency_ps=TIMES_PS,
)


@given(latency_ps=TIMES_PS, parts=st.lists(PARTS, max_size=3).map(tuple))
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, latency_ps: int, parts: tuple[Part, ...]
) -> None:
    entry = baseline.Entry("ab", "cd", "1", latency_ps, parts)
    path = tmp_path_factory.getbasetemp() / "baseline.json"
    path.write_bytes(baseline.dumps({"case": entry}))
    assert baseline.load(path, "baseline.json") == {"case": entry}


def test_a_network_of_many_seconds_is_not_stale_by_rounding(tmp_path: Path) -> None:
    config = configured(tmp_path, budget("zoo:edsr_x3", 'engine = "roofline"') + "[compare]\n")
    assert latencylab.estimate("zoo:edsr_x3", engine="roofline").latency_s > 1
    with_baseline(config)
    assert [c.status for c in gate(config).checks if c.kind == "comparison"] == ["ok"]


def test_the_file_is_sorted_and_holds_what_one_must_know(tmp_path: Path) -> None:
    path = with_baseline(configured(tmp_path, budget(SMALL) + "[compare]\n"))
    data = json.loads(path.read_text())
    assert path.read_text() == json.dumps(data, indent=1, sort_keys=True) + "\n"
    ((case, entry),) = data["entries"].items()
    estimate = latencylab.estimate(SMALL)
    assert case == f"{SMALL} on dolphin_npu"
    assert entry["model_sha256"] == estimate.model.sha256
    assert entry["device_sha256"] == estimate.device.sha256
    assert entry["cost_model_version"] == estimate.cost_model_version
    assert entry["latency_ms"] == pytest.approx(estimate.latency_s * 1e3)
    assert [node["name"] for node in entry["meta_nodes"]] == [kernel.name for kernel in estimate.kernels]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("null", "no schema_version"),
        ('{"schema_version": 2}', "schema version 2"),
        ('{"schema_version": "1"}', "schema version '1'"),
        ('{"schema_version": 1}', "entries"),
        ('{"schema_version": 1, "entries": []}', "entries"),
        ('{"schema_version": 1, "entries": {"a": {"latency_ms": -1}}}', "entries.a."),
        ('{"schema_version": 1, "entries": {"a": {"latency_ms": NaN}}}', "corrupt"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ResultError) as caught:
        baseline.load(path, "b.json", "latencylab baseline update --config x.toml")
    assert words in str(caught.value)
    assert str(caught.value).endswith("make it anew: latencylab baseline update --config x.toml")


def test_no_file_and_no_readable_file(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="there is no baseline"):
        baseline.load(tmp_path / "none.json", "none.json")
    with pytest.raises(InputFileError, match="cannot read"):
        baseline.load(tmp_path, "folder")
