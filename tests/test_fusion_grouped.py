"""What is fused around a convolution, each rule with its near miss."""

from __future__ import annotations

import pytest
from sketch import Sketch

from latencylab import fusion
from latencylab.errors import UnknownNameError
from latencylab.graph import Graph, Node, Tensor

N, C, H, W = 1, 8, 6, 10


def kinds(sketch: Sketch, rules: list[str], *outputs: str) -> list[tuple[str, ...]]:
    """Operators of each meta-node: its main one, then its epilogue."""
    metas = fusion.decompose(sketch.graph(*outputs), rules).meta_nodes
    return [(meta.kind, *(step.op_type for step in meta.node.epilogue)) for meta in metas]


def refusals(sketch: Sketch, rules: list[str], *outputs: str) -> str:
    return "; ".join(map(str, fusion.decompose(sketch.graph(*outputs), rules).refusals))


FOLLOWERS = {
    "conv_relu": ("Relu",),
    "conv_clip": ("Clip",),
    "conv_leaky_relu": ("LeakyRelu",),
    "conv_prelu": ("PRelu",),
    "conv_sigmoid_tanh": ("Sigmoid", "Tanh"),
    "conv_hard_swish": ("HardSigmoid", "HardSwish"),
    "conv_swish_gelu": ("Swish", "Gelu"),
}


def activated(op_type: str) -> Sketch:
    sketch = Sketch()
    x = sketch.conv(sketch.image(N, 3, H, W), C)
    bounds = (sketch.number(0), sketch.number(6)) if op_type == "Clip" else ()
    slope = (sketch.constant(C, 1, 1),) if op_type == "PRelu" else ()
    sketch.op(op_type, x, *bounds, *slope)
    return sketch


@pytest.mark.parametrize(("rule", "op_type"), [(r, o) for r, ops in FOLLOWERS.items() for o in ops])
def test_an_activation_joins_its_convolution(rule: str, op_type: str) -> None:
    assert kinds(activated(op_type), [rule]) == [("Conv", op_type)]
    others = [other for other in FOLLOWERS if other != rule]
    assert kinds(activated(op_type), others) == [("Conv",), (op_type,)]


def test_slopes_are_weights_and_bounds_are_not() -> None:
    shapes = {}
    for rule, op_type in (("conv_prelu", "PRelu"), ("conv_clip", "Clip")):
        (meta,) = fusion.decompose(activated(op_type).graph(), [rule]).meta_nodes
        shapes[op_type] = [weight.shape for weight in meta.weights]
    assert shapes["Clip"] == [(C, 3, 3, 3), (C,)]
    assert shapes["PRelu"] == [(C, 3, 3, 3), (C,), (C, 1, 1)]


def test_a_convolution_whose_sums_are_needed_keeps_them() -> None:
    sketch = Sketch()
    x = sketch.conv(sketch.image(N, C, H, W), C, name="conv_3")
    y = sketch.op("Relu", x, name="relu_3")
    sketch.op("Add", x, y, name="add_7")
    assert kinds(sketch, ["conv_relu"]) == [("Conv",), ("Relu",), ("Add",)]
    assert refusals(sketch, ["conv_relu"]) == (
        "conv_relu: Relu relu_3 stays as it is: conv_3's output is also read by add_7"
    )


def test_an_output_of_the_network_is_not_swallowed() -> None:
    sketch = Sketch()
    x = sketch.conv(sketch.image(N, C, H, W), C, name="conv")
    y = sketch.op("Relu", x)
    assert "conv's output is an output of the network" in refusals(sketch, ["conv_relu"], x, y)


def test_a_kernel_has_one_activation() -> None:
    sketch = activated("Relu")
    sketch.op("Sigmoid", "relu_0.y")
    assert kinds(sketch, ["conv_relu", "conv_sigmoid_tanh"]) == [("Conv", "Relu"), ("Sigmoid",)]
    assert "already has an activation, Relu" in refusals(sketch, ["conv_relu", "conv_sigmoid_tanh"])


