"""Other tools' profiles: what they printed is what is read, and damage is named with its line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latencylab import importers, plugins
from latencylab.errors import InputFileError, LatencyLabError, MeasurementError
from latencylab.importers import onnxruntime_profile, synap_network_profile, tflite_benchmark_csv

MEASURED = Path(__file__).parents[1] / "evidence" / "measured"

# synaptics-synap/doc 347bc2c manual/statistics.rst, as printed there.
SYNAP = """\
pid: 21756, nid: 1, inference_count: 78, inference_time: 272430, inference_last: 3108, layers: 34
| lyr |    cycle | time_us | byte_rd | byte_wr | ot | name
|   0 |   153811 |     202 |  151344 |       0 | TP | TensorTranspose
|   1 |   181903 |     461 |    6912 |       0 | NN | ConvolutionReluPoolingLayer2
|   2 |     9321 |      52 |    1392 |       0 | NN | ConvolutionReluPoolingLayer2
|   3 |    17430 |      51 |    1904 |       0 | NN | ConvolutionReluPoolingLayer2
|   4 |    19878 |      51 |    1904 |       0 | NN | ConvolutionReluPoolingLayer2
...
|  28 |    16248 |      51 |    7472 |       0 | NN | ConvolutionReluPoolingLayer2
|  29 |   125706 |     408 |  120720 |       0 | TP | FullyConnectedReluLayer
|  30 |   137129 |     196 |    2848 |    1024 | SH | Softmax2Layer
|  31 |        0 |       0 |       0 |       0 | -- | ConvolutionReluPoolingLayer2
|  32 |        0 |       0 |       0 |       0 | -- | ConvolutionReluPoolingLayer2
|  33 |      671 |      51 |    1008 |       0 | NN | ConvolutionReluPoolingLayer2
"""

TFLITE = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
node type, start, first, avg_ms, %, cdf%, mem KB, times called, name
AllocateTensors, 0, 0.029, 0.029, 100%, 100%, 0, 1, AllocateTensors/0

Number of nodes executed: 1

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type, start, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0, 0.11, 0.5, 50%, 50%, 0, 1, [net/conv2d/Relu\tnet/conv2d/Conv2D]:0
TfLiteXNNPackDelegate, 0.5, 0.03, 0.25, 25%, 75%, 0, 1, TfLiteXNNPackDelegate:1
ADD, 0.75, 0.02, 1e-05, 0.01%, 75%, 0, 2, [net/add]:2

============================== Top by Computation Time ==============================
node type, start, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0, 0.11, 0.5, 50%, 50%, 0, 1, [net/conv2d/Relu]:0
"""


def ort_event(name: str, index: int, start: int, duration: int) -> dict[str, object]:
    args = {"op_name": "Conv", "node_index": str(index), "provider": "CPUExecutionProvider"}
    args["output_type_shape"] = [{"float": [1, 8, 4, 4]}]
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": start, "dur": duration, "args": args}


ORT = json.dumps(
    [
        {"cat": "Session", "name": "model_run", "ts": 0, "dur": 900, "args": {}},
        ort_event("first", 0, 1, 500),
        ort_event("second", 1, 600, 50),
        {"cat": "Session", "name": "model_run", "ts": 1000, "dur": 70, "args": {}},
        ort_event("first", 0, 1001, 40),
        ort_event("second", 1, 1050, 20),
    ]
)

SAMPLES = {"synap_network_profile": SYNAP, "tflite_benchmark_csv": TFLITE, "onnxruntime_profile": ORT}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_recognises_its_own_and_no_other(name: str) -> None:
    recognised = [n for n in plugins.names("importers") if plugins.load("importers", n).sniff(SAMPLES[name])]
    assert recognised == [name]


def test_every_importer_has_a_sample_here() -> None:
    assert set(SAMPLES) == set(plugins.names("importers"))


def test_synap_layers_are_those_of_the_measured_table() -> None:
    with (MEASURED / "vip9000_layer_profile_example.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    kernels = importers.read(SYNAP)
    assert [str(k.index) for k in kernels] == [row["layer"] for row in expected]
    assert [str(k.cycles) for k in kernels] == [row["cycles"] for row in expected]
    assert [k.time_s * 1e6 for k in kernels] == pytest.approx([float(row["time_us"]) for row in expected])
    assert [str(k.read_bytes) for k in kernels] == [row["bytes_read"] for row in expected]
    assert [str(k.write_bytes) for k in kernels] == [row["bytes_written"] for row in expected]
    assert [k.engine for k in kernels] == [
        {"SH": "ppu"}.get(r["engine"], r["engine"].lower()) for r in expected
    ]


def test_synap_floor_is_taken_off_and_never_below_zero() -> None:
    first, *_, last = importers.read(SYNAP)
    assert first.net_s == pytest.approx(151e-6)
    assert last.net_s == 0


def test_synap_merged_layers_never_ran() -> None:
    assert {31, 32}.isdisjoint(kernel.index for kernel in importers.read(SYNAP))


def test_synap_of_older_drivers_has_no_engine_column() -> None:
    header = "| lyr | cycle | time_us | byte_rd | byte_wr | type"
    text = f"pid: 1, nid: 1, layers: 1\n{header}\n|  0 | 9 | 51 | 4 | 0 | Add\n"
    (kernel,) = importers.read(text)
    assert (kernel.op_type, kernel.engine, kernel.name) == ("Add", "", "Add_0")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("...\n", "", "34 layers announced, 11 found"),
        ("|     202 |", "|    fast |", "line 3: expected lyr | cycle"),
        ("| TP | TensorTranspose", "| TensorTranspose", "line 3: expected lyr | cycle"),
        ("|   2 |", "|   1 |", "occurs twice"),
        (" | name", " | name\n" + SYNAP, "2 networks with layers"),
    ],
)
def test_synap_damage_is_named(old: str, new: str, complaint: str) -> None:
    with pytest.raises(MeasurementError, match=complaint.replace("|", r"\|")):
        importers.read(SYNAP.replace(old, new, 1))


