"""What the field knows must come out by itself: which of two networks is faster on a device."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest

from latencylab import advising, pipeline
from latencylab.rewrites._applying import applied
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    import onnx

    from latencylab.onnx_reader import Model

PHONES = ("dimensity8100_npu:nnapi", "dimensity8100_npu:neuron", "snapdragon8gen1_nnapi")
ANCHORED = ("abpn", "abpn_m6c40", "ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40")


@cache
def read(name: str) -> Model:
    return pipeline.read(f"zoo:{name}")


def saved_s(network: Model, device: str, rule: str) -> float:
    """The best saving of a rule's proposals."""
    found = advising.weighed(network, pipeline.load_device(device), rules=(rule,)).what_ifs
    return max(what_if.saves_s for what_if in found)


# 32 channels fill a block of the Hexagon (a datasheet's 32): one more is another block, and at x2 four
# convolutions of twice the width cost about what the skip does.
FULL_BLOCK = (PHONES[2], 2, "ecbsr_m4c32")
CASES = tuple(case for case in product(PHONES, (2, 3, 4), ANCHORED) if case != FULL_BLOCK)


@pytest.mark.parametrize(("device", "scale", "family"), CASES)
def test_channels_that_carry_the_image_beat_replicate_and_add(device: str, scale: int, family: str) -> None:
    """ETDS, CVPR 2023 supplement: networks without Add and replicate are faster, for more MACs.

    The published twins have four channels more. With three, maps are of odd width, and nothing is published.
    """
    network, profile = read(f"{family}_x{scale}"), pipeline.load_device(device)
    found = advising.weighed(network, profile, rules=("carry_image",))
    assert len(found.what_ifs) == 2
    (four,) = [what_if for what_if in found.what_ifs if "in 4 channels more" in what_if.change.text]
    assert four.saves_s > 0
    graph = advising.changed_graph(network.graph, four.change)
    after = pipeline.price(advising.replace(network, graph=graph), profile)
    assert after.model.macs > found.base.model.macs
    assert len(after.kernels) == len(found.base.kernels) - 2


@pytest.mark.parametrize("neighbour", ["ecbsr_m4c16", "ecbsr_m6c40"])
def test_but_a_channel_beyond_a_full_block_pays_least(neighbour: str) -> None:
    device, scale, family = FULL_BLOCK
    full, other = (saved_s(read(f"{name}_x{scale}"), device, "carry_image") for name in (family, neighbour))
    assert full < other / 2


@pytest.mark.parametrize("runtime", ["nnapi_2021", "synap_offline"])
def test_channels_that_carry_the_image_pay_on_the_dolphin(runtime: str) -> None:
    """The study, on the stack of 2021: the anchor's Concat costs 15.6 ms and its Add 5.2 ms (secondary)."""
    assert saved_s(read("abpn_x3"), f"dolphin_npu:{runtime}", "carry_image") > 0


def expanded(width: int = 16, inner: int = 128) -> onnx.ModelProto:
    """Linear blocks as SESR trains them: 3x3 to many channels, 1x1 back (arXiv:2103.09404)."""
    net = Net("expanded")
    x = net.input("image", (1, 3, 90, 160))
    for _ in range(3):
        x = net.relu(net.conv(net.conv(x, inner), width, 1))
    return net.model(net.depth_to_space(net.conv(x, 27), 3))


@pytest.mark.parametrize("device", [*PHONES, "dolphin_npu", "snapdragon888_gpu", "onnxruntime_cpu"])
def test_collapsed_beats_expanded(device: str) -> None:
    assert saved_s(pipeline.read(expanded()), device, "collapse_linear") > 0


def test_collapsing_keeps_the_function() -> None:
    network, profile = pipeline.read(expanded()), pipeline.load_device("dolphin_npu")
    (what_if,) = advising.weighed(network, profile, rules=("collapse_linear",)).what_ifs
    assert len(what_if.change.nodes) == 6
    done = applied(expanded(), [what_if.change])
    assert done.max_difference <= done.tolerance


def resize_skip(height: int = 360, width: int = 640) -> onnx.ModelProto:
    """ABPN's trunk with nearest upsampling where ABPN has its anchor."""
    net = Net("resize_skip")
    image = x = net.input("image", (1, 3, height, width))
    for _ in range(5):
        x = net.relu(net.conv(x, 28))
    x = net.depth_to_space(net.conv(x, 27, gain=1.0), 3)
    return net.model(net.add(x, net.resize(image, 3, "nearest")))


@pytest.mark.parametrize("device", [*PHONES, "dolphin_npu"])
def test_a_resize_skip_loses_to_an_anchor(device: str) -> None:
    """The study: one nearest resize to 1080p costs about 62 ms on the Dolphin, an anchor a quarter of it."""
    found = advising.weighed(
        pipeline.read(resize_skip()), pipeline.load_device(device), rules=("resize_to_conv",)
    )
    (anchor,) = [w for w in found.what_ifs if "anchor" in w.change.text]
    assert anchor.saves_s > 0


def test_an_anchor_is_what_the_resize_was() -> None:
    small, profile = resize_skip(24, 32), pipeline.load_device("dolphin_npu")
    found = advising.weighed(pipeline.read(small), profile, rules=("resize_to_conv",)).what_ifs
    assert len(found) == 2
    for what_if in found:
        done = applied(small, [what_if.change])
        assert done.max_difference <= done.tolerance
