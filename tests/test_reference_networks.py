"""The reference networks are the published ones: parameters and MACs against what was printed elsewhere."""

from __future__ import annotations

import csv
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from latencylab import onnx_reader, ops, parameters, zoo
from latencylab.graph import total

if TYPE_CHECKING:
    from latencylab.graph import Graph

MEASURED = Path(__file__).parents[1] / "evidence" / "measured"


@cache
def graph(name: str) -> Graph:
    return onnx_reader.read(zoo.build(name, weights=False)).graph


def macs(name: str) -> int:
    g = graph(name)
    return total(ops.work(node, g.inputs_of(node), g.outputs_of(node)) for node in g.nodes).macs


def trained(name: str) -> int:
    return parameters.count(graph(name)).trainable


def normalized_channels(name: str, *, bare: int) -> int:
    """Channels behind a batch normalization: those of every convolution but the last `bare` ones written."""
    model = zoo.build(name, weights=False)
    tensors = onnx_reader.read(model).graph.tensors
    maps = [node.output[0] for node in model.graph.node if node.op_type == "Conv"]
    return sum(tensors[map_].shape[1] for map_ in maps[: len(maps) - bare])


# Published trainable parameters, batch normalization (scale and shift) included. Folding leaves the shift as
# the bias and loses the scale: one number a channel. `more`: the background class of TensorFlow's models.
# Sources: Keras applications (MobileNet v1, v2), timm (Inception v4), torchvision (ResNet-50, ShuffleNetV2),
# ultralytics/yolov5 README (unfused).
PUBLISHED = [
    ("mobilenet_v1", 4_231_976, 1, 1024 + 1),
    ("mobilenet_v2", 3_504_872, 1, 1280 + 1),
    ("inception_v4", 42_679_816, 0, 1536 + 1),
    ("resnet50", 25_557_032, 0, 0),
    ("shufflenet_v2", 2_278_604, 0, 0),
    ("yolov5s?postprocess=false", 7_235_389, 3, 0),
    ("yolov5m?postprocess=false", 21_190_557, 3, 0),
]


@pytest.mark.parametrize(("name", "published", "bare", "more"), PUBLISHED)
def test_parameters_are_the_published_ones_less_the_folded_scales(
    name: str, published: int, bare: int, more: int
) -> None:
    assert trained(name) == published + more - normalized_channels(name, bare=bare)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("yolov8s?postprocess=false", 11_156_544 - 16),  # fused; less the 16 weights that average distances
        ("lenet", 431_080),
        ("pure_convolution", 64 * (132 * 132 * 25 + 132)),
    ],
)
def test_parameters_without_normalization(name: str, published: int) -> None:
    assert trained(name) == published


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("mobilenet_v1", 569e6, 1e-3),  # TF-slim's table, in millions
        ("mobilenet_v1_025", 41e6, 1e-3),
        ("mobilenet_v2", 300e6, 3e-3),
        ("inception_v4", 12.27e9, 2e-3),  # counted with its poolings
        ("resnet50", 4_089_184_256, 0),  # fvcore's, to the last digit
        ("shufflenet_v2", 146e6, 1e-2),
        ("yolov5s", 16.5e9 / 2, 5e-3),  # operations
        ("yolov5m", 49.0e9 / 2, 5e-3),
        ("yolov8s", 28.6e9 / 2, 1e-3),
        ("pure_convolution", 913_519_411_200 / 2, 0),  # the vendor's count of operations
        ("lenet", 24 * 24 * 20 * 25 + 8 * 8 * 50 * 500 + 800 * 500 + 500 * 10, 0),
    ],
)
def test_macs_are_the_published_ones(name: str, published: float, tolerance: float) -> None:
    assert macs(name) == pytest.approx(published, rel=tolerance, abs=0)


def test_mobilenet_v1_from_its_hyperparameters() -> None:
    """A depthwise-separable block of n inputs and m outputs at stride s: n*9 + n*m a pixel of its output."""
    side, channels, expected = 112, 32, 112**2 * 32 * 27
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    for width, stride in zip(widths, strides, strict=True):
        side //= stride
        expected += side**2 * channels * (9 + width)
        channels = width
    assert macs("mobilenet_v1") == expected + 1024 * 1001


@pytest.mark.parametrize("model", ["ResNet50", "YOLOv5s"])
def test_macs_a_cycle_times_cycles_of_the_a733(model: str) -> None:
    """The A733's author counted cycles and MACs a cycle: their product is the network's work."""
    name = {"ResNet50": "resnet50", "YOLOv5s": "yolov5s?postprocess=false"}[model]
    row = next(r for r in table("a733_vip9000_measured") if r["model"] == model and r["cycles"])
    # Three printed digits of MACs a cycle.
    assert macs(name) == pytest.approx(int(row["cycles"]) * int(row["mac_per_cycle"]), rel=2e-3)


