"""Writes evidence/rows/*.csv from evidence/measured/*.csv: `python -m evidence.make_rows`.

Milliseconds are never typed here, only read: this file says which graph, device and runtime each stands for.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).parent
Record = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fact; README.md says what each column means."""

    id: str
    model: str
    minus: str = ""
    network: str = ""
    device: str
    runtime: str = ""
    layout: str = ""
    dtype: str = ""
    latency_ms: str
    weight: str = "1"
    role: str = "fit"
    status: str = "seen"
    source: str
    note: str = ""


# Network of the vendor's report -> graph, role, note.
VENDOR_GRAPHS = {
    "test_64_128x128_5_132_132": ("zoo:pure_convolution", "fit", "exact"),
    "inception_v4_299_quant": ("zoo:inception_v4", "fit", "exact"),
    "mobilenet_v1_0.25_224_quant": ("zoo:mobilenet_v1_025", "fit", "exact"),
    "mobilenet_v2_1.0_224_quant": ("zoo:mobilenet_v2", "fit", "exact"),
    "yolov5m-640x480": ("zoo:yolov5m?height=480", "report", "release and post-processing unknown"),
    "yolov5s-640x480": ("zoo:yolov5s?height=480", "report", "release and post-processing unknown"),
    "convert_nv12@1920x1080_rgb@1920x1080": ("zoo:nv12_1080p_to_rgb_1080x1920", "fit", "stand-in graph"),
    "convert_nv12@1920x1080_rgb@640x360": ("zoo:nv12_1080p_to_rgb_360x640", "fit", "stand-in graph"),
    "convert_nv12@1920x1080_rgb@224x224": ("zoo:nv12_1080p_to_rgb_224x224", "fit", "stand-in graph"),
}  # fmt: skip
VENDOR_DEVICES = {"VS680": "dolphin_npu", "VS640": "vs640_npu"}
VENDOR_RUNTIMES = {"npu_offline_ms": "synap_offline", "npu_online_ms": "nnapi_online"}

PHONE_GRAPHS = {
    "ESPCN": "espcn",
    "FSRCNN": "fsrcnn",
    "ECBSR-M4C16": "ecbsr_m4c16",
    "ECBSR-M4C32": "ecbsr_m4c32",
    "ECBSR-M6C40": "ecbsr_m6c40",
    "ABPN-M4C28": "abpn",
    "ABPN-M6C40": "abpn_m6c40",
}
# The same networks as the authors' TensorFlow scripts spell them.
PHONE_GRAPHS_AS_TIMED = {name: f"{graph}_tf" for name, graph in PHONE_GRAPHS.items()} | {
    "ABPN-M4C28": "abpn_m4c28_tf"
}
# With the clip that the timed networks end in, ESPCN as the table counts it: for engines where a clip is a
# kernel of its own.
PHONE_GRAPHS_CLIPPED = PHONE_GRAPHS_AS_TIMED | {"ESPCN": "espcn"}
# The twins as the authors' MACs count them: four channels more carry the image through the trunk.
TWINS_AS_COUNTED = {name: f"{graph}_twin" for name, graph in PHONE_GRAPHS.items()} | {
    "ABPN-M4C28": "abpn_m4c28_twin"
}
# The twins of the authors' timing scripts, whose trunks are no wider: the image joins them by a late Concat.
TWINS = {name: f"{graph}_tf" for name, graph in TWINS_AS_COUNTED.items()}


@dataclass(frozen=True, slots=True)
class Column:
    """A latency column of the phones' tables, and what it was measured on."""

    name: str
    device: str
    runtime: str
    short: str


DIMENSITY = (
    Column("dimensity8100_nnapi_int8_ms", "dimensity8100_npu", "nnapi", "d8100_nnapi"),
    Column("dimensity8100_neuron_int8_ms", "dimensity8100_npu", "neuron", "d8100_neuron"),
    Column("dimensity8100_cpu_int8_ms", "mobile_cpu", "tflite", "d8100_cpu"),
)
# Column of what the twin saves, for each column of the network's own latency.
SAVED = {
    "dimensity8100_nnapi_int8_ms": "saved_nnapi_ms",
    "dimensity8100_neuron_int8_ms": "saved_neuron_ms",
    "dimensity8100_cpu_int8_ms": "saved_cpu_ms",
}
SNAPDRAGON_888 = (Column("snapdragon888_gpu_int8_ms", "snapdragon888_gpu", "tflite_gpu", "sd888_gpu"),)
SNAPDRAGON_8GEN1 = (
    Column("snapdragon8gen1_nnapi_int8_ms", "snapdragon8gen1_nnapi", "nnapi", "sd8gen1_nnapi"),
)

