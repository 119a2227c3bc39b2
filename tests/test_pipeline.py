"""The pipeline: what it assumes it says, what it does not know widens the interval."""

from __future__ import annotations

import math
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper

from latencylab import estimate, pipeline, plugins
from latencylab.errors import LatencyLabError, UnknownNameError, UnsupportedOperatorError

SMALL = "zoo:abpn_x3?height=36&width=64"
DEVICES = (
    "dolphin_npu",
    "vs640_npu",
    "dimensity8100_npu",
    "snapdragon888_gpu",
    "mobile_cpu",
    "onnxruntime_cpu",
)


def model(*nodes: Any) -> ModelProto:
    """A model from x to y, both float 1x3x8x8."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("acme", 1)]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=opsets)


def relu_and_then(op_type: str, domain: str = "") -> ModelProto:
    return model(
        helper.make_node("Relu", ["x"], ["t"]), helper.make_node(op_type, ["t"], ["y"], domain=domain)
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", plugins.names("engines"))
def test_what_is_reported_is_consistent(device: str, engine: str) -> None:
    found = estimate(SMALL, device, engine)
    assert 0 < found.low_s <= found.latency_s <= found.high_s
    assert found.engine == engine
    assert found.device.name == device
    assert max(kernel.end_s for kernel in found.kernels) <= found.latency_s * (1 + 1e-9)
    for use in found.engines:
        assert use.busy_s + use.stall_s + use.idle_s == pytest.approx(found.latency_s)
    for kernel in found.kernels:
        assert sum(kernel.dram_bytes_by_cause.values()) == kernel.dram_bytes
        assert 0 <= kernel.utilization <= 1
        assert 0 <= kernel.assumed_share <= 1
    assert found.dram_bytes == sum(kernel.dram_bytes for kernel in found.kernels)


def test_the_default_engine_is_the_profile_s() -> None:
    assert estimate(SMALL).engine == pipeline.load_device("dolphin_npu").engine


def test_an_engine_that_only_the_profile_prefers_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "names", lambda _: ("roofline",))
    assert pipeline.engine_module("simulator", is_asked=False)[0] == "roofline"
    with pytest.raises(UnknownNameError):
        pipeline.engine_module("simulator", is_asked=True)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert estimate(SMALL).to_json() == estimate(SMALL).to_json()


def test_a_declared_type_is_said_and_a_literal_one_is_not() -> None:
    assert any("priced in uint8" in text for text in estimate(SMALL).assumptions)
    literal = estimate(SMALL, dtype="float32")
    assert not any("priced in" in text for text in literal.assumptions)
    assert {kernel.dtype for kernel in literal.kernels} == {"float32"}


def test_a_quantized_graph_is_what_it_is() -> None:
    scalar = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [0.1]),
        helper.make_tensor("zero", TensorProto.UINT8, [], [0]),
    ]
    quantized = model(
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    )
    quantized.graph.initializer.extend(scalar)
    assert any("quantized" in text for text in estimate(quantized, dtype="float32").assumptions)
    assert not any("priced in" in text for text in estimate(quantized).assumptions)


def test_unpriced_operators_are_listed_and_widen_the_interval() -> None:
    known, unknown = estimate(relu_and_then("Abs")), estimate(relu_and_then("Mystery", "acme"))
    assert [(item.op_type, item.count) for item in unknown.unpriced] == [("Mystery", 1)]
    assert known.unpriced == ()
    assert unknown.high_s / unknown.low_s > known.high_s / known.low_s
    with pytest.raises(UnsupportedOperatorError, match="Mystery x1"):
        estimate(relu_and_then("Mystery", "acme"), strict=True)


def test_a_host_of_which_all_is_assumed_widens_the_interval() -> None:
    """Float on the Dimensity runs on its CPU; the efficiency there is assumed between 0.05 and 0.9."""
    known, vague = (estimate(SMALL, "dimensity8100_npu", dtype=dtype) for dtype in ("int8", "float32"))
    share = sum(k.latency_s for k in vague.kernels if k.engine == "cpu") / sum(
        k.latency_s for k in vague.kernels
    )
    assert share > 0.5
    widest = share * math.log(0.9 / 0.05) / 2
    assert math.log(vague.high_s / vague.latency_s) == pytest.approx(
        math.hypot(math.log(known.high_s / known.latency_s), widest)
    )


def test_a_kernel_off_the_accelerator_is_said_with_its_hand_over() -> None:
    network = relu_and_then("Det")
    shape = network.graph.output[0].type.tensor_type.shape
    del shape.dim[2:]
    found = estimate(network)
    assert [item.engine for item in found.fallbacks] == ["cpu"]
    host = pipeline.load_device("dolphin_npu").engines["cpu"]
    assert found.fallbacks[0].handover_s == pytest.approx(host.handover_s.value + host.launch_s.value)
    assert estimate(network, "onnxruntime_cpu").fallbacks == ()


def test_a_layout_other_than_the_runtime_s_costs_time() -> None:
    usual = estimate(SMALL)
    other = estimate(SMALL, layout={"nhwc": "nchw", "nchw": "nhwc"}[usual.device.layout])
    assert other.latency_s > usual.latency_s
    assert any("as asked" in text for text in other.assumptions)


@pytest.mark.parametrize(
    "arguments",
    [
        {"device": "no"},
        {"engine": "no"},
        {"dtype": "no"},
        {"layout": "no"},
        {"model": "zoo:no"},
        {"model": "no.onnx"},
    ],
    ids=str,
)
def test_an_unknown_name_is_an_error_of_ours(arguments: dict[str, str]) -> None:
    with pytest.raises(LatencyLabError):
        estimate(**({"model": SMALL} | arguments))  # type: ignore[arg-type]


def test_macs_and_parameters_are_the_network_s_on_every_device() -> None:
    """9.756 GMACs at 360x640 (ABPN, arXiv 2105.09750), a hundredth of them at a tenth of each side."""
    for device in DEVICES:
        found = estimate(SMALL, device).model
        assert (found.macs, found.parameters) == (97_562_880, 42_539)
