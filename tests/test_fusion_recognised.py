"""Spellings that rules recognise, each with its near miss: the sketch says what exporters write."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import pytest
from sketch import Sketch

from latencylab import fusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.fusion import Decomposition
    from latencylab.graph import MetaNode

N, C, H, W = 1, 8, 6, 10


def only(rule: str, sketch: Sketch, *outputs: str) -> MetaNode:
    """The single meta-node that the whole sketch becomes."""
    (meta,) = fusion.decompose(sketch.graph(*outputs), [rule]).meta_nodes
    return meta


def kinds(decomposition: Decomposition) -> list[str]:
    return [meta.kind for meta in decomposition.meta_nodes]


def reasons(rule: str, sketch: Sketch, *outputs: str) -> str:
    """What the rule says about a graph that it leaves alone."""
    decomposition = fusion.decompose(sketch.graph(*outputs), [rule])
    assert not decomposition.steps
    return "; ".join(str(refusal) for refusal in decomposition.refusals)


SHUFFLES = {
    ("DepthToSpace", "CRD"): ((N, 2, 2, 2, H, W), (0, 1, 4, 2, 5, 3), (N, 2, 2 * H, 2 * W)),
    ("DepthToSpace", "DCR"): ((N, 2, 2, 2, H, W), (0, 3, 4, 1, 5, 2), (N, 2, 2 * H, 2 * W)),
    ("SpaceToDepth", "CRD"): ((N, C, H // 2, 2, W // 2, 2), (0, 1, 3, 5, 2, 4), (N, 4 * C, H // 2, W // 2)),
    ("SpaceToDepth", "DCR"): ((N, C, H // 2, 2, W // 2, 2), (0, 3, 5, 1, 2, 4), (N, 4 * C, H // 2, W // 2)),
}


def shuffle(
    split: tuple[int, ...],
    perm: tuple[int, ...],
    end: tuple[int, ...],
    *,
    image: tuple[int, ...] = (N, C, H, W),
) -> Sketch:
    sketch = Sketch()
    x = sketch.op("Reshape", sketch.image(*image), sketch.integers(*split), shape=split)
    x = sketch.op("Transpose", x, shape=tuple(split[axis] for axis in perm), perm=perm)
    sketch.op("Reshape", x, sketch.integers(*end), shape=end)
    return sketch


@pytest.mark.parametrize(("operator", "mode"), SHUFFLES)
@pytest.mark.parametrize("has_batch_axis", [True, False])
def test_reshape_transpose_reshape_is_a_pixel_shuffle(operator: str, mode: str, has_batch_axis: bool) -> None:
    split, perm, end = SHUFFLES[operator, mode]
    if not has_batch_axis:
        split, perm = split[1:], tuple(axis - 1 for axis in perm[1:])
    meta = only("reshape_transpose_reshape", shuffle(split, perm, end))
    assert meta.kind == operator
    assert dict(meta.node.attributes) == {"blocksize": 2, "mode": mode}
    assert meta.op_types == ("Reshape", "Transpose", "Reshape")
    assert (meta.inputs[0].shape, meta.outputs[0].shape) == ((N, C, H, W), end)
    assert meta.weights == ()


def test_a_shuffle_by_oblong_blocks_is_refused() -> None:
    sketch = shuffle((N, 2, 4, 1, H, W), (0, 1, 4, 2, 5, 3), (N, 2, 4 * H, W))
    assert "4x1 pixels are not square" in reasons("reshape_transpose_reshape", sketch)


def test_a_shuffle_that_merges_other_axes_is_refused() -> None:
    sketch = shuffle((N, 2, 2, 2, H, W), (0, 1, 4, 2, 5, 3), (N, 4, H, 2 * W))
    assert "is no DepthToSpace by 2" in reasons("reshape_transpose_reshape", sketch)


def copies(sketch: Sketch, x: str) -> str:
    return sketch.concat(x, x, x)


def tiled(sketch: Sketch, x: str) -> str:
    return sketch.op("Tile", x, sketch.integers(1, 3, 1, 1), shape=(N, 3 * C, H, W))


def gathered(sketch: Sketch, x: str, indices: tuple[int, ...]) -> str:
    return sketch.op("Gather", x, sketch.integers(*indices), shape=(N, len(indices), H, W), axis=1)


def unsqueezed(sketch: Sketch, x: str, axis: int, grow: str = "Expand") -> str:
    small, large = [N, C, H, W], [N, C, H, W]
    small.insert(axis, 1)
    large.insert(axis, 3)
    x = sketch.op("Unsqueeze", x, sketch.integers(axis), shape=tuple(small))
    x = sketch.op(grow, x, sketch.integers(*large), shape=tuple(large))
    return sketch.op("Reshape", x, sketch.integers(N, 3 * C, H, W), shape=(N, 3 * C, H, W))


def joined(sketch: Sketch, x: str, indices: tuple[int, ...]) -> str:
    channels = sketch.split(x, *(1 for _ in range(C)))
    return sketch.concat(*(channels[index] for index in indices))


IN_TURN, EACH = (*range(C), *range(C), *range(C)), tuple(i // 3 for i in range(3 * C))

REPLICATES: dict[str, tuple[Callable[[Sketch, str], str], int]] = {
    "concat": (copies, 0),
    "tile": (tiled, 0),
    "gather in turn": (lambda s, x: gathered(s, x, IN_TURN), 0),
    "gather each": (lambda s, x: gathered(s, x, EACH), 1),
    "split in turn": (lambda s, x: joined(s, x, IN_TURN), 0),
    "split each": (lambda s, x: joined(s, x, EACH), 1),
    "unsqueeze 1": (lambda s, x: unsqueezed(s, x, 1), 0),
    "unsqueeze 2": (lambda s, x: unsqueezed(s, x, 2), 1),
    "unsqueeze 2, tile": (lambda s, x: unsqueezed(s, x, 2, "Tile"), 1),
}


@pytest.mark.parametrize("spelling", REPLICATES)
def test_every_spelling_of_repeated_channels_is_one_replicate(spelling: str) -> None:
    write, interleaved = REPLICATES[spelling]
    sketch = Sketch()
    write(sketch, sketch.image(N, C, H, W))
    meta = only("channel_replicate", sketch)
    assert meta.kind == "ChannelReplicate"
    assert dict(meta.node.attributes) == {"times": 3, "interleaved": interleaved}
    assert meta.read_bytes * 3 == meta.write_bytes
    assert meta.work.move_ops == N * 3 * C * H * W


@pytest.mark.parametrize(
    "write",
    [
        lambda s, x: gathered(s, x, (0, 0, *range(2, C))),  # not all channels
        lambda s, x: s.op("Concat", x, x, shape=(N, C, 2 * H, W), axis=2),  # along the height
        lambda s, x: s.op("Tile", x, s.integers(1, 2, 2, 1), shape=(N, 2 * C, 2 * H, W)),  # and the height
    ],
)
def test_what_repeats_other_than_whole_maps_is_left_alone(write: Callable[[Sketch, str], str]) -> None:
    sketch = Sketch()
    write(sketch, sketch.image(N, C, H, W))
    assert only("channel_replicate", sketch).kind != "ChannelReplicate"


def gelu(sketch: Sketch, x: str, gate: str) -> str:
    return sketch.op("Mul", sketch.op("Mul", x, sketch.op("Add", gate, sketch.number(1))), sketch.number(0.5))


def erf_gelu(sketch: Sketch, x: str) -> str:
    return gelu(sketch, x, sketch.op("Erf", sketch.op("Div", x, sketch.number(sqrt(2)))))


def tanh_gelu(sketch: Sketch, x: str) -> str:
    cube = sketch.op("Pow", x, sketch.number(3))
    series = sketch.op("Add", x, sketch.op("Mul", sketch.number(0.044715), cube))
    return gelu(sketch, x, sketch.op("Tanh", sketch.op("Mul", sketch.number(sqrt(2 / pi)), series)))


def hard_swish(sketch: Sketch, x: str) -> str:
    gate = sketch.op("Clip", sketch.op("Add", x, sketch.number(3)), sketch.number(0), sketch.number(6))
    return sketch.op("Div", sketch.op("Mul", x, gate), sketch.number(6))


def hard_swish_by_sigmoid(sketch: Sketch, x: str) -> str:
    return sketch.op("Mul", sketch.op("HardSigmoid", x, alpha=1 / 6, beta=0.5), x)


def layer_norm(sketch: Sketch, x: str, axis: int = -1) -> str:
    shape = (N, C, H, 1) if axis == -1 else (N, 1, H, W)
    mean = sketch.op("ReduceMean", x, sketch.integers(axis), shape=shape)
    centred = sketch.op("Sub", x, mean)
    square = sketch.op("Pow", centred, sketch.number(2))
    variance = sketch.op("ReduceMean", square, sketch.integers(axis), shape=shape)
    deviation = sketch.op("Sqrt", sketch.op("Add", variance, sketch.number(1e-5)))
    scaled = sketch.op("Mul", sketch.op("Div", centred, deviation), sketch.constant(W))
    return sketch.op("Add", scaled, sketch.constant(W))


ACTIVATIONS: dict[str, tuple[Callable[[Sketch, str], str], str, str]] = {
    "erf": (erf_gelu, "gelu", "Gelu"),
    "tanh": (tanh_gelu, "gelu", "Gelu"),
    "silu": (lambda s, x: s.op("Mul", s.op("Sigmoid", x), x), "silu", "Swish"),
    "hard swish": (hard_swish, "hard_swish", "HardSwish"),
    "hard sigmoid": (hard_swish_by_sigmoid, "hard_swish", "HardSwish"),
    "relu and min": (
        lambda s, x: s.op("Min", s.op("Relu", x), s.number(6)), "minmax_clip", "Clip"
    ),
    "max of min": (
        lambda s, x: s.op("Max", s.number(0), s.op("Min", x, s.number(1))), "minmax_clip", "Clip"
    ),
    "min of max": (
        lambda s, x: s.op("Min", s.op("Max", x, s.number(0)), s.number(1)), "minmax_clip", "Clip"
    ),
    "layer norm": (layer_norm, "layer_norm", "LayerNormalization"),
}  # fmt: skip


@pytest.mark.parametrize("spelling", ACTIVATIONS)
def test_decomposed_activations_are_recognised(spelling: str) -> None:
    write, rule, kind = ACTIVATIONS[spelling]
    sketch = Sketch()
    write(sketch, sketch.image(N, C, H, W))
    meta = only(rule, sketch)
    assert meta.kind == kind
    assert [tensor.name for tensor in meta.inputs] == ["x"]
    assert len(meta.nodes) == len(sketch.nodes)


def test_the_two_forms_of_gelu_are_told_apart() -> None:
    forms = []
    for write in (erf_gelu, tanh_gelu):
        sketch = Sketch()
        write(sketch, sketch.image(N, C, H, W))
        forms.append(only("gelu", sketch).node.attributes["approximate"])
    assert forms == ["none", "tanh"]


def test_clip_keeps_the_bounds_in_their_places() -> None:
    sketch = Sketch()
    y = sketch.op("Min", sketch.op("Relu", sketch.image(N, C, H, W)), sketch.number(6))
    decomposition = fusion.decompose(sketch.graph(y), ["minmax_clip"])
    (clip,) = decomposition.graph.nodes
    _, low, high = decomposition.graph.inputs_of(clip)
    assert low is not None
    assert high is not None
    assert (low.values, high.values) == ((0.0,), (6,))


def test_two_upper_bounds_are_no_clip() -> None:
    sketch = Sketch()
    sketch.op("Min", sketch.op("Min", sketch.image(N, C, H, W), sketch.number(6)), sketch.number(1))
    assert kinds(fusion.decompose(sketch.graph(), ["minmax_clip"])) == ["Min", "Min"]


def test_a_sigmoid_of_another_tensor_is_no_silu() -> None:
    sketch = Sketch()
    x = sketch.image(N, C, H, W)
    sketch.op("Mul", x, sketch.op("Sigmoid", sketch.op("Relu", x)))
    assert kinds(fusion.decompose(sketch.graph(), ["silu"])) == ["Relu", "Sigmoid", "Mul"]


def test_a_gate_that_is_read_elsewhere_stays() -> None:
    sketch = Sketch()
    x = sketch.image(N, C, H, W)
    gate = sketch.op("Sigmoid", x, name="gate")
    y = sketch.op("Mul", x, gate)
    z = sketch.op("Sqrt", gate, name="other")
    assert "gate's output is also read by other" in reasons("silu", sketch, y, z)


def test_a_norm_over_channels_is_refused() -> None:
    sketch = Sketch()
    layer_norm(sketch, sketch.image(N, C, H, W), axis=1)
    assert "other axes than the last" in reasons("layer_norm", sketch)


def contrast(sketch: Sketch, x: str, *, repeats_mean: bool) -> str:
    """Mean plus standard deviation, as IMDN's public code computes them (the mean twice) or without waste."""

    def mean(of: str) -> str:
        return sketch.op("ReduceMean", of, sketch.integers(2, 3), shape=(N, C, 1, 1), keepdims=1)

    first = mean(x)
    square = sketch.op("Pow", sketch.op("Sub", x, mean(x) if repeats_mean else first), sketch.number(2))
    return sketch.op("Add", sketch.op("Sqrt", mean(square)), first)