def test_synap_without_profiling_says_what_to_do() -> None:
    text = SYNAP.replace("| NN |", "| -- |").replace("| TP |", "| -- |").replace("| SH |", "| -- |")
    with pytest.raises(MeasurementError, match="was profiling enabled"):
        importers.read(text)


def test_tflite_reads_the_regular_runs_in_their_order() -> None:
    conv, delegate, add = importers.read(TFLITE)
    assert (conv.op_type, conv.engine, conv.time_s) == ("CONV_2D", "cpu", pytest.approx(0.5e-3))
    assert conv.name == "[net/conv2d/Relu,net/conv2d/Conv2D]:0"
    assert delegate.engine == "TfLiteXNNPackDelegate"
    assert add.time_s == pytest.approx(2 * 1e-8), "called twice an inference"


def test_tflite_of_newer_releases_has_no_start() -> None:
    lines = TFLITE.replace("node type, start,", "node type,").replace("CONV_2D, 0,", "CONV_2D,")
    lines = lines.replace("Delegate, 0.5,", "Delegate,").replace("ADD, 0.75,", "ADD,")
    assert importers.read(lines) == importers.read(TFLITE)


def test_tflite_node_types_may_hold_commas() -> None:
    """XNNPACK names its kernels so; only the names of nodes are escaped."""
    kernels = importers.read(TFLITE.replace("ADD,", "Delegate/Convolution (NHWC, QC8) IGEMM,"))
    assert kernels[2].op_type == "Delegate/Convolution (NHWC, QC8) IGEMM"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("0.11, 0.5,", "0.11, nan,", "line 11: avg_ms is 'nan'"),
        ("0.11, 0.5,", "0.11, -1,", "line 11: avg_ms is '-1'"),
        ("CONV_2D, 0, 0.11, 0.5, 50%, 50%, 0,", "CONV_2D", "line 11: expected node type"),
        ("node type, start", "[node type]  [start]", "--profiling_output_csv_file"),
    ],
)
def test_tflite_damage_is_named(old: str, new: str, complaint: str) -> None:
    head, tail = TFLITE.split("Operator-wise")
    with pytest.raises(MeasurementError, match=complaint):
        importers.read(f"{head}Operator-wise{tail.replace(old, new, 1)}")


def test_tflite_without_nodes() -> None:
    with pytest.raises(MeasurementError, match="no node ran"):
        importers.read(TFLITE[: TFLITE.rindex("CONV_2D, 0, 0.11, 0.5, 50%, 50%, 0, 1, [net/conv2d/Relu\t")])


def test_onnxruntime_takes_the_median_without_the_cold_run() -> None:
    first, second = importers.read(ORT)
    assert (first.name, first.op_type, first.engine) == ("first", "Conv", "CPUExecutionProvider")
    assert [first.time_s, second.time_s] == pytest.approx([40e-6, 20e-6])
    assert first.write_bytes == 8 * 4 * 4 * 4


@pytest.mark.parametrize(
    "text",
    [
        ORT[:-20],
        ORT.replace('"dur"', '"length"'),
        ORT.replace('"dur": 40', '"dur": -40'),
        ORT.replace('"dur": 40', '"dur": Infinity'),
        '[1, "x_kernel_time"]',
    ],
)
def test_onnxruntime_damage_is_named(text: str) -> None:
    with pytest.raises(MeasurementError, match="onnxruntime profile"):
        importers.read(text)


def test_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "profile.txt"
    path.write_text("layer,ms\nconv,1\n")
    with pytest.raises(MeasurementError, match="SyNAP network_profile") as caught:
        importers.read_file(path)
    assert "profile.txt" in str(caught.value)


@pytest.mark.parametrize("name", SAMPLES)
def test_files_are_read_with_or_without_a_byte_order_mark(tmp_path: Path, name: str) -> None:
    path = tmp_path / "profile"
    path.write_text(SAMPLES[name], encoding="utf-8-sig")
    assert importers.read_file(path) == importers.read(SAMPLES[name])


def test_a_missing_file_or_a_folder_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputFileError, match=path.name):
            importers.read_file(path)


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2000), st.integers(0, 60), st.text(max_size=8))
def test_damage_anywhere_is_an_error_of_ours_or_none(name: str, start: int, length: int, junk: str) -> None:
    """Whatever is cut out or written in, no other exception escapes, and times stay finite and positive."""
    text = SAMPLES[name]
    try:
        kernels = importers.read(text[:start] + junk + text[start + length :])
    except LatencyLabError:
        return
    assert all(0 <= kernel.time_s < float("inf") for kernel in kernels)


@given(st.text())
def test_any_text_is_refused_politely(text: str) -> None:
    for module in (synap_network_profile, tflite_benchmark_csv, onnxruntime_profile):
        assert not module.sniff(text)
    with pytest.raises(MeasurementError):
        importers.read(text)
