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

    from latencylab.advising import Advised
    from latencylab.onnx_reader import Model

NPUS = ("dimensity8100_npu:nnapi", "dimensity8100_npu:neuron", "snapdragon8gen1_nnapi")
PHONES = (*NPUS, "snapdragon888_gpu", "mobile_cpu")
ANCHORED = ("abpn", "abpn_m6c40", "ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40")
CASES = tuple(product(PHONES, ANCHORED, (2, 3, 4)))

# Where channels through the whole trunk cost more than the skip, and why.
SLOWER = {
    # 32 channels fill a block of the Hexagon (a datasheet's 32): one more is another block, and at x2 the skip
    # costs less than four convolutions of twice the width.
    ("snapdragon8gen1_nnapi", "ecbsr_m4c32", 2),
    # PReLU is a kernel of its own on the CPU (4.2 to 4.5 ns an element) and the GPU (3.6 to 4.1): so say the
    # rows, whatever padding of channels is assumed. Five or seven of them on three channels more are 12 to 22
    # ms; at x2 replicate, Add, pixel shuffle and clip are 13 to 20 ms together, and the skip is but two of them.
    *product(("mobile_cpu", "snapdragon888_gpu"), ("ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40"), (2,)),
    ("mobile_cpu", "ecbsr_m6c40", 3),
    ("snapdragon888_gpu", "ecbsr_m4c16", 3),
    ("snapdragon888_gpu", "ecbsr_m4c32", 3),
    # Six convolutions of 40 channels: three more are 3 GMAC, at x2 for a skip of 12 channels.
    ("mobile_cpu", "abpn_m6c40", 2),
    ("snapdragon888_gpu", "abpn_m6c40", 2),
}


@cache
def read(name: str) -> Model:
    return pipeline.read(f"zoo:{name}")


@cache
def without_skip(device: str, family: str, scale: int) -> Advised:
    """The networks our rewrites make without Add and replicate: channels from the start, or a late Concat."""
    profile = pipeline.load_device(device)
    return advising.weighed(
        read(f"{family}_x{scale}"), profile, rules=("carry_image", "add_skip_to_concat")
    )


def saved_s(network: Model, device: str, rule: str) -> float:
    """The best saving of a rule's proposals."""
    found = advising.weighed(network, pipeline.load_device(device), rules=(rule,)).what_ifs
    return max(what_if.saves_s for what_if in found)


@pytest.mark.parametrize(("device", "family", "scale"), CASES)
def test_without_replicate_and_add_a_network_is_faster(device: str, family: str, scale: int) -> None:
    """ETDS, CVPR 2023: channels that carry the image to the last convolution beat the skip, for more MACs."""
    found = without_skip(device, family, scale)
    best = found.what_ifs[0]
    assert best.saves_s > 0
    network = read(f"{family}_x{scale}")
    graph = advising.changed_graph(network.graph, best.change)
    after = pipeline.price(advising.replace(network, graph=graph), pipeline.load_device(device))
    assert after.model.macs > found.base.model.macs
    assert not {"Add", "ChannelReplicate"} & {kernel.kind for kernel in after.kernels}


@pytest.mark.parametrize(("device", "family", "scale"), CASES)
def test_channels_that_carry_the_image_beat_replicate_and_add(device: str, family: str, scale: int) -> None:
    """Three or four channels from the first convolution on, whichever is cheaper; four on an NPU.

    The published twins have four channels more. With three, maps are of odd width, and nothing is published.
    """
    found = without_skip(device, family, scale).by("carry_image")
    assert len(found) == 2
    if device in NPUS:
        found = tuple(what_if for what_if in found if "in 4 channels more" in what_if.change.text)
    assert (max(what_if.saves_s for what_if in found) > 0) == ((device, family, scale) not in SLOWER)


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


@pytest.mark.parametrize("device", [*PHONES, "dolphin_npu", "onnxruntime_cpu"])
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
