"""Rewrites rule by rule: what they need, where they keep away, and files that are spelled unusually."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_text import model

from latencylab import advising, fusion, pipeline, rewrites, zoo
from latencylab.errors import ModelError
from latencylab.rewrites._applying import applied, load
from latencylab.rewrites._writing import written
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.rewrites import Change

PROFILE = "dimensity8100_npu"


def proposed(network: onnx.ModelProto, rule: str) -> tuple[Change, ...]:
    graph = fusion.decompose(pipeline.read(network).graph, advising.IDIOMS).graph
    return rewrites.load(rule).propose(graph, pipeline.load_device(PROFILE))


def only(network: onnx.ModelProto, rule: str) -> Change:
    (change,) = proposed(network, rule)
    return change


def check(network: onnx.ModelProto, change: Change) -> onnx.ModelProto:
    """Apply an exact change; the rewritten model is valid and computes the same."""
    assert change.preserves == "exact"
    done = applied(network, [change])
    onnx.checker.check_model(done.model, full_check=True)
    assert done.max_difference <= done.tolerance
    return done.model


def kinds(network: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in network.graph.node]


# --- skips


def plain(activation: str = "relu", *, leak: bool = False) -> onnx.ModelProto:
    """Two convolutions and an activation, plus the image."""
    net = Net("plain")
    image = net.input("image", (1, 3, 12, 16))
    x = net.conv(image, 8)
    x = net.clip(x, 0, 6) if activation == "clip" else getattr(net, activation)(x)
    y = net.add(net.conv(x, 3), image)
    return net.model(net.add(y, net.conv(x, 3)) if leak else y)


@pytest.mark.parametrize(
    ("activation", "given_in_words"),
    [
        ("relu", "no value of image is negative"),
        ("prelu", ""),
        ("clip", "no value of image is negative or exceeds 6"),
    ],
)
def test_the_image_is_carried_where_the_activation_lets_it_through(
    activation: str, given_in_words: str
) -> None:
    for change, extra in zip(proposed(plain(activation), "carry_image"), (3, 4), strict=True):
        assert change.given == given_in_words
        new = check(plain(activation), change)
        assert "Add" not in kinds(new)
        assert pipeline.read(new).graph.tensors[new.graph.node[0].output[0]].shape[1] == 8 + extra


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_the_image_is_not_carried_through_what_bends_it(activation: str) -> None:
    assert proposed(plain(activation), "carry_image") == ()


def test_a_trunk_that_something_else_reads_is_left_alone() -> None:
    assert proposed(plain(leak=True), "carry_image") == ()


def test_with_prelu_even_a_negative_image_is_carried() -> None:
    from latencylab.timing.once import run_once

    network = plain("prelu")
    shifted = model(
        """shift (float[1,3,12,16] outside) => (float[1,3,12,16] image)
        <float one = {0.5}> { image = Sub(outside, one) }""",
        opset=18,
    )
    new = check(network, proposed(network, "carry_image")[0])
    pair = [onnx.compose.merge_models(shifted, m, [("image", "image")]) for m in same_version(network, new)]
    (before,), (after,) = (run_once(m) for m in pair)
    assert np.abs(before - after).max() < 1e-5


def same_version(*models: onnx.ModelProto) -> list[onnx.ModelProto]:
    for one in models:
        one.ir_version = 8
        one.graph.name += "_"
    return list(models)


@pytest.mark.parametrize("source", ["the same", "another"])
def test_a_skip_is_carried_by_the_weights(source: str) -> None:
    net = Net("skip")
    x = net.relu(net.conv(net.input("image", (1, 3, 12, 16)), 8))
    other = x if source == "the same" else net.relu(x)
    network = net.model(net.relu(net.add(net.conv(x, 8), other)))
    new = kinds(check(network, only(network, "add_skip_to_concat")))
    assert "Add" not in new
    assert ("Concat" in new) == (source == "another")


def test_a_strided_convolution_carries_no_skip() -> None:
    net = Net("strided")
    image = net.input("image", (1, 3, 12, 16))
    small = net.conv(image, 4, stride=2)
    network = net.model(net.add(net.conv(image, 4, stride=2), net.relu(small)))
    assert proposed(network, "add_skip_to_concat") == ()


def test_long_skips_are_shortened_but_not_the_image_s() -> None:
    assert proposed(zoo.build("abpn_x2", height=8, width=8), "shorten_skip") == ()
    change = only(zoo.build("edsr_baseline_x2?blocks=4", height=8, width=8), "shorten_skip")
    assert change.preserves == "retrain"
    assert len(change.added) == 1
    assert not change.is_writable


# --- convolutions


@settings(max_examples=20, deadline=None)
@given(kernel=st.integers(1, 7), stride=st.integers(2, 4), channels=st.integers(1, 3), size=st.integers(3, 6))
def test_any_upsampling_transposed_convolution_is_phases(
    kernel: int, stride: int, channels: int, size: int
) -> None:
    pad = max(0, kernel - stride + 1) // 2
    extra = stride - kernel + 2 * pad
    assume(0 <= extra < stride)
    rng = np.random.default_rng(kernel * 100 + stride)
    values = ", ".join(f"{v:.4f}" for v in rng.random(channels * 2 * kernel**2))
    large = size * stride
    network = model(
        f"""up (float[1,{channels},{size},{size}] x) => (float[1,2,{large},{large}] y)
        <float[{channels},2,{kernel},{kernel}] w = {{{values}}}, float[2] b = {{0.5, -1}}>
        {{ y = ConvTranspose<strides=[{stride},{stride}], pads=[{pad},{pad},{pad},{pad}],
               output_padding=[{extra},{extra}]>(x, w, b) }}"""
    )
    assert kinds(check(network, only(network, "conv_transpose_to_depth_to_space"))) == [
        "Conv",
        "DepthToSpace",
    ]


def test_a_transposed_convolution_of_another_size_stays() -> None:
    network = model(
        """up (float[1,1,4,4] x) => (float[1,1,9,9] y)
        <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}>
        { y = ConvTranspose<strides=[2,2]>(x, w) }"""
    )
    assert proposed(network, "conv_transpose_to_depth_to_space") == ()


@pytest.mark.parametrize(
    ("kernels", "preserves"), [((3, 1), "exact"), ((1, 3), "approximate"), ((3, 3), "approximate")]
)
def test_collapsing_is_exact_where_the_second_kernel_pads_nothing(
    kernels: tuple[int, int], preserves: str
) -> None:
    net = Net("linear")
    x = net.conv(net.conv(net.input("x", (1, 3, 9, 9)), 6, kernels[0]), 4, kernels[1])
    network = net.model(net.relu(x))
    change = only(network, "collapse_linear")
    assert change.preserves == preserves
    new = written(network, [change])
    assert kinds(new) == ["Conv", "Relu"]
    border = kernels[1] // 2 + kernels[0] // 2
    assert inner_difference(network, new, border) < 1e-5


def inner_difference(first: onnx.ModelProto, second: onnx.ModelProto, border: int) -> float:
    from latencylab.timing.once import run_once

    (a,), (b,) = run_once(first), run_once(second)
    inside = (..., slice(border, a.shape[2] - border), slice(border, a.shape[3] - border))
    return float(np.abs(a[inside] - b[inside]).max())


def test_parallel_convolutions_add_up() -> None:
    net = Net("parallel")
    x = net.input("x", (1, 4, 9, 9))
    network = net.model(net.relu(net.add(net.conv(x, 5, 3), net.conv(x, 5, 1))))
    change = only(network, "collapse_linear")
    assert kinds(check(network, change)) == ["Conv", "Relu"]


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_groups_become_dense(groups: int) -> None:
    net = Net("groups")
    network = net.model(net.relu(net.conv(net.input("x", (1, 8, 9, 9)), 16, groups=groups)))
    new = check(network, only(network, "dense_group"))
    assert pipeline.read(new).graph.nodes[0].attributes["group"] == 1


# --- resizing


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("grid", ["half_pixel", "asymmetric", "pytorch_half_pixel"])
def test_resizing_is_a_convolution(factor: int, mode: str, grid: str) -> None:
    nearest = ', nearest_mode="floor"' if grid == "asymmetric" else ""
    network = model(
        f"""up (float[1,2,9,8] x) => (float[1,2,{9 * factor},{8 * factor}] y)
        <float[4] scales = {{1, 1, {factor}, {factor}}}>
        {{ y = Resize<mode="{mode}", coordinate_transformation_mode="{grid}"{nearest}>(x, , scales) }}"""
    )
    for change in proposed(network, "resize_to_conv"):
        if change.preserves == "exact":
            check(network, change)
        else:
            assert inner_difference(network, written(network, [change]), 3 * factor) < 1e-4
    assert any(change.preserves == "exact" for change in proposed(network, "resize_to_conv"))


@pytest.mark.parametrize(
    "attributes",
    [
        'mode="linear", coordinate_transformation_mode="align_corners"',
        'mode="cubic", exclude_outside=1',
        'mode="linear", antialias=1',
    ],
)
def test_resizing_that_no_kernel_does_everywhere_stays(attributes: str) -> None:
    network = model(
        f"""up (float[1,1,4,4] x) => (float[1,1,8,8] y) <float[4] scales = {{1, 1, 2, 2}}>
        {{ y = Resize<{attributes}>(x, , scales) }}""",
        opset=18,
    )
    assert proposed(network, "resize_to_conv") == ()


# --- activations, widths, layout


def test_a_clip_moves_in_front_of_the_shuffle_and_is_spelled_to_fold() -> None:
    network = model(
        """tail (float[1,4,5,5] x) => (float[1,1,10,10] y) <float zero = {0}, float one = {1}>
        { s = DepthToSpace<blocksize=2>(x)  t = Max(s, zero)  y = Min(t, one) }"""
    )
    assert {
        kind for change in proposed(network, "foldable_clip") for kind in kinds(check(network, change))
    } == {
        "Clip",
        "DepthToSpace",
    }


def test_a_clip_without_an_upper_bound_is_a_relu() -> None:
    network = model("c (float[1,4,5,5] x) => (float[1,4,5,5] y) <float zero = {0}> { y = Clip(x, zero) }")
    assert kinds(check(network, only(network, "foldable_clip"))) == ["Relu"]


def test_slopes_per_channel_stay_behind_the_shuffle() -> None:
    network = model(
        """p (float[1,8,5,5] x) => (float[1,2,10,10] y) <float[2,1,1] slope = {0.1, 0.2}>
        { s = DepthToSpace<blocksize=2>(x)  y = PRelu(s, slope) }"""
    )
    assert proposed(network, "foldable_clip") == ()


def test_widths_that_an_add_ties_change_together() -> None:
    network = zoo.build("edsr_baseline_x2?blocks=2&channels=18", height=8, width=8)
    wide, narrow = (
        next(c for c in proposed(network, "align_channels") if c.text.startswith(f"{verb} the 18"))
        for verb in ("widen", "narrow")
    )
    graph = pipeline.read(check(network, wide)).graph
    adds = [graph.tensors[node.outputs[0]].shape for node in graph.nodes if node.op_type == "Add"]
    assert adds == [(1, 20, 8, 8)] * 3
    assert narrow.is_smaller
    assert not narrow.is_writable


def test_either_layout_is_proposed_and_the_deployed_one_is_no_change() -> None:
    network, profile = pipeline.read("zoo:abpn_x2?height=8&width=8"), pipeline.load_device(PROFILE)
    found = advising.weighed(network, profile, rules=("nhwc_deployment",)).what_ifs
    assert [what_if.change.layout for what_if in found] == ["nchw"]


# --- files


def test_old_operator_sets_are_converted() -> None:
    network = model(
        "old (float[1,8,5,5] x) => (float[1,2,10,10] y) "
        "{ s = DepthToSpace<blocksize=2>(x)  y = Clip<min=0.0, max=1.0>(s) }",
        opset=9,
    )
    new = check(network, only(network, "foldable_clip"))
    assert kinds(new) == ["Clip", "DepthToSpace"]
    assert new.opset_import[0].version > 9


def test_weights_that_are_computed_in_the_file_are_evaluated() -> None:
    """A Conv of a transposed Constant: exporters leave such things behind."""
    network = model(
        """deep (float[1,4,5,5] x) => (float[1,4,5,5] y)
        { c = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>()  shape = Constant<value_ints=[1, 1, 1, 4]>()
          r = Reshape(c, shape)  w = Transpose<perm=[3,0,1,2]>(r)  y = Conv<group=4>(x, w) }"""
    )
    assert kinds(check(network, only(network, "dense_group"))) == ["Conv"]


def test_without_the_weights_there_is_an_estimate_but_no_file() -> None:
    bare = zoo.build("abpn_x2", height=8, width=8, weights=False)
    change = proposed(bare, "carry_image")[0]
    graph = pipeline.read(bare).graph
    assert pipeline.price(
        replace(pipeline.read(bare), graph=advising.changed_graph(graph, change)), PROFILE
    ).latency_s
    with pytest.raises(ModelError, match="another file"):
        written(bare, [change])


def test_weights_in_another_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    network = zoo.build("abpn_x2", height=8, width=8)
    onnx.save(network, path, save_as_external_data=True, location="weights", size_threshold=64)
    check(load(path), proposed(network, "carry_image")[0])
    (tmp_path / "weights").unlink()
    with pytest.raises(ModelError, match="weights"):
        load(path)


def test_a_change_leaves_the_model_it_was_given() -> None:
    network = zoo.build("abpn_x2", height=8, width=8)
    before = network.SerializeToString()
    written(network, [proposed(network, "carry_image")[0]])
    assert network.SerializeToString() == before
