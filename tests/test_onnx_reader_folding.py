"""Shape arithmetic folds away: a TorchScript export reads as if its shapes had been written down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper, reference
from onnx_text import model

from latencylab.onnx_reader import read

PIXEL_SHUFFLE = """net (float[1,27,H,W] x) => (float[a,b,c,d] y)
<int64 i0 = {0}, int64 i2 = {2}, int64 i3 = {3}, int64[1] zero = {0}, int64[1] c = {3}, int64 r = {3},
 int64[1] rs = {3}>
{
  s = Shape(x)
  n = Gather(s, i0)     h = Gather(s, i2)     w = Gather(s, i3)
  hr = Mul(h, r)        wr = Mul(w, r)
  n1 = Unsqueeze(n, zero) h1 = Unsqueeze(h, zero) w1 = Unsqueeze(w, zero)
  hr1 = Unsqueeze(hr, zero) wr1 = Unsqueeze(wr, zero)
  six = Concat<axis=0>(n1, c, rs, rs, h1, w1)
  four = Concat<axis=0>(n1, c, hr1, wr1)
  p = Reshape(x, six)
  q = Transpose<perm=[0,1,4,2,5,3]>(p)
  y = Reshape(q, four)
}"""


@given(st.integers(1, 400), st.integers(1, 400))
@settings(max_examples=20)
def test_a_torchscript_pixel_shuffle_is_three_nodes(height: int, width: int) -> None:
    graph = read(model(PIXEL_SHUFFLE), dims={"H": height, "W": width}).graph
    assert [node.op_type for node in graph.nodes] == ["Reshape", "Transpose", "Reshape"]
    assert graph.tensors["six"].values == (1, 3, 3, 3, height, width)
    assert graph.tensors["y"].shape == (1, 3, 3 * height, 3 * width)


def test_a_dynamo_expand_folds() -> None:
    """The shape of Expand as the newer exporter spells it, with -1 standing for 'as it is'."""
    text = """net (float[1,3,H,8] x) => (float[a,b,c,d,e] y)
    <int64[1] two = {2}, int64[5] asked = {-1, -1, 9, -1, -1}, int64[1] rank = {5}, int64[1] minus = {-1}>
    {
      u = Unsqueeze(x, two)
      ones = ConstantOfShape<value = int64[1] {1}>(rank)
      negative = Mul(ones, minus)
      is_free = Equal(asked, negative)
      sizes = Where(is_free, ones, asked)
      y = Expand(u, sizes)
    }"""
    graph = read(model(text), dims={"H": 4}).graph
    assert [node.op_type for node in graph.nodes] == ["Unsqueeze", "Expand"]
    assert graph.tensors["sizes"].values == (1, 1, 9, 1, 1)
    assert graph.tensors["y"].shape == (1, 3, 9, 4, 8)


def test_sizes_computed_in_floats_fold() -> None:
    """Resize to twice the size, by the detour over floats that exporters like."""
    text = """net (float[1,3,H,10] x) => (float[a,b,c,d] y)
    <int64[1] i2 = {2}, int64[1] i4 = {4}, int64[1] i0 = {0}, float two = {2.0}>
    {
      s = Shape(x)
      nc = Slice(s, i0, i2)       hw = Slice(s, i2, i4)
      f = Cast<to=1>(hw)          d = Mul(f, two)
      g = Floor(d)                i = Cast<to=7>(g)
      sizes = Concat<axis=0>(nc, i)
      y = Resize<mode="nearest">(x, , , sizes)
    }"""
    graph = read(model(text), dims={"H": 7}).graph
    assert [node.op_type for node in graph.nodes] == ["Resize"]
    assert graph.tensors["y"].shape == (1, 3, 14, 20)


def test_shape_of_a_part() -> None:
    text = """net (float[2,3,5,7] x) => (float[a,b,c] y) <int64[1] minus = {-1}>
    { s = Shape<start=1, end=-1>(x) t = Concat<axis=0>(s, minus) y = Reshape(x, t) }"""
    assert read(model(text)).graph.tensors["y"].shape == (3, 5, 14)


# Each line: a constant expression over a = [7, -7, 6], b = [2, 2, -4] and f = [0.5, -1.5, 2.5].
EXPRESSIONS = [
    "Add(a, b)", "Sub(a, b)", "Mul(a, b)", "Div(a, b)", "Mod(a, b)", "Mod<fmod=1>(a, b)", "Neg(a)",
    "Abs(a)", "Min(a, b)", "Max(a, b)", "Equal(a, b)", "Greater(a, b)", "LessOrEqual(a, b)", "Floor(f)",
    "Ceil(f)", "Round(f)", "Sqrt(f)", "Cast<to=7>(f)", "Cast<to=1>(a)", "Concat<axis=0>(a, b)",
    "Gather(a, i)", "Slice(a, i, e)", "Slice(a, m, far, z, m)", "Unsqueeze(a, z)", "Squeeze(col, i)",
    "Transpose(col)", "Reshape(a, col_shape)", "ReduceProd(a)", "ReduceSum<keepdims=0>(a)", "ReduceMax(a)",
    "ReduceMin(a)", "Expand(i, e)", "Tile(a, e)", "Range(s0, s9, s2)", "Range(s9, s0, sm)",
    "ConstantOfShape<value=int64[1]{4}>(e)", "Where(t, a, b)", "NonZero(a)", "Flatten<axis=0>(col)",
    "Clip(a, s0, s9)", "Sign(a)", "Pow(a, s2)", "Sum(f, f)", "CumSum(a, s0)", "ArgMax(a)", "Size(col)",
    "Shape(col)", "Split<num_outputs=1>(a)", "Not(t)", "And(t, t)",
]  # fmt: skip
CONSTANTS = {
    "a": np.array([7, -7, 6]), "b": np.array([2, 2, -4]), "f": np.array([0.5, -1.5, 2.5], np.float32),
    "i": np.array([1]), "e": np.array([3]), "m": np.array([-1]), "far": np.array([-99]), "z": np.array([0]),
    "col": np.array([[7], [-7], [6]]), "col_shape": np.array([-1, 1]), "s0": np.array(0), "s9": np.array(9),
    "s2": np.array(2), "sm": np.array(-2), "t": np.array([True, False, True]),
}  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.filterwarnings(
    "ignore:invalid value encountered"
)  # the reference takes the root of -1.5 as well
def test_folding_agrees_with_onnxs_reference_operators(expression: str) -> None:
    """The kernels are ours, so another implementation must give every one of their results."""
    proto = model(f"net () => (int64[n] y) {{ y = {expression} }}", opset=18)
    used = {name for node in proto.graph.node for name in node.input if name}
    proto.graph.initializer.extend(numpy_helper.from_array(CONSTANTS[name], name) for name in sorted(used))
    proto.graph.output[0].type.Clear()
    (expected,) = reference.ReferenceEvaluator(proto).run(None, {})
    proto.graph.node.append(helper.make_node("Identity", ["y"], ["out"]))
    proto.graph.output[0].CopyFrom(helper.make_empty_tensor_value_info("out"))
    graph = read(proto).graph
    found = graph.tensors["y"]
    assert [node.op_type for node in graph.nodes] == ["Identity"]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype.name)
    np.testing.assert_array_equal(np.array(found.values).reshape(found.shape), expected)


class TestConstantSubexpressions:
    def test_a_transformed_weight_is_a_constant(self) -> None:
        text = """net (float[1,64] x) => (float[1,96] y) <float[96,64] w, float s>
        { h = Cast<to=10>(w) t = Transpose(h) f = Cast<to=1>(t) m = Mul(f, s) y = MatMul(x, m) }"""
        proto = model(text)
        proto.graph.initializer.append(numpy_helper.from_array(np.zeros((96, 64), np.float32), "w"))
        proto.graph.initializer.append(numpy_helper.from_array(np.array(3, np.float32), "s"))
        graph = read(proto).graph
        assert [node.op_type for node in graph.nodes] == ["MatMul"]
        weight = graph.tensors["m"]
        assert (weight.is_constant, weight.shape, weight.values) == (True, (64, 96), None)

    def test_a_dequantized_weight_stays_visible(self) -> None:
        text = """net (float[1,64] x) => (float[1,96] y) <float[64,96] w, float s = {0.1}, int8 z = {0}>
        { q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) y = MatMul(x, d) }"""
        proto = model(text)
        proto.graph.initializer.append(numpy_helper.from_array(np.zeros((64, 96), np.float32), "w"))
        graph = read(proto).graph
        assert [node.op_type for node in graph.nodes] == ["DequantizeLinear", "MatMul"]
        assert (graph.tensors["q"].is_constant, graph.tensors["q"].dtype) == (True, "int8")
        assert not graph.tensors["d"].is_constant

    def test_randomness_is_computed_each_time(self) -> None:
        text = "net (float[4] x) => (float[4] y) { r = RandomNormal<shape=[4]>() y = Add(x, r) }"
        assert [node.op_type for node in read(model(text)).graph.nodes] == ["RandomNormal", "Add"]

    def test_a_node_that_writes_an_output_stays(self) -> None:
        text = """net (float[2,3] x) => (int64[2] s, float[n] y) <int64[1] all = {-1}>
        { s = Shape(x) y = Reshape(x, all) }"""
        graph = read(model(text)).graph
        assert [node.op_type for node in graph.nodes] == ["Shape", "Reshape"]

    def test_what_reads_such_an_output_still_folds(self) -> None:
        text = "net (float[2,3] x) => (int64[2] s, float[a,b] y) { s = Shape(x) y = Expand(x, s) }"
        assert read(model(text)).graph.tensors["y"].shape == (2, 3)

    def test_a_constant_output_is_delivered(self) -> None:
        text = """net (float[2] x) => (float[2] y, float[2] c)
        { c = Constant<value_floats=[1.0, 2.0]>() y = Relu(x) }"""
        graph = read(model(text)).graph
        copy = graph.producers["c"]
        assert (copy.op_type, graph.tensors[copy.inputs[0]].values) == ("Identity", (1.0, 2.0))
        assert not graph.tensors["c"].is_constant

    def test_no_bomb_is_ever_filled(self) -> None:
        """A terabyte of zeros stays a shape; one that adds nothing to the output, not even that."""
        size = 2**38
        text = f"""net (float[1] x) => (float[n] y) <int64[1] big = {{{size}}}>
        {{ zeros = ConstantOfShape(big) y = Add(x, zeros) }}"""
        graph = read(model(text)).graph
        zeros = graph.tensors["zeros"]
        assert (zeros.shape, zeros.values, zeros.is_constant) == ((size,), None, True)


def test_constants_in_every_spelling() -> None:
    spellings = {
        "value_int=3": ("int64", (), (3,)),
        "value_ints=[3, 4]": ("int64", (2,), (3, 4)),
        "value_float=0.5": ("float32", (), (0.5,)),
        "value_floats=[0.5]": ("float32", (1,), (0.5,)),
        "value=int32[2]{1, 2}": ("int32", (2,), (1, 2)),
        'value_string="a"': ("string", (), ("a",)),
    }
    for spelling, (dtype, shape, values) in spellings.items():
        text = f"net () => (float[n] c) {{ k = Constant<{spelling}>() c = Identity(k) }}"
        tensor = read(model(text)).graph.tensors["k"]
        assert (tensor.dtype, tensor.shape, tensor.values) == (dtype, shape, values)


def test_a_sparse_constant_has_its_dense_shape() -> None:
    proto = model("net (float[1,6] x) => (float[1,4] y) { y = MatMul(x, w) }")
    values = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    indices = helper.make_tensor("w_indices", TensorProto.INT64, [2], [3, 17])
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [6, 4]))
    tensor = read(proto).graph.tensors["w"]
    assert (tensor.shape, tensor.is_constant, tensor.values) == ((6, 4), True, None)
