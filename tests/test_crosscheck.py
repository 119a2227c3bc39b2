"""The command: saved and fresh measurements, every format, and one clear line for what cannot be."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import onnx
import pytest
from command_line import failing, run
from onnx import TensorProto, helper
from synthetic_host import measurement
from test_measurement import HOST

from latencylab import device, pipeline, timing
from latencylab.errors import MeasurementError
from latencylab.hosting import facts
from latencylab.measurement import dumps
from latencylab.reporters import _checked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model

SIZE = "height=24&width=32"
NAMES = tuple(f"zoo:{name}?{SIZE}" for name in ("abpn_x3", "xlsr_x3", "espcn_x3"))
BASE = "onnxruntime_cpu"


@pytest.fixture(autouse=True)
def no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Measurements of a machine that is twice as slow as predicted, found by name."""
    profile = device.load(BASE)
    found = []
    for name in NAMES:
        own = measurement(pipeline.read(name), profile)
        slow = tuple(2 * t for t in own.samples_ns)
        found.append(replace(own, samples_ns=slow, warnings=("busy machine: $ [x]",)))
    path = tmp_path / "board.json"
    path.write_text(dumps(found))
    return path


def test_saved_measurements_are_checked_without_measuring(saved: Path) -> None:
    result = run("crosscheck", *NAMES, "--measured", str(saved), "--format", "json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["device"] == BASE
    assert data["host"]["cpu"] == "Some CPU"
    assert [model["name"] for model in data["models"]] == [name.removeprefix("zoo:") for name in NAMES]
    assert [model["error"] for model in data["models"]] == pytest.approx([-0.5] * 3, abs=1e-4)
    assert data["agreement"]["mape"] == pytest.approx(0.5, abs=1e-4)
    assert data["agreement"]["within_10_pct"] == 0
    assert data["agreement"]["kendall_tau"] == pytest.approx(1)
    assert data["baseline_affine_in_macs"]["models"] == 3
    for model in data["models"]:
        assert sum(row["measured_ms"] for row in model["meta_nodes"]) == pytest.approx(model["measured_ms"])


def test_every_file_format_says_the_same(saved: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"out.{suffix}" for suffix in ("json", "csv", "md", "txt", "png", "svg")]
    outputs = [argument for path in files for argument in ("-o", str(path))]
    assert run("crosscheck", *NAMES, "--measured", str(saved), *outputs).exit_code == 0
    data = json.loads(files[0].read_text())
    records = list(csv.DictReader(io.StringIO(files[1].read_text())))
    totals = [float(r["measured_ms"]) for r in records if r["level"] == "total"]
    assert totals == pytest.approx([model["measured_ms"] for model in data["models"]])
    assert len(records) == 3 + sum(len(model["meta_nodes"]) for model in data["models"])
    for path in files[2:4]:
        assert "-50.0" in path.read_text()
        assert "best a + b·MACs" in path.read_text()
    assert files[4].read_bytes().startswith(b"\x89PNG")
    assert b"abpn_x3" in files[5].read_bytes()
    for path, format_name in zip(files, ("json", "csv", "md", "table", "png", "svg"), strict=True):
        assert _checked.MARKERS[format_name] in path.read_bytes(), "it may be overwritten"
    assert run("crosscheck", NAMES[0], "--measured", str(saved), *outputs).exit_code == 0


def test_the_table_shows_the_worst_meta_nodes_or_all(saved: Path) -> None:
    short = run("crosscheck", NAMES[0], "--measured", str(saved), "--top", "1").stdout
    whole = run("crosscheck", NAMES[0], "--measured", str(saved), "--all").stdout
    assert short.count("arithmetic ") == 1
    assert whole.count("arithmetic ") > 5
    assert "busy machine: $ [x]" in short


def test_several_threads_need_a_runtime_of_their_own(tmp_path: Path) -> None:
    network = pipeline.read(NAMES[0])
    path = tmp_path / "threads.json"
    threaded = device.load(BASE, "threads_2")
    path.write_text(dumps([measurement(network, threaded, 2), measurement(network, device.load(BASE), 7)]))
    result = run("crosscheck", NAMES[0], "--measured", str(path), "--format", "json")
    two, seven = json.loads(result.stdout)["models"]
    assert (two["threads"], seven["threads"]) == (2, 7)
    assert two["error"] == pytest.approx(0, abs=1e-4)
    assert seven["warnings"] == ["the profile knows no runtime 'threads_7': predicted for one thread"]


def test_without_a_host_the_width_of_the_vectors_is_that_of_the_measurement(tmp_path: Path) -> None:
    host = replace(HOST, isa=(*HOST.isa, "avx512f"))
    truth = device.load(BASE).with_values(facts.vectors(host))
    path = tmp_path / "wide.json"
    path.write_text(dumps([replace(measurement(pipeline.read(NAMES[0]), truth), host=host)]))
    result = run("crosscheck", NAMES[0], "--measured", str(path), "--format", "json")
    (model,) = json.loads(result.stdout)["models"]
    assert model["error"] == pytest.approx(0, abs=1e-4)


def test_a_measurement_of_another_model_is_not_taken(saved: Path) -> None:
    code, line = failing("crosscheck", "zoo:fsrcnn_x3", "--measured", str(saved), "-q")
    assert code == 2
    assert "no saved measurement of fsrcnn_x3: there are abpn_x3" in line


def test_a_file_that_is_no_measurement_is_said(tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    path.write_text("{}")
    code, line = failing("crosscheck", NAMES[0], "--measured", str(path))
    assert code == 2
    assert "not a saved measurement" in line


def test_fresh_measurements_are_kept_and_used_again(tmp_path: Path) -> None:
    """A smoke test with onnxruntime: structure only, whatever the machine's speed."""
    folder = tmp_path / "kept"
    quick = (
        "--runs",
        "1",
        "--seconds",
        "0",
        "--max-seconds",
        "0.2",
        "--retries",
        "0",
        "--keep",
        str(folder),
        "--format",
        "json",
    )
    first = run("crosscheck", NAMES[0], *quick)
    assert first.exit_code == 0, first.stderr
    (model,) = json.loads(first.stdout)["models"]
    assert model["coverage"] > 0.99
    assert all(row["predicted_ms"] > 0 and row["measured_ms"] >= 0 for row in model["meta_nodes"])
    assert len(list(folder.glob("*.json"))) == 1
    assert json.loads(run("crosscheck", NAMES[0], *quick).stdout)["models"] == [model]


def test_what_a_slow_machine_disturbed_is_measured_again_and_the_calmer_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first network meets a slow machine, then the same network a fast one."""
    pulses = {NAMES[0]: iter(((150, 150, 150), (100, 101, 102))), NAMES[1]: iter(((100, 100, 105),))}
    profile = device.load(BASE)

    def measured(_source: object, network: Model, **_: object) -> Iterator[Measurement]:
        around = next(pulses[f"zoo:{network.graph.name}"])
        own = measurement(network, profile)
        times_ns = tuple(t * max(around) // 100 for t in own.samples_ns)
        yield replace(own, samples_ns=times_ns, pulses_ns=around)

    monkeypatch.setattr(timing, "measure_model", measured)
    options = ("--keep", str(tmp_path), "--statistic", "min", "--format", "json")
    result = run("crosscheck", *NAMES[:2], *options)
    assert result.exit_code == 0, result.stderr
    errors = [model["error"] for model in json.loads(result.stdout)["models"]]
    assert errors == pytest.approx([1 / 1.02 - 1, 1 / 1.05 - 1], abs=1e-3)
    kept = run("crosscheck", *NAMES[:2], *options)  # nothing is left to measure: the iterators are empty
    assert kept.stdout == result.stdout


def test_a_second_measurement_that_fails_leaves_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = device.load(BASE)
    answers = iter(((150,) * 3, (100,) * 3, None))

    def measured(_source: object, network: Model, **_: object) -> Iterator[Measurement]:
        around = next(answers)
        if around is None:
            raise MeasurementError("onnxruntime ended the measuring process with SIGKILL")
        yield replace(measurement(network, profile), pulses_ns=around)

    monkeypatch.setattr(timing, "measure_model", measured)
    result = run("crosscheck", *NAMES[:2], "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["models"]) == 2
    assert "SIGKILL; the first measurement stands" in result.stderr


def test_integers_are_quantized_here(tmp_path: Path) -> None:
    quick = ("--runs", "1", "--seconds", "0", "--max-seconds", "0.2", "--keep", str(tmp_path))
    result = run("crosscheck", NAMES[1], "--dtype", "uint8", *quick, "--format", "json")
    assert result.exit_code == 0, result.stderr
    (model,) = json.loads(result.stdout)["models"]
    assert model["dtype"] == "uint8"
    assert {"compute", "quantization", "layout"} <= {row["kind"] for row in model["meta_nodes"]}


def test_proportions_are_those_predicted_within_a_factor_of_three() -> None:
    """Gross sanity with onnxruntime: how many times slower than another a network is, not how fast it is."""
    names = ("zoo:quicksrnet_small_x3?height=24&width=32", "zoo:srcnn_x2?height=48&width=64")
    quick = ("--runs", "5", "--seconds", "0", "--clock", "cpu", "--statistic", "min", "--format", "json")
    result = run("crosscheck", *names, *quick)
    assert result.exit_code == 0, result.stderr
    small, large = json.loads(result.stdout)["models"]
    predicted = large["predicted_ms"] / small["predicted_ms"]
    assert predicted > 5
    assert predicted / 3 < large["measured_ms"] / small["measured_ms"] < predicted * 3


def test_a_model_onnxruntime_refuses_is_one_line_and_the_others_are_checked(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    node = helper.make_node("Nonsense", ["x"], ["y"], domain="my.own")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy"]
    graph = helper.make_graph([node], "bad", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), bad)
    quick = ("--runs", "1", "--seconds", "0", "--max-seconds", "0.2", "--format", "json")
    code, line = failing("crosscheck", str(bad), *quick)
    assert code == 2
    assert "onnxruntime refused the model" in line
    assert "/tmp/latencylab-" not in line
    both = run("crosscheck", str(bad), NAMES[0], *quick)
    assert both.exit_code == 0
    assert [model["name"] for model in json.loads(both.stdout)["models"]] == [NAMES[0].removeprefix("zoo:")]
    assert f"warning: {bad}: onnxruntime refused the model" in both.stderr
