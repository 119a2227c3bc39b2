"""The evidence is what its scripts write, every row stands on a graph, a profile and a source."""

from __future__ import annotations

import csv
import runpy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from latencylab import device, fitting, onnx_reader, zoo

if TYPE_CHECKING:
    from latencylab.graph import Graph

EVIDENCE = Path(__file__).parents[1] / "evidence"
FILES = sorted((EVIDENCE / "rows").glob("*.csv"))
NETWORKS = sorted((EVIDENCE / "networks").glob("*.onnx"))
COLUMNS = [
    *("id", "model", "minus", "network", "device", "runtime", "layout", "dtype", "latency_ms", "weight"),
    *("role", "status", "source", "note"),
]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = [row for path in FILES for row in read(path)]


@cache
def graph(name: str) -> Graph:
    return onnx_reader.read(zoo.build(name.removeprefix("zoo:"), weights=False)).graph


def rows(**wanted: str) -> list[dict[str, str]]:
    return [row for row in ROWS if all(row[key] == value for key, value in wanted.items())]


def test_there_are_rows_for_every_device_of_the_study() -> None:
    assert {row["device"] for row in ROWS} == {
        "dolphin_npu",
        "vs640_npu",
        "allwinner_a733_npu",
        "dimensity8100_npu",
        "mobile_cpu",
        "snapdragon888_gpu",
        "snapdragon8gen1_nnapi",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_script_writes_the_rows_that_are_committed(path: Path) -> None:
    script = runpy.run_path(str(EVIDENCE / "make_rows.py"))
    table = script["tables"]()[path.stem]
    assert [{key: getattr(row, key) for key in COLUMNS} for row in table] == read(path)


def test_the_script_writes_the_networks_that_are_committed(tmp_path: Path) -> None:
    runpy.run_path(str(EVIDENCE / "make_networks.py"))["write"](tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in NETWORKS}


def test_the_networks_are_small() -> None:
    assert sum(path.stat().st_size for path in NETWORKS) < 500_000


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_network_without_weights_is_read(path: Path) -> None:
    g = onnx_reader.read(path).graph
    assert all(min(tensor.shape, default=1) > 0 for tensor in g.tensors.values())


def test_columns_and_identifiers() -> None:
    assert all(list(row) == COLUMNS for row in ROWS)
    assert len({row["id"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_row_is_complete(row: dict[str, str]) -> None:
    assert row["role"] in {"fit", "report"}
    assert row["status"] in {"seen", "secondary", "derived"}
    assert row["source"]
    assert float(row["weight"]) > 0
    # What is fitted is fitted on its logarithm.
    assert float(row["latency_ms"]) > 0
    assert graph(row["model"]).nodes
    assert not row["minus"] or graph(row["minus"]).nodes


@pytest.mark.parametrize("place", sorted({(row["device"], row["runtime"]) for row in ROWS}))
def test_every_device_and_runtime_has_a_profile(place: tuple[str, str]) -> None:
    name, runtime = place
    assert device.load(name, runtime).name == name


def test_no_latency_was_typed_again() -> None:
    """Every number of a row stands in a measured table; a twin's is a difference of two."""
    measured = {
        value
        for path in (EVIDENCE / "measured").glob("*.csv")
        for row in read(path)
        for value in row.values()
    }
    assert {row["latency_ms"] for row in ROWS if "_twin_" not in row["id"]} <= measured


def test_a_twin_is_a_network_less_the_cost_of_its_skip() -> None:
    by_id = {row["id"]: float(row["latency_ms"]) for row in ROWS}
    skips = [row["id"] for row in rows(role="fit") if row["minus"]]
    for skip in skips:
        whole, twin = skip.replace("_skip_", "_"), skip.replace("_skip_", "_twin_")
        assert by_id[twin] == pytest.approx(by_id[whole] - by_id[skip], abs=0.0051)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calibration_reads_them(path: Path) -> None:
    assert [row.id for row in fitting.read_rows(path)] == [row["id"] for row in read(path)]


def test_the_exactly_known_networks_are_fitted_on_both_sisters() -> None:
    exact = {"zoo:pure_convolution", "zoo:inception_v4", "zoo:mobilenet_v1_025", "zoo:mobilenet_v2"}
    for name in ("dolphin_npu", "vs640_npu"):
        assert exact <= {row["model"] for row in rows(device=name, runtime="synap_offline", role="fit")}


def test_networks_of_unknown_release_are_reported_only() -> None:
    unknown = [row for row in ROWS if "yolov5" in row["model"] and row["device"] != "allwinner_a733_npu"]
    assert unknown
    assert {row["role"] for row in unknown} == {"report"}


def test_every_phone_row_has_its_skip_apart() -> None:
    """15 networks with a skip, each by NN-API and by Neuron."""
    skips = [row for row in rows(device="dimensity8100_npu", role="fit") if row["minus"]]
    assert len(skips) == 30
    assert all(row["status"] == "derived" for row in skips)


def test_secondary_rows_are_labelled() -> None:
    """What is known of the study's nodes comes from an account of the paper."""
    nodes = [row for row in ROWS if "metanode_" in row["model"]]
    assert {row["status"] for row in nodes} == {"secondary", "derived"}
