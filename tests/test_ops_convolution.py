"""MACs of convolutions against loops that really convolve: the loops' result must equal onnxruntime's."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from operator_calls import tensor, work

from latencylab.errors import ModelError
from latencylab.graph import Node
from latencylab.ops import convolution
from latencylab.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, np.dtype[np.float32]]


def run(op_type: str, x: Array, w: Array, **attributes: Any) -> Array:
    """The operator's result, by onnxruntime."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x", "w"], ["y"], **attributes)],
        "one",
        [value("x", TensorProto.FLOAT, x.shape), value("w", TensorProto.FLOAT, w.shape)],
        [value("y", TensorProto.FLOAT, [None] * x.ndim)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x, "w": w})
    return y  # type: ignore[no-any-return]


def indices(*sizes: int) -> product[tuple[int, ...]]:
    return product(*(range(size) for size in sizes))


def gather(x: Array, w: Array, group: int, strides: Any, dilations: Any, pads: Any) -> tuple[Array, int]:
    """Convolve by loops over outputs; returns the result and the number of products."""
    rank, kernel = x.ndim - 2, w.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)])
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded.shape[2:], dilations, kernel, strides, strict=True)
    ]
    y, products = np.zeros((x.shape[0], w.shape[0], *sizes), np.float32), 0
    for image, out, place in product(range(x.shape[0]), range(w.shape[0]), list(indices(*sizes))):
        first = out // (w.shape[0] // group) * w.shape[1]
        for channel, tap in product(range(w.shape[1]), list(indices(*kernel))):
            at = tuple(p * s + t * d for p, s, t, d in zip(place, strides, tap, dilations, strict=True))
            y[(image, out, *place)] += padded[(image, first + channel, *at)] * w[(out, channel, *tap)]
            products += 1
    return y, products


def scatter(
    x: Array, w: Array, group: int, strides: Any, dilations: Any, pads: Any, extra: Any
) -> tuple[Array, int]:
    """Convolve transposed by loops over inputs; returns the result and the number of products."""
    rank, kernel, per_group = x.ndim - 2, w.shape[2:], w.shape[1]
    sizes = [
        (n - 1) * s + d * (k - 1) + 1 + e
        for n, s, d, k, e in zip(x.shape[2:], strides, dilations, kernel, extra, strict=True)
    ]
    y, products = np.zeros((x.shape[0], per_group * group, *sizes), np.float32), 0
    for image, source, place in product(range(x.shape[0]), range(x.shape[1]), list(indices(*x.shape[2:]))):
        first = source // (x.shape[1] // group) * per_group
        for channel, tap in product(range(per_group), list(indices(*kernel))):
            at = tuple(p * s + t * d for p, s, t, d in zip(place, strides, tap, dilations, strict=True))
            y[(image, first + channel, *at)] += x[(image, source, *place)] * w[(source, channel, *tap)]
            products += 1
    window = tuple(slice(pads[i], sizes[i] - pads[rank + i]) for i in range(rank))
    return y[(slice(None), slice(None), *window)], products


@st.composite
def convolutions(draw: Callable[..., Any]) -> dict[str, Any]:
    """Small convolutions of rank 1 to 3 with every attribute; integers, so that float32 is exact."""
    rank, group = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3]))
    each = {1: 7, 2: 4, 3: 3}[rank]

    def per_axis(low: int, high: int, axes: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes))  # type: ignore[no-any-return]

    kernel, strides, dilations = per_axis(1, 3), per_axis(1, 3), per_axis(1, 2)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    return {
        "batch": draw(st.integers(1, 2)),
        "group": group,
        "channels": group * draw(st.integers(1, 2)),
        "filters": draw(st.integers(1, 2)),
        "kernel": kernel,
        "strides": strides,
        "dilations": dilations,
        # Wide enough for one window, and padding never beyond the window's reach.
        "spatial": [max(r, n) for r, n in zip(reach, per_axis(1, each), strict=True)],
        "pads": [min(p, r - 1) for p, r in zip(per_axis(0, 2, 2 * rank), reach * 2, strict=True)],
        "extra": [min(e, s - 1) for e, s in zip(per_axis(0, 2), strides, strict=True)],
    }


