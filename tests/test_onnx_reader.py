"""Reading a plain network: shapes bound, tensors typed, names unique, nothing kept that computes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx_text import model

from latencylab.errors import DynamicShapeError, LatencyLabError, ModelError, UnknownNameError
from latencylab.onnx_reader import _infer, read

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.graph import Graph

CONV_RELU = """
net (float[N,3,H,W] image) => (float[N,8,H,W] y) <float[8,3,3,3] w> {
   [first] c = Conv<pads=[1,1,1,1], kernel_shape=[3,3]>(image, w)
   y = Relu(c)
}"""


def conv_relu() -> ModelProto:
    proto = model(CONV_RELU)
    weights = np.full((8, 3, 3, 3), 0.5, np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    return proto


def shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in graph.tensors.items()}


def op_types(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


class TestBinding:
    def test_symbols_are_bound_by_name(self) -> None:
        graph = read(conv_relu(), dims={"N": 1, "H": 36, "W": 64}).graph
        assert shapes(graph) == {
            "image": (1, 3, 36, 64),
            "w": (8, 3, 3, 3),
            "c": (1, 8, 36, 64),
            "y": (1, 8, 36, 64),
        }

    def test_a_whole_shape_binds_an_input(self) -> None:
        by_shape = read(conv_relu(), shapes={"image": (1, 3, 36, 64)})
        assert by_shape.graph == read(conv_relu(), dims={"N": 1, "H": 36, "W": 64}).graph

    def test_a_shape_overrides_the_one_in_the_file(self) -> None:
        proto = model("net (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) }")
        assert read(proto, shapes={"x": (1, 3, 36, 64)}).graph.tensors["y"].shape == (1, 3, 36, 64)

    def test_free_dimensions_are_named_with_an_option_to_paste(self) -> None:
        with pytest.raises(DynamicShapeError, match=r"image\[1,3,H,W\].*--dim H=360 --dim W=640"):
            read(conv_relu(), dims={"N": 1})

    def test_a_nameless_free_dimension_asks_for_the_whole_shape(self) -> None:
        proto = model("net (float[1,3,?,?] x) => (float[1,3,?,?] y) { y = Relu(x) }")
        with pytest.raises(DynamicShapeError, match=r"--shape x=1,3,360,640"):
            read(proto)
        proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -1  # another way to write the same
        with pytest.raises(DynamicShapeError, match=r"--shape x=1,3,360,640"):
            read(proto)

    def test_options_that_fit_no_input_name_the_choices(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown input 'imgae'; did you mean 'image'"):
            read(conv_relu(), shapes={"imgae": (1, 3, 36, 64)})
        with pytest.raises(UnknownNameError, match="unknown dimension 'height'; known: H, N, W"):
            read(conv_relu(), dims={"height": 36})
        with pytest.raises(LatencyLabError, match="no input has a named free dimension") as error:
            read(model("net (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) }"), dims={"H": 36})
        assert error.value.exit_code == 2

    def test_a_shape_of_another_rank_is_refused(self) -> None:
        with pytest.raises(LatencyLabError, match=r"'image' has 4 dimensions \(Nx3xHxW\), not 3") as error:
            read(conv_relu(), shapes={"image": (3, 36, 64)})
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("size", [0, -3])
    def test_sizes_must_be_positive(self, size: int) -> None:
        with pytest.raises(LatencyLabError, match="must be positive"):
            read(conv_relu(), dims={"N": size})
        with pytest.raises(LatencyLabError, match="must be positive"):
            read(conv_relu(), shapes={"image": (1, 3, size, 64)})

    @given(st.integers(1, 64), st.integers(3, 512), st.integers(3, 512))
    def test_output_sizes_follow_input_sizes(self, batch: int, height: int, width: int) -> None:
        graph = read(conv_relu(), dims={"N": batch, "H": height, "W": width}).graph
        assert graph.tensors["y"].shape == (batch, 8, height, width)


class TestTensors:
    def test_small_constants_carry_their_values_and_large_ones_do_not(self) -> None:
        graph = read(conv_relu(), dims={"N": 1, "H": 8, "W": 8}).graph
        assert graph.tensors["w"].is_constant
        assert graph.tensors["w"].values is None  # 216 elements
        proto = model("net (float[1,4] x) => (float[1,4] y) <float[4] b = {1.5, 2, 3, 4}> { y = Add(x, b) }")
        assert read(proto).graph.tensors["b"].values == (1.5, 2.0, 3.0, 4.0)

    @pytest.mark.parametrize(("elements", "is_sign"), [((-1, 1), True), ((-1, 0.5), False), ((1, 0), False)])
    def test_binary_weights_are_recognised(self, elements: tuple[float, ...], is_sign: bool) -> None:
        proto = conv_relu()
        weights = np.resize(np.array(elements, np.float32), (8, 3, 3, 3))
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w"))
        assert read(proto, dims={"N": 1, "H": 8, "W": 8}).graph.tensors["w"].is_sign is is_sign

    def test_a_binary_weight_stays_binary_when_it_is_transposed(self) -> None:
        proto = model(
            "net (float[1,4] x) => (float[1,6] y) <float[6,4] w> { t = Transpose(w) y = MatMul(x, t) }"
        )
        proto.graph.initializer.append(numpy_helper.from_array(-np.ones((6, 4), np.float32), "w"))
        graph = read(proto).graph
        assert graph.tensors["t"].is_sign

    def test_element_types_have_the_names_of_the_catalogue(self) -> None:
        proto = model("net (float16[4] x) => (bfloat16[4] y) { d = Cast<to=11>(x) y = Cast<to=16>(d) }")
        dtypes = {name: tensor.dtype for name, tensor in read(proto).graph.tensors.items()}
        assert dtypes == {"x": "float16", "d": "float64", "y": "bfloat16"}

    def test_an_initializer_among_the_inputs_is_a_constant(self) -> None:
        proto = conv_relu()
        proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [8, 3, 3, 3]))
        assert read(proto, dims={"N": 1, "H": 8, "W": 8}).graph.inputs == ("image",)


class TestNames:
    def test_nameless_and_repeated_node_names_become_unique(self) -> None:
        proto = model(
            "net (float[4] x) => (float[4] y) { [a] p = Relu(x) [a] q = Relu(p) r = Relu(q) y = Abs(r) }"
        )
        assert [node.name for node in read(proto).graph.nodes] == ["a", "Relu_1", "Relu_2", "Abs_3"]

    def test_a_made_up_name_does_not_take_one_of_the_file(self) -> None:
        proto = model("net (float[4] x) => (float[4] y) { p = Relu(x) [Relu_0] y = Relu(p) }")
        assert [node.name for node in read(proto).graph.nodes] == ["Relu_0_1", "Relu_0"]

    def test_the_name_is_the_callers_else_the_files(self, tmp_path: Path) -> None:
        path = tmp_path / "espresso.onnx"
        path.write_bytes(model("net (float[4] x) => (float[4] y) { y = Relu(x) }").SerializeToString())
        assert read(path).graph.name == "espresso"
        assert read(path, name="crema").graph.name == "crema"
        assert read(model("net (float[4] x) => (float[4] y) { y = Relu(x) }")).graph.name == "net"


class TestDropping:
    def test_identity_dropout_and_needless_casts_are_passed_over(self) -> None:
        text = """net (float[4] x) => (float[4] y)
        { a = Identity(x) b = Dropout(a) c = Cast<to=1>(b) d = Relu(c) y = Identity(d) }"""
        graph = read(model(text)).graph
        assert [(n.op_type, n.inputs, n.outputs) for n in graph.nodes] == [("Relu", ("x",), ("y",))]

    def test_dropout_stays_where_it_trains_or_its_mask_is_read(self) -> None:
        training = """net (float[4] x) => (float[4] y)
        <float r = {0.5}, bool t = {1}> { d = Dropout(x, r, t) y = Relu(d) }"""
        masked = "net (float[4] x) => (float[4] y, bool[4] m) { d, m = Dropout(x) y = Relu(d) }"
        assert op_types(read(model(training)).graph) == ["Dropout", "Relu"]
        assert op_types(read(model(masked)).graph) == ["Dropout", "Relu"]

    def test_an_identity_that_joins_an_input_to_an_output_stays(self) -> None:
        text = "net (float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Identity(x) }"
        graph = read(model(text)).graph
        assert graph.outputs == ("y", "z")
        assert op_types(graph) == ["Relu", "Identity"]

    def test_one_value_under_two_output_names_is_copied_once(self) -> None:
        text = "net (float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Identity(y) }"
        graph = read(model(text)).graph
        assert [(n.op_type, n.inputs, n.outputs) for n in graph.nodes] == [
            ("Relu", ("x",), ("y",)),
            ("Identity", ("y",), ("z",)),
        ]

    def test_dead_branches_are_dropped_before_they_can_do_harm(self) -> None:
        text = "net (float[4] x) => (float[4] y) { y = Relu(x) dead = NoSuchOperator(x) deader = Relu(dead) }"
        assert op_types(read(model(text)).graph) == ["Relu"]

    def test_an_unsorted_graph_is_sorted(self) -> None:
        text = "net (float[4] x) => (float[4] y) { y = Relu(b) b = Abs(a) a = Neg(x) }"
        assert op_types(read(model(text)).graph) == ["Neg", "Abs", "Relu"]


class TestUnknownOperators:
    TEXT = """net (float[1,3,8,8] x) => (float[1,3,8,8] y)
    <float[1,5,4,4] h> { h = Swizzle.Fold(x) g = Relu(h) y = Swizzle.Unfold(g) }"""
    IMPORTS = ', "Swizzle" : 1'

    def test_declared_shapes_are_taken(self) -> None:
        graph = read(model(self.TEXT, imports=self.IMPORTS)).graph
        assert [(node.domain, node.op_type) for node in graph.nodes] == [
            ("Swizzle", "Fold"),
            ("", "Relu"),
            ("Swizzle", "Unfold"),
        ]
        assert graph.tensors["g"].shape == (1, 5, 4, 4)

    def test_undeclared_ones_are_refused_by_name(self) -> None:
        proto = model(self.TEXT, imports=self.IMPORTS)
        del proto.graph.value_info[:]
        with pytest.raises(ModelError, match="Fold node 'h': unknown operator of domain 'Swizzle'"):
            read(proto)

    def test_shapes_declared_for_another_input_size_do_not_count(self) -> None:
        with pytest.raises(ModelError, match="gives it for other input sizes only"):
            read(model(self.TEXT, imports=self.IMPORTS), shapes={"x": (1, 3, 16, 16)})


class TestDataDependentSizes:
    def test_the_largest_is_assumed_and_said(self) -> None:
        graph = read(model("net (float[4,6] x) => (int64[2,n] y) { y = NonZero(x) }")).graph
        assert graph.tensors["y"].shape == (2, 24)
        assert graph.assumptions == (
            "NonZero node 'y': the size of its output depends on the data; 2x24 is assumed",
        )

    def test_where_nothing_bounds_it_the_node_is_named(self) -> None:
        text = "net (float[4,6] x, int64[2] s) => (float[p,q] y) { r = Reshape(x, s) y = Relu(r) }"
        with pytest.raises(ModelError, match="Reshape node 'r': the shape of 'r' cannot be inferred"):
            read(model(text))


class TestCost:
    def test_reading_is_linear(self) -> None:
        """Ten times the nodes cost ten times the function calls (which no machine can make slower)."""
        few, many = (_calls_to_read(count) for count in (200, 2000))
        assert many < 10.5 * few

    def test_repeated_calls_are_inferred_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from onnx import shape_inference

        asked: Counter[str] = Counter()
        infer = shape_inference.infer_node_outputs

        def counting(schema, node, *args, **kwargs):  # type: ignore[no-untyped-def]
            asked[node.op_type] += 1
            return infer(schema, node, *args, **kwargs)

        monkeypatch.setattr(shape_inference, "infer_node_outputs", counting)
        _infer._answers.cache_clear()
        graph = read(_chain(100)).graph
        assert Counter(op_types(graph)) == {"Relu": 50, "Abs": 50}
        assert asked == {"Relu": 1, "Abs": 1}
        read(_chain(10))
        assert asked == {"Relu": 1, "Abs": 1}, "the next model of these operator sets asks again"

    def test_reading_imports_neither_the_reference_operators_nor_the_inliner(self) -> None:
        """They cost more than a whole estimate."""
        script = (
            "import sys; from latencylab.onnx_reader import read; from onnx import parser;"
            """read(parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>"""
            """ g (float[4] x) => (float[4] y) { y = Relu(x) }'));"""
            "heavy = ('onnx.reference', 'onnx.inliner', 'pandas', 'onnxruntime');"
            "print([name for name in heavy if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


def _chain(count: int) -> ModelProto:
    nodes = [
        helper.make_node("Relu" if i % 2 else "Abs", [f"t{i}" if i else "x"], [f"t{i + 1}"])
        for i in range(count)
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in ("x", f"t{count}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def _calls_to_read(count: int) -> int:
    import cProfile
    import pstats

    proto = _chain(count)
    profile = cProfile.Profile()
    profile.runcall(read, proto)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def test_a_model_in_memory_is_left_as_it_is() -> None:
    proto = conv_relu()
    before = proto.SerializeToString(deterministic=True)
    read(proto, dims={"N": 1, "H": 8, "W": 8})
    assert proto.SerializeToString(deterministic=True) == before
