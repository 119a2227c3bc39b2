"""Rewrites of quantized networks: exact ones keep every integer, the others change what they say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnx
import pytest
from onnx_text import model
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from zoo_running import images

from latencylab import advising, estimate, fusion, pipeline, rewrites, zoo
from latencylab.rewrites import Change, changed_graph
from latencylab.rewrites._applying import applied

if TYPE_CHECKING:
    import numpy as np

DEVICE = "dimensity8100_npu"
NETWORKS = ("xlsr_x3", "espcn_x3", "abpn_x2", "fsrcnn_x2", "ecbsr_m4c16_x2")
SIZE = {"height": 24, "width": 32}
FORMATS = ("QDQ", "QOperator")


class OneImage(CalibrationDataReader):
    def __init__(self, network: onnx.ModelProto) -> None:
        self.feeds = iter([images(network)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


@cache
def quantized(name: str, spelling: str, *, per_channel: bool = True) -> onnx.ModelProto:
    network = zoo.build(name, **SIZE)
    with TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "quantized.onnx"
        onnx.save(network, before)
        quantize_static(
            str(before),
            str(after),
            OneImage(network),
            quant_format=QuantFormat[spelling],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
        )
        return onnx.load(after)


def proposals(network: onnx.ModelProto) -> list[Change]:
    graph = fusion.decompose(pipeline.read(network).graph, advising.IDIOMS).graph
    profile = pipeline.load_device(DEVICE)
    return [c for rule in rewrites.rule_names() for c in rewrites.load(rule).propose(graph, profile)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_exact_changes_keep_quantized_networks_as_they_are(name: str, spelling: str) -> None:
    network = quantized(name, spelling)
    exact = [change for change in proposals(network) if change.is_writable]
    for change in exact:
        done = applied(network, [change])
        assert done.max_difference <= (0 if spelling == "QDQ" else done.tolerance), change.text
        read = pipeline.price(pipeline.read(done.model), DEVICE)
        graph = changed_graph(pipeline.read(network).graph, change)
        predicted = pipeline.price(advising.replace(pipeline.read(network), graph=graph), DEVICE)
        assert read.latency_s == predicted.latency_s
    # What quantize_static spells with operators of its own (QLinearSigmoid) is left alone.
    assert exact or spelling == "QOperator" or name in {"fsrcnn_x2", "ecbsr_m4c16_x2"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", FORMATS)
def test_grouped_weights_are_filled_up_with_their_zero_point(spelling: str) -> None:
    network = quantized("xlsr_x3", spelling)
    (change,) = [c for c in proposals(network) if c.rule == "dense_group"]
    assert applied(network, [change]).max_difference == 0
    groups = {node.attributes["group"] for node in change.added if "group" in node.attributes}
    assert groups == {1}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", FORMATS)
def test_scales_per_channel_become_one(spelling: str) -> None:
    network = quantized("espcn_x3", spelling)
    (change,) = [c for c in proposals(network) if c.rule == "per_tensor"]
    assert change.preserves == "approximate"
    assert all(weight.tensor.shape == () for weight in change.weights)
    whole = quantized("espcn_x3", spelling, per_channel=False)
    assert [c for c in proposals(whole) if c.rule == "per_tensor"] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("device", ["dolphin_npu", DEVICE])
def test_what_qoperator_leaves_in_float_is_offered_as_qdq_would_run_it(device: str) -> None:
    """PRelu and ConvTranspose have no operator of their own there; FSRCNN spends most of its time on them."""
    network, annotated = (
        quantized("fsrcnn_x2", spelling, per_channel=False) for spelling in reversed(FORMATS)
    )
    found = advising.advise(network, device, rules=("quantize_float_island",))
    (what_if,) = found.worthwhile
    assert what_if.change.text.endswith(
        "(PRelu, ConvTranspose) as the rest of the network, in the QDQ spelling"
    )
    assert what_if.change.preserves == "approximate"
    assert what_if.latency_s == pytest.approx(estimate(annotated, device).latency_s, rel=0.02)
    assert found.latency_s > 1.5 * what_if.latency_s


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "spelling"), [("espcn_x3", "QDQ"), ("xlsr_x3", "QOperator")])
def test_a_network_without_islands_is_left_alone(name: str, spelling: str) -> None:
    """What only moves elements is none, in whichever type it does."""
    found = proposals(quantized(name, spelling))
    assert [change.text for change in found if change.rule == "quantize_float_island"] == []


def engines_of(network: onnx.ModelProto, device: str) -> set[str]:
    return {kernel.engine for kernel in estimate(network, device).kernels if kernel.kind == "Conv"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", FORMATS)
def test_scales_per_channel_leave_the_fast_cores_where_the_device_says_so(spelling: str) -> None:
    """XLSR's list of the Dolphin's limits; the vendor lists a second engine for such kernels only."""
    network, whole = (quantized("abpn_x2", spelling, per_channel=wanted) for wanted in (True, False))
    assert engines_of(network, "dolphin_npu") == {"ppu"}
    assert engines_of(whole, "dolphin_npu") == {"nn"}
    assert engines_of(network, DEVICE) == engines_of(whole, DEVICE)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("spelling", FORMATS)
def test_one_scale_saves_what_the_network_quantized_so_is_faster(spelling: str) -> None:
    network, whole = (quantized("abpn_x2", spelling, per_channel=wanted) for wanted in (True, False))
    found = advising.advise(network, "dolphin_npu", rules=("per_tensor",))
    (what_if,) = found.worthwhile
    assert what_if.latency_s == estimate(whole, "dolphin_npu").latency_s
    assert "of 7 operators" in what_if.change.text
    assert advising.advise(network, DEVICE, rules=("per_tensor",)).worthwhile == ()


@pytest.mark.filterwarnings("ignore")
def test_what_scales_per_channel_cost_is_known_to_an_order_of_magnitude() -> None:
    found = estimate(quantized("abpn_x2", "QDQ"), "dolphin_npu")
    assert found.high_s / found.low_s > 10
    assert sum("a scale a channel" in sentence for sentence in found.assumptions) == 1
    whole = estimate(quantized("abpn_x2", "QDQ", per_channel=False), "dolphin_npu")
    assert whole.high_s / whole.low_s < 3
    assert not any("a scale a channel" in sentence for sentence in whole.assumptions)


ISLAND = """
island (float[1,28,90,160] x) => (float[1,28,90,160] y)
<float scale = {0.01}, uint8 zero = {128}>
{
    q = QuantizeLinear(x, scale, zero)
    d = DequantizeLinear(q, scale, zero)
    t = Tanh(d)
    s = Abs(t)
    m = Mul(t, s)
    r = QuantizeLinear(m, scale, zero)
    y = DequantizeLinear(r, scale, zero)
}
"""


def test_a_float_island_is_quantized() -> None:
    """The Tanh is read twice in float: nothing between it and the next QuantizeLinear is an integer."""
    network, profile = pipeline.read(model(ISLAND)), pipeline.load_device("dolphin_npu")
    (what_if,) = advising.weighed(network, profile, rules=("quantize_float_island",)).what_ifs
    assert what_if.change.preserves == "approximate"
    assert what_if.saves_s > 0
    graph = changed_graph(network.graph, what_if.change)
    found = pipeline.price(advising.replace(network, graph=graph), profile)
    computing = [kernel for kernel in found.kernels if kernel.kind in {"Tanh", "Abs", "Mul"}]
    assert {kernel.dtype for kernel in computing} == {"uint8"}
    assert len(computing) == 3


def test_a_float_network_has_no_islands() -> None:
    assert [c for c in proposals(zoo.build("espcn_x3", **SIZE)) if c.rule == "quantize_float_island"] == []