def table(name: str) -> list[dict[str, str]]:
    with (MEASURED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counted_by_the_authors(name: str) -> float:
    """G MACs as the phones' tables count: PReLU an element, transposed convolution at its output."""
    g = graph(name)
    result = 0
    for node in g.nodes:
        output, constants = g.outputs_of(node)[0], [t for t in g.inputs_of(node) if t and t.is_constant]
        if node.op_type == "Conv":
            result += output.elements * prod(constants[0].shape[1:])
        elif node.op_type == "ConvTranspose":
            inputs, _, *kernel = constants[0].shape
            result += output.elements * inputs * prod(kernel)
        elif node.op_type == "PRelu":
            result += output.elements
    return result / 1e9


PHONES = {
    "ESPCN": "espcn",
    "FSRCNN": "fsrcnn",
    "ECBSR-M4C16": "ecbsr_m4c16",
    "ECBSR-M4C32": "ecbsr_m4c32",
    "ECBSR-M6C40": "ecbsr_m6c40",
    "ABPN-M4C28": "abpn",
    "ABPN-M6C40": "abpn_m6c40",
}


@pytest.mark.parametrize("row", table("phones_sr_measured"), ids=lambda r: f"{r['model']}-{r['scale']}")
def test_the_phones_networks_by_their_authors_convention(row: dict[str, str]) -> None:
    name = f"{PHONES[row['model']]}_{row['scale']}"
    assert trained(name) / 1e3 == pytest.approx(float(row["params_k"]), abs=0.0051)
    assert counted_by_the_authors(name) == pytest.approx(float(row["macs_g"]), abs=0.0051)


@pytest.mark.parametrize("row", table("skip_penalty_derived"), ids=lambda r: f"{r['model']}-{r['scale']}")
def test_the_twins_by_the_macs_they_add(row: dict[str, str]) -> None:
    """The published number is the difference of two rounded ones."""
    size = row["model"].lower().replace("-", "_")
    added = counted_by_the_authors(f"{size}_twin_{row['scale']}")
    added -= counted_by_the_authors(f"{PHONES[row['model']]}_{row['scale']}")
    assert added == pytest.approx(float(row["macs_added_g"]), abs=0.0101)


@pytest.mark.parametrize("name", ["abpn_m4c28_twin_x3", "ecbsr_m6c40_twin_x2"])
def test_a_twin_has_neither_add_nor_concat_nor_clip(name: str) -> None:
    assert {node.op_type for node in graph(name).nodes}.isdisjoint({"Add", "Concat", "Clip", "Min", "Expand"})


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", ["ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40", "abpn_m4c28", "abpn_m6c40"])
def test_a_twin_of_the_timing_script_joins_the_image_late(size: str, scale: int) -> None:
    """Its trunk is that of the network; the last 3x3 reads three channels more, a 1x1 follows."""
    whole, twin = (widths(graph(f"{size}{kind}_x{scale}")) for kind in ("_tf", "_twin_tf"))
    out = 3 * scale**2
    *trunk, (last_inputs, _, _) = whole
    assert twin == [*trunk, (last_inputs + 3, out, 9), (out, out, 1)]


def widths(g: Graph) -> list[tuple[int, int, int]]:
    """Input channels, output channels and taps of each convolution."""
    weights = [g.inputs_of(node)[1].shape for node in g.nodes if node.op_type == "Conv"]
    return [(inputs, outputs, prod(kernel)) for outputs, inputs, *kernel in weights]


def run(name: str, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        zoo.build(name).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    result: np.ndarray = session.run(None, feeds)[0]
    return result


def test_colour_conversion_of_black_white_and_red() -> None:
    """Limited-range BT.601: (16, 128, 128) is black, (235, 128, 128) white, (81, 90, 240) red."""
    luma = np.repeat(np.array([16, 235, 81, 81], np.float32), 2).reshape(1, 1, 1, 8).repeat(2, axis=2)
    chroma = np.array([[128, 128, 90, 90], [128, 128, 240, 240]], np.float32).reshape(1, 2, 1, 4)
    size = "height=2&width=8&out_height=2&out_width=8"
    rgb = run(f"nv12_1080p_to_rgb_1080x1920?{size}", image=luma, chroma=chroma)[0, :, 0, ::2].T
    expected = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [255, 0, 0]]
    assert rgb == pytest.approx(np.array(expected), abs=1.5)


def test_the_conversion_samples_only_what_it_writes() -> None:
    """Resampled planes hold one luma and two chroma elements for each pixel of the output."""
    g = graph("nv12_1080p_to_rgb_360x640")
    written = [g.outputs_of(node)[0].elements for node in g.nodes if node.op_type == "Resize"]
    assert written == [360 * 640, 2 * 360 * 640]


def test_the_frozen_convolution_of_xcat_is_nearest_upsampling() -> None:
    from latencylab.zoo.reference import _nearest_matrix

    image = np.arange(3 * 2 * 2, dtype=np.float32).reshape(3, 4)
    # Depth to space (DCR): block row, block column, colour are the axes of the channels, in this order.
    shuffled = (
        (_nearest_matrix(3, 3) @ image).reshape(3, 3, 3, 2, 2).transpose(2, 3, 0, 4, 1).reshape(3, 6, 6)
    )
    assert (shuffled == image.reshape(3, 2, 2).repeat(3, axis=1).repeat(3, axis=2)).all()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet", (1, 10)),
        ("mobilenet_v1_025", (1, 1001)),
        ("shufflenet_v2", (1, 1000)),
        ("yolov5s?height=64&width=64", (1, 3 * (64 + 16 + 4), 85)),
        ("yolov8s?height=64&width=64", (1, 84, 64 + 16 + 4)),
        ("xcat_x3?height=8&width=8", (1, 3, 24, 24)),
        ("abpn_m4c28_twin_x3?height=8&width=8", (1, 3, 24, 24)),
        ("ecbsr_m4c16_tf_x2?height=8&width=8", (1, 3, 16, 16)),
        ("ecbsr_m4c16_twin_tf_x2?height=8&width=8", (1, 3, 16, 16)),
    ],
)
def test_they_run(name: str, shape: tuple[int, ...]) -> None:
    """onnxruntime accepts the files, and what comes out is neither dead nor overflowing."""
    image = graph(name).tensors["image"].shape
    output = run(name, image=np.random.default_rng(0).random(image, np.float32))
    assert output.shape == shape
    assert np.isfinite(output).all()
    assert output.std() > 0