def test_what_a_body_captures_counts_as_read() -> None:
    """A subgraph that reads the convolution's output keeps it from being swallowed."""
    sketch = Sketch()
    x = sketch.conv(sketch.image(N, C, H, W), C, name="conv")
    y = sketch.op("Relu", x)
    tensors = {x: sketch.tensors[x], "z": Tensor("z", (1,), "float32")}
    inner = Graph("body", (Node("inner", "Sqrt", (x,), ("z",)),), tensors, (), ("z",))
    z = sketch.op(
        "If", sketch.image(1, name="flag", dtype="bool"), then_branch=inner, else_branch=inner, name="if"
    )
    assert "conv's output is also read by if" in refusals(sketch, ["conv_relu"], y, z)


def residual(*, activation: bool = False, broadcast: bool = False) -> Sketch:
    sketch = Sketch()
    skip = sketch.image(N, 1 if broadcast else C, H, W, name="skip")
    y = sketch.conv(sketch.image(N, C, H, W), C, name="conv")
    y = sketch.op("Relu", y) if activation else y
    sketch.op("Relu", sketch.op("Add", skip, y, shape=(N, C, H, W), name="add"), name="last")
    return sketch


def test_a_residual_is_added_as_the_convolution_writes() -> None:
    rules = ["conv_add", "conv_relu"]
    (meta,) = fusion.decompose(residual().graph(), rules).meta_nodes
    assert [step.op_type for step in meta.node.epilogue] == ["Add", "Relu"]
    assert {tensor.name for tensor in meta.inputs} == {"x", "skip"}
    assert kinds(residual(), ["add_activation"]) == [("Conv",), ("Add", "Relu")]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"activation": True}, "Relu of conv stands before the sum"),
        ({"broadcast": True}, "skip is broadcast"),
    ],
)
def test_a_residual_that_does_not_fit_is_refused(options: dict[str, bool], reason: str) -> None:
    sketch = residual(**options)
    assert reason in refusals(sketch, ["conv_relu", "conv_add"])


def test_of_two_convolutions_the_first_operand_takes_the_sum() -> None:
    sketch = Sketch()
    x = sketch.image(N, C, H, W)
    late, early = sketch.conv(x, C, name="late"), sketch.conv(x, C, name="early")
    sketch.op("Add", early, late)
    assert kinds(sketch, ["conv_add"]) == [("Conv",), ("Conv", "Add")]
    step = fusion.decompose(sketch.graph(), ["conv_add"]).steps[0]
    assert str(step) == "conv_add: early + add_0 -> early"


def folded(op_type: str, *shape: int) -> Sketch:
    sketch = Sketch()
    y = sketch.conv(sketch.image(N, C, H, W), C, bias=False)
    sketch.op(op_type, y, sketch.constant(*shape))
    return sketch


@pytest.mark.parametrize(("rule", "op_type"), [("conv_bias", "Add"), ("conv_scale", "Mul")])
@pytest.mark.parametrize("shape", [(), (C, 1, 1), (1, C, 1, 1)])
def test_a_constant_a_channel_folds_into_the_convolution(
    rule: str, op_type: str, shape: tuple[int, ...]
) -> None:
    decomposition = fusion.decompose(folded(op_type, *shape).graph(), [rule])
    (meta,) = decomposition.meta_nodes
    assert meta.kind == "Conv"
    assert meta.node.epilogue == ()
    assert meta.work.vector_ops == 0
    assert decomposition.steps[0].note


@pytest.mark.parametrize(("rule", "op_type"), [("conv_bias", "Add"), ("conv_scale", "Mul")])
def test_a_constant_a_pixel_does_not(rule: str, op_type: str) -> None:
    assert kinds(folded(op_type, C, H, W), [rule]) == [("Conv",), (op_type,)]
    assert kinds(folded(op_type, W), [rule]) == [("Conv",), (op_type,)]


def test_a_product_and_its_bias_are_one_kernel() -> None:
    sketch = Sketch()
    y = sketch.op("MatMul", sketch.image(4, 16), sketch.constant(16, 10), shape=(4, 10))
    sketch.op("Relu", sketch.op("Add", y, sketch.constant(10)))
    assert kinds(sketch, ["conv_bias", "conv_relu"]) == [("MatMul", "Add", "Relu")]


