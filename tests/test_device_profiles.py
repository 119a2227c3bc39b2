"""The shipped profiles: their figures derived a second way, and what is known of these devices."""

from __future__ import annotations

import pytest

from latencylab import device

EVERY = [f"{name}:{runtime}" for name in device.names() for runtime in device.runtimes(name)]
SHIPPED = {
    "allwinner_a733_npu",
    "dimensity8100_npu",
    "dolphin_npu",
    "mobile_cpu",
    "onnxruntime_cpu",
    "snapdragon888_gpu",
    "snapdragon8gen1_nnapi",
    "vs640_npu",
}


def test_what_is_shipped() -> None:
    assert set(device.names()) >= SHIPPED


@pytest.mark.parametrize("name", device.names())
def test_check_finds_nothing(name: str) -> None:
    assert device.check(name) == ()


@pytest.mark.parametrize("name", EVERY)
def test_every_runtime_loads_under_its_file_s_name(name: str) -> None:
    profile = device.load(name)
    assert f"{profile.name}:{profile.runtime.name}" == name
    assert profile.runtime.title
    assert profile.runtime.version


@pytest.mark.parametrize("name", EVERY)
def test_every_value_says_where_it_comes_from(name: str) -> None:
    values = device.load(name).parameters()
    assert values
    assert not [path for path, value in values.items() if len(value.source) < 8]
    unfounded = [p for p, v in values.items() if v.provenance == "fitted" and not (v.residual or v.sigma_pct)]
    assert not unfounded


@pytest.mark.parametrize("name", device.names())
def test_the_deployment_type_runs_convolutions_on_the_fastest_engine(name: str) -> None:
    profile = device.load(name)
    engine = profile.engines[profile.engine_for("Conv", profile.deployment_dtype)]
    assert engine.peak_macs_per_s(profile.deployment_dtype) == profile.peak_macs_per_s()


# --- the VIP9000 family ---


def test_the_sisters_share_the_physics_and_differ_in_counts() -> None:
    big, small = (device.load(name).parameters() for name in ("dolphin_npu", "vs640_npu"))
    assert big.keys() == small.keys()
    different = {path for path in big if big[path].value != small[path].value}
    # The host is another CPU; of the NPU only how much of it there is differs, not how it works.
    of_npu = {
        path.rpartition(".")[2] for path in different if not path.startswith(("engines.cpu.", "overhead."))
    }
    assert of_npu == {"peak_bytes_per_s", "count", "clock_hz"}
    assert (big["engines.nn.count"].value, small["engines.nn.count"].value) == (22, 4)
    assert big["memory.dram.peak_bytes_per_s"].value == pytest.approx(
        2 * small["memory.dram.peak_bytes_per_s"].value, rel=0.01
    )


def test_peaks_against_what_the_vendor_reports() -> None:
    # 913.5 Gop in 119.34 and 563.81 ms: 64 convolutions 5x5 of 132 channels at 128x128; taps go in threes.
    macs = 64 * 128 * 128 * 132 * 132 * 27
    for name, measured_s in (("dolphin_npu", 119.34e-3), ("vs640_npu", 563.81e-3)):
        assert macs / device.load(name).peak_macs_per_s() == pytest.approx(measured_s, rel=0.05)
    # The A733 is rated 3 TOPS.
    assert 2 * device.load("allwinner_a733_npu").peak_macs_per_s() == pytest.approx(3e12, rel=0.05)
    dolphin = device.load("dolphin_npu")
    # 1.69 of 6.75 TOPS.
    assert dolphin.peak_macs_per_s("int16") / dolphin.peak_macs_per_s() == pytest.approx(
        1.69 / 6.75, rel=0.01
    )


