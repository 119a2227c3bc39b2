"""What has bitten public ports of these networks, each shown on the files themselves."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from zoo_counting import count
from zoo_running import images, run, shape_of

from latencylab import zoo
from latencylab.zoo._builder import Net, Value

SCALE = 3
RGB = (1, 3, 5, 7)


def written(shape: tuple[int, ...], write, *, spelling: str = "clean") -> onnx.ModelProto:
    net = Net("trap", spelling=spelling)
    return net.model(write(net, net.input("image", shape)))


def result(model: onnx.ModelProto) -> np.ndarray:
    return run(model, images(model))[0]


def upsampled(repeat: str, mode: str) -> np.ndarray:
    def write(net: Net, image: Value) -> Value:
        copies = getattr(net, repeat)(image, SCALE**2)
        return net.depth_to_space(copies, SCALE, mode)

    return result(written(RGB, write))


@pytest.mark.parametrize(
    ("repeat", "mode", "is_nearest"),
    [
        ("tile_channels", "DCR", True),
        ("tile_channels", "CRD", False),
        ("repeat_channels", "CRD", True),
        ("repeat_channels", "DCR", False),
    ],
)
def test_copies_are_nearest_upsampling_in_one_order_of_channels_only(
    repeat: str, mode: str, is_nearest: bool
) -> None:
    nearest = result(written(RGB, lambda net, image: net.resize(image, SCALE, "nearest")))
    assert np.array_equal(upsampled(repeat, mode), nearest) == is_nearest


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize("spelling", ["torchscript", "dynamo"])
def test_pixel_shuffle_is_reshape_transpose_reshape(mode: str, spelling: str) -> None:
    write = partial(Net.depth_to_space, scale=SCALE, mode=mode)
    clean, spelled = (written((1, 27, 5, 7), write, spelling=s) for s in ("clean", spelling))
    assert [n.op_type for n in clean.graph.node] == ["DepthToSpace"]
    assert Counter(n.op_type for n in spelled.graph.node) >= Counter(Reshape=2, Transpose=1)
    assert "DepthToSpace" not in {n.op_type for n in spelled.graph.node}
    perm = next(n for n in spelled.graph.node if n.op_type == "Transpose").attribute[0].ints
    assert list(perm) == {"CRD": [0, 1, 4, 2, 5, 3], "DCR": [0, 3, 4, 1, 5, 2]}[mode]
    assert np.array_equal(result(clean), result(spelled))


def test_torchscript_computes_its_shapes_at_run_time() -> None:
    spelled = zoo.build("espcn_x3", spelling="torchscript", weights=False)
    assert {"Shape", "Gather", "Unsqueeze", "Concat", "Mul"} <= {n.op_type for n in spelled.graph.node}
    dynamo = zoo.build("espcn_x3", spelling="dynamo", weights=False)
    assert "Shape" not in {n.op_type for n in dynamo.graph.node}


@pytest.mark.parametrize("spelling", ["clean", "torchscript", "dynamo"])
def test_repeat_interleave_is_unsqueeze_expand_reshape(spelling: str) -> None:
    model = written(RGB, partial(Net.repeat_channels, times=9), spelling=spelling)
    ops = [n.op_type for n in model.graph.node]
    assert [op for op in ops if op in ("Expand", "Reshape")] == ["Expand", "Reshape"]
    assert ops[0] == "Unsqueeze"
    image = images(model)["image"]
    assert np.array_equal(run(model, {"image": image})[0], np.repeat(image, 9, axis=1))


@pytest.mark.parametrize(
    ("spelling", "ops"),
    [("clean", ["Concat"]), ("torchscript", ["Expand", "Tile"]), ("dynamo", ["Tile"])],
)
def test_tiling_the_input_is_spelled_three_ways(spelling: str, ops: list[str]) -> None:
    model = written(RGB, partial(Net.tile_channels, times=9), spelling=spelling)
    assert [n.op_type for n in model.graph.node] == ops
    image = images(model)["image"]
    assert np.array_equal(run(model, {"image": image})[0], np.tile(image, (1, 9, 1, 1)))


@pytest.mark.parametrize("spelling", ["torchscript", "dynamo"])
@pytest.mark.parametrize(
    "name", ["abpn_x3", "xlsr_x3", "ecbsr_m4c16_x3", "etds_t_x3", "imdn_rtc_x2", "sesr_m5_y_x2", "rcan_x2"]
)
def test_a_network_computes_the_same_in_every_spelling(name: str, spelling: str) -> None:
    small = {"height": 12, "width": 16} | ({"groups": 1, "blocks": 2} if "rcan" in name else {})
    clean, spelled = (zoo.build(name, spelling=s, **small) for s in ("clean", spelling))
    np.testing.assert_allclose(result(spelled), result(clean), rtol=1e-4, atol=1e-4)


def test_average_pool_to_one_pixel_appears_as_reduce_mean() -> None:
    pooled, reduced = (written(RGB, Net.global_average_pool, spelling=s) for s in ("clean", "dynamo"))
    assert [n.op_type for n in pooled.graph.node] == ["GlobalAveragePool"]
    assert [n.op_type for n in reduced.graph.node] == ["ReduceMean"]
    np.testing.assert_allclose(result(reduced), result(pooled), rtol=1e-6)


def test_shared_weights_count_once_as_parameters_and_every_time_as_macs() -> None:
    one, many = (count(zoo.build("drrn_b1u25_y_x2", units=units, weights=False)) for units in (1, 25))
    assert one.parameters == many.parameters
    unit = 2 * 9 * 128 * 128 * 4 * 360 * 640
    assert many.macs - one.macs == 24 * unit
    graph = zoo.build("drrn_b1u25_y_x2", weights=False).graph
    weights = [n.input[1] for n in graph.node if n.op_type == "Conv"]
    assert (len(weights), len(set(weights))) == (52, 4)


@pytest.mark.parametrize(("scale", "tail", "is_sliced"), [(2, 12, False), (3, 28, True), (4, 48, False)])
def test_etds_slices_its_tail_at_x3_only(scale: int, tail: int, is_sliced: bool) -> None:
    graph = zoo.build(f"etds_s_x{scale}", weights=False).graph
    dims = {t.name: tuple(t.dims) for t in graph.initializer}
    last = [n for n in graph.node if n.op_type == "Conv"][-1]
    assert dims[last.input[1]] == (tail, tail, 1, 1)
    assert ("Slice" in {n.op_type for n in graph.node}) == is_sliced


def test_a_residual_add_may_broadcast_one_channel_to_many() -> None:
    model = onnx.shape_inference.infer_shapes(zoo.build("sesr_m5_y_x2", weights=False))
    shapes = {i.name: shape_of(i) for i in (*model.graph.input, *model.graph.value_info)}
    last = [n for n in model.graph.node if n.op_type == "Add"][-1]
    assert [shapes[name][1] for name in last.input] == [4, 1]


def test_split_convolutions_and_concat_are_a_group_convolution_in_disguise() -> None:
    split = written((1, 32, 5, 7), partial(Net.split_conv, channels=32, groups=4))
    assert [n.op_type for n in split.graph.node] == ["Split", *["Conv"] * 4, "Concat"]
    np.testing.assert_allclose(result(split), result(as_group_convolution(split)), rtol=1e-4, atol=1e-6)
    spelled, grouped = (count(zoo.build("xlsr_x3", split_groups=s, weights=False)) for s in (True, False))
    assert (spelled.parameters, spelled.macs) == (grouped.parameters, grouped.macs)


def as_group_convolution(split: onnx.ModelProto) -> onnx.ModelProto:
    """The pieces' weights, stacked, in one Conv with 4 groups."""

    def stacked(stem: str) -> TensorProto:
        found = [onnx.numpy_helper.to_array(t) for t in split.graph.initializer if t.name.startswith(stem)]
        return onnx.numpy_helper.from_array(np.concatenate(found), stem)

    inputs = ["image", "conv.weight", "conv.bias"]
    node = helper.make_node("Conv", inputs, ["out"], group=4, pads=[1, 1, 1, 1])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 32, 5, 7))
    tensors = [stacked("conv.weight"), stacked("conv.bias")]
    graph = helper.make_graph([node], "grouped", split.graph.input, [out], tensors)
    return helper.make_model(graph, opset_imports=split.opset_import, ir_version=8)
