"""What was published about these devices, as orderings and ratios that the physics must reproduce untold.

The ABPN study (Du et al., CVPRW 2021) timed meta-nodes on the Dolphin by the NN API of 2021; other findings
are ratios of the rows in evidence/. Tolerances are those of the findings, not of the model; what it does not
reproduce is marked so, with the figure.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from statistics import mean

import pytest
from simulating import profile

from latencylab import pipeline

ROWS = Path(__file__).parents[1] / "evidence" / "rows"
STUDY, DEFAULT = "nnapi_2021", None
REAL_TIME_MS = 1000 / 30


@cache
def network(name: str) -> object:
    return pipeline.read(f"zoo:{name}")


@cache
def ms(name: str, device: str = "dolphin_npu", runtime: str | None = None, **options: str) -> float:
    return pipeline.price(network(name), profile(device, runtime), **options).latency_s * 1e3


def node(name: str, runtime: str | None = STUDY) -> float:
    return ms(f"metanode_{name}", runtime=runtime)


@pytest.mark.parametrize("runtime", [STUDY, DEFAULT])
def test_an_add_of_the_trunk_is_slower_than_a_well_mapped_convolution(runtime: str | None) -> None:
    assert node("add", runtime) > 1.3 * node("conv3x3_relu", runtime)


def test_the_anchor_costs_three_adds() -> None:
    assert node("anchor_residual") / node("add") == pytest.approx(3, rel=0.15)


def test_a_nearest_resize_costs_four_anchors_and_misses_real_time_alone() -> None:
    assert node("resize_nearest") / node("anchor_residual") == pytest.approx(4, rel=0.15)
    assert node("resize_nearest") > REAL_TIME_MS


@pytest.mark.parametrize("runtime", [STUDY, DEFAULT])
def test_a_1x1_convolution_costs_what_a_3x3_does_with_a_ninth_of_the_macs(runtime: str | None) -> None:
    small, large = (network(f"metanode_conv{k}_28_28") for k in ("1x1", "3x3"))
    small, large = (pipeline.price(n, profile("dolphin_npu", runtime)) for n in (small, large))
    assert large.model.macs == 9 * small.model.macs
    assert 0.5 < small.latency_s / large.latency_s < 1.2


@pytest.mark.parametrize("runtime", [STUDY, DEFAULT])
def test_relu_is_cheaper_than_leaky_relu_and_free_behind_a_convolution(runtime: str | None) -> None:
    assert node("relu", runtime) < node("leaky_relu", runtime)
    assert node("conv3x3_relu", runtime) == node("conv3x3_28_28", runtime)


def test_five_conv_relu_nodes_end_before_the_skip_beside_them_does() -> None:
    priced = pipeline.price(network("abpn_x3?blocks=4"), profile("dolphin_npu", STUDY))
    end_s = {kernel.name: kernel.end_s for kernel in priced.kernels}
    assert end_s["conv_4"] < end_s["concat_0"] < end_s["conv_5"]


def test_with_five_conv_relu_nodes_or_fewer_the_parallel_skip_decides() -> None:
    """ABPN of m blocks has m + 2 conv+ReLU nodes before its last convolution."""
    below, above = (ms(f"abpn_x3?blocks={b}", runtime=STUDY) for b in (3, 8))
    assert (below - ms("abpn_x3?blocks=1", runtime=STUDY)) / 2 < (above - below) / 5 / 3


def test_float_leaves_the_convolution_cores() -> None:
    """Published: YOLOv8s takes 4895 ms in float16 and 54.35 ms in uint8, 90 times less."""
    assert 60 < ms("yolov8s", dtype="float16") / ms("yolov8s") < 150


def test_one_network_as_nchw_and_as_nhwc() -> None:
    """XCAT took 30 ms as NCHW and 8.8 ms as NHWC, to 1080p: explicit Transposes at its ends."""
    planes, pixels = (
        pipeline.price(network("xcat_x3"), profile("dolphin_npu"), layout=layout)
        for layout in ("nchw", "nhwc")
    )
    assert (planes.latency_s - pixels.latency_s) * 1e3 == pytest.approx(21.2, rel=0.25)
    added_s = [
        sum(k.latency_s for k in found.kernels if k.is_layout and k.kind == "Transpose")
        for found in (planes, pixels)
    ]
    assert added_s[1] == 0
    assert added_s[0] * 1e3 == pytest.approx(21.2, rel=0.25)


@pytest.mark.parametrize(
    ("name", "published"),
    [("pure_convolution", 4.72), ("inception_v4", 2.75), ("mobilenet_v1_025", 1.21), ("mobilenet_v2", 1.29)],
)
def test_the_small_sister_is_slower_by_what_binds(name: str, published: float) -> None:
    assert ms(name, "vs640_npu") / ms(name, "dolphin_npu") == pytest.approx(published, rel=0.15)


@pytest.mark.parametrize(("name", "published"), [("resnet50", 1.269), ("yolov5s?postprocess=false", 1.516)])
def test_slower_memory_costs_what_it_was_measured_to_cost(name: str, published: float) -> None:
    slow, fast = (ms(name, "allwinner_a733_npu", f"ddr_{mhz}") for mhz in (800, 1800))
    assert slow / fast == pytest.approx(published, rel=0.10)


def skips(runtime: str, scale: str) -> dict[str, tuple[float, float]]:
    """Cost of the replicated skip in ms, network less twin: (predicted, published) by network."""
    rows = csv.DictReader((ROWS / "dimensity8100.csv").read_text().splitlines())
    return {
        row["model"]: (
            ms(row["model"][4:], row["device"], runtime) - ms(row["minus"][4:], row["device"], runtime),
            float(row["latency_ms"]),
        )
        for row in rows
        if row["minus"] and row["runtime"] == runtime and row["id"].endswith(scale)
    }


@pytest.mark.parametrize("scale", ["x3", "x4"])
@pytest.mark.parametrize("runtime", ["nnapi", "neuron"])
def test_the_replicated_skip_costs_what_it_was_measured_to_cost(runtime: str, scale: str) -> None:
    found = skips(runtime, scale)
    assert len(found) == 5
    assert {name for name, (ours, theirs) in found.items() if abs(ours / theirs - 1) > 0.2} == set()


@pytest.mark.parametrize("scale", ["x3", "x4"])
@pytest.mark.parametrize("runtime", ["nnapi", "neuron"])
def test_the_replicated_skip_costs_the_same_whatever_the_trunk(runtime: str, scale: str) -> None:
    costs = [ours for ours, _ in skips(runtime, scale).values()]
    assert (max(costs) - min(costs)) / mean(costs) < 0.15


@pytest.mark.parametrize("scale", ["x2", "x3", "x4"])
@pytest.mark.parametrize("runtime", ["nnapi", "neuron"])
def test_the_replicated_skip_costs_on_average_what_it_was_measured_to_cost(runtime: str, scale: str) -> None:
    """At x2, of a millisecond, single differences scatter as the measured ones do."""
    ours, theirs = zip(*skips(runtime, scale).values(), strict=True)
    assert mean(ours) == pytest.approx(mean(theirs), rel=0.2)