@pytest.mark.parametrize("repeats_mean", [True, False])
def test_contrast_is_one_pooling_kernel(repeats_mean: bool) -> None:
    sketch = Sketch()
    contrast(sketch, sketch.image(N, C, H, W), repeats_mean=repeats_mean)
    meta = only("std_attention", sketch)
    assert meta.kind == "ReduceMean"
    assert [tensor.shape for tensor in (*meta.inputs, *meta.outputs)] == [(N, C, H, W), (N, C, 1, 1)]
    assert meta.work.arithmetic_ops > 3 * N * C * H * W  # two sums, a difference, a square


def test_mean_over_the_map_is_global_pooling() -> None:
    sketch = Sketch()
    sketch.op("ReduceMean", sketch.image(N, C, H, W), sketch.integers(-1, -2), shape=(N, C, 1, 1), keepdims=1)
    assert only("reduce_mean_pool", sketch).kind == "GlobalAveragePool"


@pytest.mark.parametrize(("axes", "shape", "keepdims"), [((1,), (N, 1, H, W), 1), ((2, 3), (N, C), 0)])
def test_other_means_stay(axes: tuple[int, ...], shape: tuple[int, ...], keepdims: int) -> None:
    sketch = Sketch()
    sketch.op("ReduceMean", sketch.image(N, C, H, W), sketch.integers(*axes), shape=shape, keepdims=keepdims)
    assert only("reduce_mean_pool", sketch).kind == "ReduceMean"
