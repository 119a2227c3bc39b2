"""What the field knows must come out by itself: which of two networks is faster on a device."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import onnx
import pytest
from command_line import in_a_process

from latencylab import advising, pipeline, zoo
from latencylab.rewrites._applying import applied
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.advising import Advised
    from latencylab.graph import Graph
    from latencylab.onnx_reader import Model

NPUS = ("dimensity8100_npu:nnapi", "dimensity8100_npu:neuron", "snapdragon8gen1_nnapi")
PHONES = (*NPUS, "snapdragon888_gpu", "mobile_cpu")
ANCHORED = ("abpn", "abpn_m6c40", "ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40")
CASES = tuple(product(PHONES, ANCHORED, (2, 3, 4)))

# Where channels through the whole trunk cost more than the skip, and why.
SLOWER = {
    # PReLU is a kernel of its own on the CPU (4.2 to 4.5 ns an element) and on the GPU (3.6 to 4.1), by the
    # rows and whatever padding of channels is assumed: five or seven on three channels more are 12 to 22 ms.
    # The convolutions grow besides, on the GPU by a block of 16. At x2 the skip costs 9 ms, on the GPU 22.
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
    return advising.weighed(read(f"{family}_x{scale}"), profile, rules=("carry_image", "add_skip_to_concat"))


def saved_s(network: Model, device: str, rule: str) -> float:
    """The best saving of a rule's proposals."""
    found = advising.weighed(network, pipeline.load_device(device), rules=(rule,)).what_ifs
    return max(what_if.saves_s for what_if in found)


@pytest.mark.parametrize(("device", "family", "scale"), CASES)
def test_without_replicate_and_add_a_network_is_faster(device: str, family: str, scale: int) -> None:
    """ETDS, CVPR 2023: an image carried to the last convolution in channels beats the skip, for more MACs."""
    found = without_skip(device, family, scale)
    best = found.what_ifs[0]
    assert best.saves_s > 0
    network = read(f"{family}_x{scale}")
    graph = advising.changed_graph(network.graph, best.change)
    after = pipeline.price(advising.replace(network, graph=graph), pipeline.load_device(device))
    assert after.model.macs > found.base.model.macs
    assert not {"Add", "ChannelReplicate"} & {kernel.kind for kernel in after.kernels}


@pytest.mark.parametrize(("device", "family", "scale"), CASES)
def test_channels_through_the_whole_trunk_beat_it_too(device: str, family: str, scale: int) -> None:
    """Three or four channels from the first convolution on, whichever is cheaper; the four of ETDS on an NPU.

    With three, maps are of odd width, and of that nothing is published.
    """
    found = without_skip(device, family, scale).by("carry_image")
    assert len(found) == 2
    if device in NPUS:
        found = tuple(what_if for what_if in found if "in 4 channels more" in what_if.change.text)
    is_faster = max(what_if.saves_s for what_if in found) > 0
    assert is_faster == ((device, family, scale) not in SLOWER)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("family", ["abpn_m4c28", "abpn_m6c40", "ecbsr_m4c16", "ecbsr_m4c32", "ecbsr_m6c40"])
def test_the_twin_of_the_timing_script_is_our_late_concat(family: str, scale: int) -> None:
    """The authors' timing script has what our rewrite makes of their network, and a 1x1 that clips."""
    network = read(f"{family}_tf_x{scale}")
    profile = pipeline.load_device("mobile_cpu")
    (what_if,) = advising.weighed(network, profile, rules=("add_skip_to_concat",)).what_ifs
    ours = weights(advising.changed_graph(network.graph, what_if.change))
    assert [*ours, (3 * scale**2, 3 * scale**2, 1, 1)] == weights(read(f"{family}_twin_tf_x{scale}").graph)


def weights(graph: Graph) -> list[tuple[int, ...]]:
    """Shapes of the weights of each convolution."""
    return [graph.inputs_of(node)[1].shape for node in graph.nodes if node.op_type == "Conv"]


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


PAIRS = {
    "expanded": (expanded, "collapse_linear"),
    "resize_skip": (resize_skip, "resize_to_conv"),
    "ecbsr": (lambda: zoo.build("ecbsr_m4c16_x2"), "add_skip_to_concat"),
    "abpn": (lambda: zoo.build("abpn_m6c40_x4"), "carry_image"),
}


def test_the_command_says_so_of_the_files_on_every_phone(tmp_path: Path) -> None:
    """Each network, and what the first proposal of a rewrite made of it, written and ranked."""
    files = []
    for name, (build, rule) in PAIRS.items():
        proposals = advising.weighed(pipeline.read(build()), pipeline.load_device(NPUS[0]), rules=(rule,))
        models = (build(), applied(build(), [proposals.what_ifs[0].change]).model)
        for model, kind in zip(models, ("before", "after"), strict=True):
            files.append(str(tmp_path / f"{name}_{kind}.onnx"))
            onnx.save(model, files[-1])
    ran = in_a_process("rank", *files, *(f"--device={device}" for device in PHONES), "--format=json")
    assert ran.returncode == 0, ran.stderr
    found = {
        (place["device"], place["runtime"], place["model"]): place["latency_ms"]
        for place in json.loads(ran.stdout)["candidates"]
    }
    assert len(found) == len(PHONES) * 2 * len(PAIRS)
    for (device, runtime, name), before_ms in found.items():
        if "before" in name:
            assert found[device, runtime, name.replace("before", "after")] < before_ms