A733_GRAPHS = {
    "LeNet": ("zoo:lenet", "fit", "Caffe's LeNet taken; mostly overhead"),
    "ShuffleNetV2": ("zoo:shufflenet_v2", "report", "width 1.0 taken; an early measurement"),
    "ResNet50": ("zoo:resnet50", "fit", "v1.5: 561 MAC a cycle times the cycles are its MACs"),
    "YOLOv5s": ("zoo:yolov5s?postprocess=false", "fit", "332 MAC a cycle times the cycles are its MACs"),
}


def records(name: str) -> list[Record]:
    """Rows of a measured table."""
    with (HERE / "measured" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dolphin() -> Iterator[Row]:
    """VS680 and VS640: the vendor's benchmark, the study, the challenge, layouts, element types."""
    for record in records("vs680_vs640_measured"):
        if record["model"] in VENDOR_GRAPHS:
            yield from _vendor(record)
    yield from _study()
    yield from _challenge()
    yield from _layouts()
    yield from _element_types()


def _vendor(record: Record) -> Iterator[Row]:
    model, role, note = VENDOR_GRAPHS[record["model"]]
    for column, runtime in VENDOR_RUNTIMES.items():
        if record[column]:
            yield Row(
                id=f"{record['soc'].lower()}_{runtime}_{record['model']}",
                model=model,
                device=VENDOR_DEVICES[record["soc"]],
                runtime=runtime,
                dtype="uint8",
                latency_ms=record[column],
                role=role,
                source=record["source"],
                note=note,
            )


# Node of the study -> id, graph.
STUDY = {
    "element-wise add (FSRL)": ("add", "zoo:metanode_add"),
    "concat(x9 of input) + add (ABRL)": ("anchor", "zoo:metanode_anchor_residual"),
    "channel concat (derived: 15.6 - 5.2)": ("concat9", "zoo:metanode_concat_9x3"),
    "nearest resize (derived: about 4 x 15.6)": ("nearest", "zoo:metanode_resize_nearest"),
}


def _study() -> Iterator[Row]:
    for record in records("abpn_meta_nodes"):
        if record["node"] in STUDY:
            short, model = STUDY[record["node"]]
            is_derived = record["status"].startswith("derived")
            yield Row(
                id=f"vs680_nnapi_2021_study_{short}",
                model=model,
                device="dolphin_npu",
                runtime="nnapi_2021",
                dtype="uint8",
                latency_ms=record["latency_ms"],
                # A derived node repeats what the seen ones say.
                weight="0.5" if is_derived else "1",
                status="derived" if is_derived else "secondary",
                source=record["source"],
                note=record["tensors"],
            )


def _challenge() -> Iterator[Row]:
    for record in records("mai_challenge_published"):
        if (record["year"], record["entry"]) == ("2021", "2nd"):
            yield Row(
                id="vs680_nnapi_2021_abpn",
                model="zoo:abpn_x3",
                device="dolphin_npu",
                runtime="nnapi_2021",
                dtype="uint8",
                latency_ms=record["runtime_ms"],
                source=record["source"],
                note="rank 2 of 2021 is taken to be ABPN",
            )


def _layouts() -> Iterator[Row]:
    for record in records("layout_and_gpu_published"):
        if "Dolphin" in record["device"]:
            layout = "nhwc" if "NHWC" in record["device"] else "nchw"
            yield Row(
                id=f"vs680_synap_offline_xcat_{layout}",
                model="zoo:xcat_x3",
                device="dolphin_npu",
                runtime="synap_offline",
                layout=layout,
                dtype="uint8",
                latency_ms=record["latency_ms"],
                role="report",
                source=record["source"],
                note="graph reconstructed from the abstract: trust the difference of the layouts alone; "
                "runtime unstated, 8.8 ms in all rules the stack of 2021 out",
            )


def _element_types() -> Iterator[Row]:
    for record in records("sl1680_dtype_penalty"):
        if record["model"] == "yolov8s (onnx)":
            dtype = "uint8" if record["dtype"] == "uint8" else "float16"
            yield Row(
                id=f"vs680_synap_offline_yolov8s_{dtype}",
                model="zoo:yolov8s",
                device="dolphin_npu",
                runtime="synap_offline",
                dtype=dtype,
                latency_ms=record["median_ms"],
                role="report",
                source=record["source"],
                note="post-processing as exported; float is taken to be float16",
            )


def a733() -> Iterator[Row]:
    """Allwinner A733 at three DRAM clocks."""
    for record in records("a733_vip9000_measured"):
        model, role, note = A733_GRAPHS[record["model"]]
        yield Row(
            id=f"a733_ddr{record['ddr_mhz']}_{record['model'].lower()}",
            model=model,
            device="allwinner_a733_npu",
            runtime=f"ddr_{record['ddr_mhz']}",
            dtype="uint8",
            latency_ms=record["latency_ms"],
            role=role,
            source=record["source"],
            note=note,
        )


def phones(
    columns: Iterable[Column], graphs: dict[str, str], *, role: str = "fit", suffix: str = ""
) -> Iterator[Row]:
    """Whole networks on a phone's engines."""
    for column in columns:
        for record in records("phones_sr_measured"):
            if record[column.name]:
                graph = f"{graphs[record['model']]}_{record['scale']}"
                yield Row(
                    id=f"{column.short}_{PHONE_GRAPHS[record['model']]}_{record['scale']}{suffix}",
                    model=f"zoo:{graph}",
                    device=column.device,
                    runtime=column.runtime,
                    dtype="int8",
                    latency_ms=record[column.name],
                    role=role,
                    source=record["source"],
                    note=PHONE_NOTES.get(record["model"], ""),
                )


PHONE_NOTES = {"ESPCN": "counted with a 5x5 first kernel; the authors' timing script has 3x3"}


def skips(graphs: dict[str, str], *, role: str = "fit", suffix: str = "") -> Iterator[Row]:
    """What the replicated skip costs: a network minus its twin without Add, Concat and clip.

    Not on the CPU, where the differences scatter around zero, one of them below it.
    """
    for column in DIMENSITY[:2]:
        for record in records("skip_penalty_derived"):
            name, scale = record["model"], record["scale"]
            yield Row(
                id=f"{column.short}_skip_{PHONE_GRAPHS[name]}_{scale}{suffix}",
                model=f"zoo:{graphs[name]}_{scale}",
                minus=f"zoo:{TWINS[name]}_{scale}",
                device=column.device,
                runtime=column.runtime,
                dtype="int8",
                latency_ms=record[SAVED[column.name]],
                role=role,
                status="derived",
                source=record["source"],
                note="difference of two latencies",
            )


def twins(graphs: dict[str, str], *, suffix: str = "") -> Iterator[Row]:
    """The twins' own latencies: a network's less what its twin saves. Facts already in `skips`: reported."""
    whole = {(r["model"], r["scale"]): r for r in records("phones_sr_measured")}
    for column in DIMENSITY:
        for record in records("skip_penalty_derived"):
            name, scale = record["model"], record["scale"]
            latency_ms = float(whole[name, scale][column.name]) - float(record[SAVED[column.name]])
            yield Row(
                id=f"{column.short}_twin_{PHONE_GRAPHS[name]}_{scale}{suffix}",
                model=f"zoo:{graphs[name]}_{scale}",
                network=f"zoo:{PHONE_GRAPHS[name]}",
                device=column.device,
                runtime=column.runtime,
                dtype="int8",
                latency_ms=f"{latency_ms:.2f}",
                role="report",
                status="derived",
                source=record["source"],
                note="latency of the network less what its twin saves",
            )


def tables() -> dict[str, list[Row]]:
    """Every file of rows by name."""
    return {
        "dolphin": list(dolphin()),
        "a733": list(a733()),
        "dimensity8100": [
            *phones(DIMENSITY[:2], PHONE_GRAPHS),
            *phones(DIMENSITY[2:], PHONE_GRAPHS_CLIPPED),
            *skips(PHONE_GRAPHS),
        ],
        "dimensity8100_as_timed": [
            *phones(DIMENSITY, PHONE_GRAPHS_AS_TIMED, role="report", suffix="_tf"),
            *skips(PHONE_GRAPHS_AS_TIMED, role="report", suffix="_tf"),
        ],
        "dimensity8100_twins": list(twins(TWINS)),
        "dimensity8100_twins_as_counted": list(twins(TWINS_AS_COUNTED, suffix="_counted")),
        "snapdragon888_gpu": list(phones(SNAPDRAGON_888, PHONE_GRAPHS_CLIPPED)),
        "snapdragon8gen1": list(phones(SNAPDRAGON_8GEN1, PHONE_GRAPHS)),
    }


def main() -> None:
    """Write the files."""
    for name, rows in tables().items():
        with (HERE / "rows" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