# A sample of each group of the vendor's tables (synaptics-synap/doc manual/op-support): operator, then the
# engine for uint8, int8, float16 and float32.
VENDOR = {
    "Conv": ("nn", "nn", "ppu", "ppu"),
    "ConvTranspose": ("nn", "nn", "ppu", "ppu"),
    "Add": ("nn", "nn", "ppu", "ppu"),
    "MaxPool": ("nn", "nn", "tp", "ppu"),
    "Gemm": ("tp", "tp", "tp", "ppu"),
    "MatMul": ("ppu", "ppu", "ppu", "ppu"),
    "Relu": ("tp", "tp", "tp", "ppu"),
    "PRelu": ("tp", "tp", "tp", "ppu"),
    "Clip": ("tp", "tp", "tp", "ppu"),
    "Softmax": ("ppu", "ppu", "ppu", "ppu"),
    "Mul": ("ppu", "ppu", "ppu", "ppu"),
    "Min": ("ppu", "ppu", "ppu", "ppu"),
    "Resize": ("ppu", "ppu", "ppu", "ppu"),
    "Tile": ("ppu", "ppu", "ppu", "ppu"),
    "Concat": ("tp", "tp", "tp", "ppu"),
    "Transpose": ("tp", "tp", "tp", "ppu"),
    "DepthToSpace": ("ppu", "tp", "tp", "ppu"),
    "SpaceToDepth": ("tp", "tp", "tp", "ppu"),
    "ReduceMean": ("ppu", "ppu", "ppu", "ppu"),
    "BatchNormalization": ("ppu", "ppu", "ppu", "ppu"),
    "NonMaxSuppression": ("cpu", "cpu", "cpu", "cpu"),
}


@pytest.mark.parametrize("op_type", VENDOR)
def test_operators_run_where_the_vendor_says(op_type: str) -> None:
    profile = device.load("dolphin_npu")
    found = tuple(profile.engine_for(op_type, dtype) for dtype in ("uint8", "int8", "float16", "float32"))
    assert found == VENDOR[op_type]


def test_float_convolutions_lose_about_a_hundredfold() -> None:
    # Vendor's rows: yolov8s takes 90 to 120 times longer in float; that is beyond the MAC rates' own ratio.
    profile = device.load("dolphin_npu")
    floating = profile.engines[profile.engine_for("Conv", "float16")]
    assert profile.peak_macs_per_s("uint8") / floating.peak_macs_per_s("float16") > 90


def test_dram_of_the_a733_goes_with_its_clock() -> None:
    rates = [
        device.load("allwinner_a733_npu", f"ddr_{mhz}").memory.dram.peak_bytes_per_s.value / mhz
        for mhz in (1800, 1200, 800)
    ]
    assert rates == pytest.approx([rates[0]] * 3)


# --- cliffs ---


def test_the_transposed_convolution_falls_off_the_hexagon() -> None:
    profile = device.load("snapdragon8gen1_nnapi")
    assert profile.engine_for("Conv", "int8") == "htp"
    assert profile.engine_for("ConvTranspose", "int8") == profile.host


# --- the report ---


def test_summary_in_vendor_s_units() -> None:
    row = device.summarize(device.load("dolphin_npu"))
    assert row["peak_tops"] == pytest.approx(2 * row["peak_macs_per_s"] / 1e12)
    assert row["ridge_macs_per_byte"] == pytest.approx(row["peak_macs_per_s"] / row["dram_bytes_per_s"])
    assert 0 < row["assumed_pct"] < 100


@pytest.mark.parametrize("name", device.names())
def test_description_holds_every_value_and_adds_up(name: str) -> None:
    profile = device.load(name)
    data = device.describe(profile)
    assert sum(data["provenance"].values()) == len(data["parameters"]) == len(profile.parameters())
    assert data["summary"]["assumed_pct"] == pytest.approx(
        100 * data["provenance"].get("assumed", 0) / len(data["parameters"])
    )
    assert [row["name"] for row in data["engines"]] == list(profile.engines)
    assert max(row["macs_per_s"] for row in data["engines"]) == data["summary"]["peak_macs_per_s"]
    assert {row["dtype"] for row in data["peaks"]} >= {profile.deployment_dtype}