def test_normalization_folds_into_the_weights_and_says_so() -> None:
    sketch = Sketch()
    sketch.normalized(sketch.conv(sketch.image(N, 3, H, W), C, bias=False))
    decomposition = fusion.decompose(sketch.graph(), ["conv_bn"])
    (meta,) = decomposition.meta_nodes
    assert (meta.kind, meta.node.epilogue, meta.work.vector_ops) == ("Conv", (), 0)
    assert [weight.shape for weight in meta.weights] == [(C, 3, 3, 3), (C,)]
    assert "costs nothing" in decomposition.steps[0].note


def test_normalization_behind_an_activation_stays() -> None:
    sketch = activated("Relu")
    sketch.normalized("relu_0.y")
    assert kinds(sketch, ["conv_relu", "conv_bn"]) == [("Conv", "Relu"), ("BatchNormalization",)]
    assert "Relu stands between conv_0 and it" in refusals(sketch, ["conv_relu", "conv_bn"])


def padded(
    value: float = 0.0, mode: str = "constant", pads: tuple[int, ...] = (0, 0, 1, 1, 0, 0, 1, 1)
) -> Sketch:
    sketch = Sketch()
    shape = tuple(s + a + b for s, a, b in zip((N, C, H, W), pads[:4], pads[4:], strict=True))
    x = sketch.op(
        "Pad", sketch.image(N, C, H, W), sketch.integers(*pads), sketch.number(value), shape=shape, mode=mode
    )
    sketch.op("Conv", x, sketch.constant(C, shape[1], 3, 3), shape=(N, C, shape[2] - 2, shape[3] - 2))
    return sketch


def test_padding_joins_the_convolution() -> None:
    (meta,) = fusion.decompose(padded().graph(), ["pad_conv"]).meta_nodes
    assert meta.node.attributes["pads"] == (1, 1, 1, 1)
    assert meta.inputs[0].shape == (N, C, H, W)


@pytest.mark.parametrize(
    ("sketch", "reason"),
    [
        (padded(value=1.0), "another value than zero"),
        (padded(mode="reflect"), "pads with reflect"),
        (padded(pads=(0, 1, 1, 1, 0, 0, 1, 1)), "other axes than those of the map"),
    ],
)
def test_other_padding_stays(sketch: Sketch, reason: str) -> None:
    assert reason in refusals(sketch, ["pad_conv"])


def test_a_convolution_may_scatter_as_it_writes() -> None:
    sketch = Sketch()
    sketch.depth_to_space(sketch.conv(sketch.image(N, C, H, W), 12), 2)
    (meta,) = fusion.decompose(sketch.graph(), ["conv_depth_to_space"]).meta_nodes
    assert meta.outputs[0].shape == (N, 3, 2 * H, 2 * W)
    assert meta.work.macs == 12 * C * 9 * H * W


def binary(*, sign: bool = True, shared: bool = False) -> Sketch:
    sketch = Sketch()
    signs = sketch.op("Sign", sketch.image(N, C, H, W))
    y = sketch.conv(signs, C, bias=False, sign=sign, name="binary")
    y = sketch.op("Mul", y, sketch.constant(1, C, 1, 1))
    if shared:
        sketch.op("Add", signs, y, name="reader")
    return sketch


def test_a_binary_convolution_unit() -> None:
    sign, conv = fusion.decompose(binary().graph(), ["binary_conv", "conv_scale"]).meta_nodes
    assert conv.work.binary_macs == conv.work.macs == C * C * 9 * H * W
    assert [step.op_type for step in conv.node.epilogue] == ["Mul"]
    assert sign.outputs[0].dtype == "float32"


def test_signs_are_bits_where_the_device_has_them() -> None:
    sign, conv = fusion.decompose(binary().graph(), ["binary_conv", "binary_activation"]).meta_nodes
    assert sign.write_bytes == conv.read_bytes == N * C * H * W // 8
    assert conv.weights[0].size_bytes == C * C * 9 // 8


def test_real_weights_behind_a_sign_are_no_binary_convolution() -> None:
    assert "not known to be -1 and +1" in refusals(binary(sign=False), ["binary_conv"])


def test_signs_that_are_added_up_stay_numbers() -> None:
    rules = ["binary_conv", "binary_activation"]
    assert "reader reads its signs as numbers" in refusals(binary(shared=True), rules)