def integers(*shape: int) -> Array:
    return np.random.default_rng(prod(shape)).integers(-4, 5, shape).astype(np.float32)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_conv_counts_every_product_a_loop_makes(case: dict[str, Any]) -> None:
    x = integers(case["batch"], case["channels"], *case["spatial"])
    w = integers(case["filters"] * case["group"], case["channels"] // case["group"], *case["kernel"])
    shared = {key: case[key] for key in ("group", "strides", "dilations", "pads")}
    y, products = gather(x, w, **shared)
    np.testing.assert_array_equal(y, run("Conv", x, w, **shared))
    assert work("Conv", [x.shape, w.shape], [y.shape], **shared) == Work(macs=products)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_transposed_conv_counts_products_at_input_resolution(case: dict[str, Any]) -> None:
    x = integers(case["batch"], case["channels"], *case["spatial"])
    w = integers(case["channels"], case["filters"], *case["kernel"])
    shared = {key: case[key] for key in ("group", "strides", "dilations", "pads")}
    y, products = scatter(x, w, **shared, extra=case["extra"])
    assume(y.size > 0)
    np.testing.assert_array_equal(y, run("ConvTranspose", x, w, **shared, output_padding=case["extra"]))
    assert work("ConvTranspose", [x.shape, w.shape], [y.shape], **shared) == Work(macs=products)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad_is_in_the_output_shape(auto_pad: str) -> None:
    x, w = integers(1, 2, 5, 6), integers(3, 2, 3, 3)
    y = run("Conv", x, w, auto_pad=auto_pad, strides=[2, 2])
    macs = y.size * 2 * 9
    assert work("Conv", [x.shape, w.shape], [y.shape], auto_pad=auto_pad, strides=(2, 2)).macs == macs


def test_fsrcnn_tail_counts_at_input_resolution() -> None:
    # 56 -> 3 channels, 9x9, stride 3: 230,400 input pixels, each of 56 channels meets 3 x 81 weights.
    found = work("ConvTranspose", [(1, 56, 360, 640), (56, 3, 9, 9)], [(1, 3, 1080, 1920)], strides=(3, 3))
    assert found == Work(macs=360 * 640 * 56 * 243)


def test_quantized_integer_and_channels_last_spellings_count_alike() -> None:
    x, w, y = (1, 8, 6, 6), (4, 8, 3, 3), (1, 4, 6, 6)
    one: tuple[int, ...] = ()
    expected = work("Conv", [x, w], [y])
    assert expected.macs == 4 * 36 * 8 * 9
    assert work("ConvInteger", [x, w, one, one], [y]) == expected
    quantized = [x, one, one, w, one, one, one, one, (4,)]
    assert work("QLinearConv", quantized, [y]) == expected
    last = [(1, 6, 6, 8), *quantized[1:]]
    found = work("QLinearConv", last, [(1, 6, 6, 4)], domain="com.microsoft", channels_last=1)
    assert found == expected
    assert work("NhwcConv", [(1, 6, 6, 8), w], [(1, 6, 6, 4)], domain="com.microsoft") == expected


def test_fused_convolution_adds_its_activation_and_its_skip() -> None:
    x, w, y = (1, 8, 6, 6), (4, 8, 3, 3), (1, 4, 6, 6)
    plain = work("Conv", [x, w, (4,)], [y])
    relu = work("FusedConv", [x, w, (4,)], [y], domain="com.microsoft", activation="Relu")
    both = work("FusedConv", [x, w, (4,), y], [y], domain="com.microsoft", activation="Relu")
    assert relu == plain + Work(arithmetic_ops=144)
    assert both == plain + Work(arithmetic_ops=288)


SIGN = tensor("w", 4, 8, 3, 3, is_constant=True, is_sign=True)
ONE_BIT = tensor("w", 4, 8, 3, 3, dtype="binary", is_constant=True)


@pytest.mark.parametrize("weight", [SIGN, ONE_BIT])
def test_binary_convolution_needs_binary_weights_and_binary_data(weight: Any) -> None:
    data, y = tensor("x", 1, 8, 6, 6, dtype="binary"), (1, 4, 6, 6)
    macs = 4 * 36 * 8 * 9
    assert work("Conv", [data, weight], [y]) == Work(macs=macs, binary_macs=macs)
    assert work("Conv", [(1, 8, 6, 6), weight], [y], binary_input=1) == Work(macs=macs, binary_macs=macs)
    assert work("Conv", [(1, 8, 6, 6), weight], [y]) == Work(macs=macs)
    assert work("Conv", [data, (4, 8, 3, 3)], [y]) == Work(macs=macs)


def test_deformable_convolution_samples_every_tap() -> None:
    x, w, offset, mask, y = (1, 4, 8, 8), (2, 4, 3, 3), (1, 18, 6, 6), (1, 9, 6, 6), (1, 2, 6, 6)
    taps = 36 * 9
    found = work("DeformConv", [x, w, offset, None, mask], [y])
    assert found == Work(macs=2 * 36 * 4 * 9, arithmetic_ops=taps * 4 * 8 + taps * 6)


def test_causal_convolution_is_depthwise() -> None:
    found = work("CausalConvWithState", [(2, 16, 10), (16, 1, 4)], [(2, 16, 10), (2, 16, 3)])
    assert found == Work(macs=2 * 16 * 10 * 4, move_ops=2 * 16 * 3)


def test_geometry_of_a_transposed_convolution() -> None:
    node = Node("n", "ConvTranspose", ("x", "w"), ("y",), {"strides": (2, 2), "group": 2})
    shapes = (tensor("x", 1, 6, 5, 7), tensor("w", 6, 4, 3, 3))
    shape = convolution.geometry(node, shapes, (tensor("y", 1, 8, 11, 15),))
    assert shape == convolution.ConvGeometry(
        1, 2, 6, 8, (3, 3), (2, 2), (1, 1), (5, 7), (11, 15), transposed=True
    )
    assert not shape.is_depthwise
    assert not shape.is_pointwise


def test_shapes_that_contradict_each_other_are_the_models_fault() -> None:
    with pytest.raises(ModelError, match=r"Conv 'node': inputs \[1, 3, 4, 4\], absent"):
        work("Conv", [(1, 3, 4, 4), None], [(1, 3, 4, 4)])
    with pytest.raises(ModelError, match="do not fit"):
        work("Conv", [(1, 3, 4, 4), (8, 3, 3, 3)], [(1, 8, 4, 4)], group=0)