def head(*, kernels: tuple[int, ...] = (3, 3, 3, 3), slopes: bool = False) -> Sketch:
    """XLSR's first layer: four convolutions of the image, joined."""
    sketch = Sketch()
    x = sketch.image(N, 3, H, W)
    maps = [sketch.conv(x, C, kernel=kernel) for kernel in kernels]
    slope = (sketch.constant(C, 1, 1),) if slopes else ()
    sketch.concat(*(sketch.op("PRelu" if slopes else "Relu", y, *slope) for y in maps))
    return sketch


def test_convolutions_side_by_side_are_one_wide_one() -> None:
    (meta,) = fusion.decompose(head().graph(), ["conv_relu", "concat_wide_conv"]).meta_nodes
    assert meta.weights[0].shape == (4 * C, 3, 3, 3)
    assert meta.outputs[0].shape == (N, 4 * C, H, W)
    assert [step.op_type for step in meta.node.epilogue] == ["Relu"]
    assert len(meta.nodes) == 9
    assert meta.work.macs == 4 * C * 3 * 9 * H * W


@pytest.mark.parametrize(
    ("sketch", "reason"),
    [
        (head(kernels=(3, 1)), "conv_1 and conv_0 differ in their attributes"),
        (head(slopes=True), "what follows conv_0 has parameters a channel"),
    ],
)
def test_unlike_convolutions_stay_apart(sketch: Sketch, reason: str) -> None:
    assert reason in refusals(sketch, ["conv_relu", "conv_prelu", "concat_wide_conv"])


def groups(*, order: tuple[int, ...] = (0, 1), sizes: tuple[int, ...] = (4, 4)) -> Sketch:
    sketch = Sketch()
    parts = sketch.split(sketch.image(N, C, H, W), *sizes)
    maps = [sketch.conv(part, 4) for part in parts]
    sketch.concat(*(maps[i] for i in order))
    return sketch


def test_split_convolutions_are_a_grouped_one() -> None:
    (meta,) = fusion.decompose(groups().graph(), ["split_conv_concat"]).meta_nodes
    assert meta.node.attributes["group"] == 2
    assert meta.weights[0].shape == (8, 4, 3, 3)
    assert meta.op_types == ("Split", "Conv", "Conv", "Concat")
    assert meta.work.macs == 2 * 4 * 4 * 9 * H * W


@pytest.mark.parametrize(
    ("sketch", "reason"),
    [
        (groups(order=(1, 0)), "joined in another order"),
        (groups(sizes=(6, 2)), "differ in their kernels"),
    ],
)
def test_unequal_groups_stay_apart(sketch: Sketch, reason: str) -> None:
    assert reason in refusals(sketch, ["split_conv_concat"])


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown fusion rule 'conv_rleu'; did you mean 'conv_relu'"):
        fusion.decompose(activated("Relu").graph(), ["conv_rleu"])


def test_a_graph_that_no_rule_touches_is_returned_as_it_is() -> None:
    graph = activated("Relu").graph()
    decomposition = fusion.decompose(graph, [])
    assert decomposition.graph is graph
    assert [meta.name for meta in decomposition.meta_nodes] == ["conv_0", "relu_0"]


def test_nameless_and_like_named_nodes_become_distinct() -> None:
    tensors = {name: Tensor(name, (4,), "float32") for name in "xabc"}
    nodes = (
        Node("", "Relu", ("x",), ("a",)),
        Node("same", "Relu", ("a",), ("b",)),
        Node("same", "Relu", ("b",), ("c",)),
    )
    metas = fusion.decompose(Graph("twins", nodes, tensors, ("x",), ("c",)), []).meta_nodes
    assert [meta.name for meta in metas] == ["Relu:a", "same", "same#2"]


def test_an_unpriced_operator_in_the_epilogue_or_alone_is_said_so() -> None:
    sketch = Sketch()
    sketch.op("Mystery", sketch.image(N, C, H, W))
    (meta,) = fusion.decompose(sketch.graph(), []).meta_nodes
    assert not meta.is_priced
    assert meta.boundary_bytes == 2 * 4 * N * C * H * W
