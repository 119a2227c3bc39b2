"""Whatever is handed to the reader, the answer is a graph or one line that says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx_text import model

from latencylab.errors import DynamicShapeError, InputFileError, LatencyLabError, ModelError
from latencylab.onnx_reader import read

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = "\x1b[31m<script>alert(1)</script>\n\0\u202e" + "x" * 10_000


def conv(*, kernel: int = 3, size: int = 8, opset: int = 17) -> ModelProto:
    text = f"net (float[1,3,{size},{size}] x) => (float[a,b,c,d] y) {{ c = Conv(x, w) y = Relu(c) }}"
    proto = model(text, opset=opset)
    weights = np.full((4, 3, kernel, kernel), 0.5, np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    return proto


def with_dims(*dims: int | str) -> ModelProto:
    proto = conv()
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, dims))
    return proto


def refusal(source: Path | bytes | ModelProto, kind: type[LatencyLabError] = ModelError) -> str:
    """The one line with which a source is refused."""
    with pytest.raises(kind) as error:
        read(source)
    text = str(error.value)
    assert text.isprintable(), text
    assert len(text) < 500, text
    assert error.value.exit_code == (3 if issubclass(kind, ModelError) else 2)
    return text


class TestPaths:
    def test_missing(self, tmp_path: Path) -> None:
        assert "no_such.onnx: No such file" in refusal(tmp_path / "no_such.onnx", InputFileError)

    def test_directory(self, tmp_path: Path) -> None:
        assert "Is a directory" in refusal(tmp_path, InputFileError)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_unreadable(self, tmp_path: Path) -> None:
        path = tmp_path / "locked.onnx"
        path.touch(mode=0)
        assert "Permission denied" in refusal(path, InputFileError)

    def test_what_is_no_file_is_not_read_for_ever(self) -> None:
        assert "not a file" in refusal(Path("/dev/zero"), InputFileError)

    def test_names_no_file_can_have(self) -> None:
        assert "cannot read" in refusal(Path("\0"), InputFileError)
        assert "cannot read" in refusal(Path(HOSTILE.replace("\0", "")), InputFileError)


class TestBytes:
    @pytest.mark.parametrize(
        "junk", [b"GIF89a\x01\x00", b"<html></html>", b"PK\x03\x04" * 50, b"\xff" * 64, b"{}"]
    )
    def test_not_onnx(self, junk: bytes) -> None:
        assert "is not an ONNX model" in refusal(junk)

    def test_empty(self, tmp_path: Path) -> None:
        assert refusal(b"") == "the model is empty"
        (tmp_path / "m.onnx").touch()
        assert "m.onnx is empty" in refusal(tmp_path / "m.onnx")

    def test_cut_short_anywhere(self) -> None:
        data = conv().SerializeToString()
        for length in range(0, len(data), 7):
            refusal(data[:length])

    def test_a_message_that_is_no_model(self) -> None:
        assert "holds no graph" in refusal(ModelProto(producer_name="x").SerializeToString())

    def test_nesting_beyond_what_protobuf_parses(self) -> None:
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
        data = graph.SerializeToString()
        for _ in range(60):  # each level wraps graph in attribute in node in graph
            for tag in (6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2):
                data = bytes([tag]) + _varint(len(data)) + data
        refusal(bytes([7 << 3 | 2]) + _varint(len(data)) + data)


class TestWiring:
    def test_no_nodes(self) -> None:
        proto = conv()
        del proto.graph.node[:]
        assert refusal(proto) == "the graph is empty: it has no nodes"

    def test_no_outputs(self) -> None:
        proto = conv()
        del proto.graph.output[:]
        assert refusal(proto) == "the graph has no outputs"

    def test_an_output_nobody_writes(self) -> None:
        proto = conv()
        proto.graph.output[0].name = "z"
        assert refusal(proto) == "nothing produces the graph's output 'z'"

    def test_a_missing_initializer(self) -> None:
        proto = conv()
        del proto.graph.initializer[:]
        assert refusal(proto) == "Conv node 'c' reads 'w', which nothing produces"

    def test_cycles(self) -> None:
        text = "net (float[4] x) => (float[4] y) { [one] a = Add(x, b) [two] b = Relu(a) y = Abs(b) }"
        assert "a cycle through 'one', 'two'" in refusal(model(text))
        itself = "net (float[4] x) => (float[4] y) { y = Add(x, y) }"
        assert "a cycle through" in refusal(model(itself))

    def test_a_name_written_twice(self) -> None:
        twice = "net (float[4] x) => (float[4] y) { y = Relu(x) y = Abs(x) }"
        assert refusal(model(twice)) == "Abs node 'y' writes 'y', which is already written"
        over_input = "net (float[4] x) => (float[4] y) { x = Relu(x) y = Abs(x) }"
        assert "already written" in refusal(model(over_input))

    def test_two_inputs_or_two_constants_of_one_name(self) -> None:
        proto = conv()
        proto.graph.input.append(proto.graph.input[0])
        assert "two inputs of one name" in refusal(proto)
        proto = conv()
        proto.graph.initializer.append(proto.graph.initializer[0])
        assert "stores two constants under one name" in refusal(proto)


class TestShapes:
    def test_an_empty_image(self) -> None:
        assert (
            "input 'x' has an empty dimension in 1x3x0x8: give it a size with --shape x=1,3,1,8"
            in refusal(with_dims(1, 3, 0, 8))
        )

    def test_a_negative_dimension_is_a_free_one(self) -> None:
        assert "unbound dimensions in x[1,3,?,8]" in refusal(with_dims(1, 3, -5, 8), DynamicShapeError)

    @pytest.mark.parametrize(
        ("shape", "pasted"),
        [
            (("batch", 3, "height", "width"), "--dim batch=1 --dim height=360 --dim width=640"),
            (("unk__12", 360, 640, 3), "--dim unk__12=1"),
            (("unk__12", "h", "w", 3), "--dim unk__12=1 --dim h=360 --dim w=640"),
            (("n", "tokens"), "--dim n=1 --dim tokens=1"),
            ((-1, 3, "h", 8), "--shape x=1,3,360,8"),
        ],
    )
    def test_what_is_offered_to_paste_is_one_image(self, shape: tuple[str | int, ...], pasted: str) -> None:
        refused = refusal(with_dims(*shape), DynamicShapeError)
        assert refused.endswith(f"bind them, e.g. {pasted}")

    @pytest.mark.parametrize("size", [2**40, 2**62, 2**63 - 1])
    def test_absurd_sizes(self, size: int) -> None:
        assert "absurdly large" in refusal(with_dims(1, 3, size, size))

    def test_sizes_that_overflow_on_the_way(self) -> None:
        text = """net (float[3,8] x) => (float[a,b] y) <int64[2] r = {1, 4611686018427387904}>
        { y = Tile(x, r) }"""
        assert "Tile node 'y' does not fit its inputs (3x8, 2): Integer overflow" in refusal(model(text))
        constant = TensorProto(name="w", data_type=1, dims=[2**60, 2**60])
        proto = conv()
        proto.graph.initializer[0].CopyFrom(constant)
        assert "absurdly large" in refusal(proto)

    def test_a_negative_constant(self) -> None:
        proto = conv()
        proto.graph.initializer[0].CopyFrom(TensorProto(name="w", data_type=1, dims=[4, -3, 3, 3]))
        assert "tensor 'w' has the impossible shape 4x-3x3x3" in refusal(proto)

    def test_a_kernel_larger_than_its_image(self) -> None:
        assert "Conv node 'c': its output 1x4x0x0 is empty" in refusal(conv(kernel=9, size=8))
        assert "tensor 'c' has the impossible shape 1x4x-2x-2" in refusal(conv(kernel=11, size=8))

    def test_channels_that_do_not_fit(self) -> None:
        line = refusal(model("net (float[1,3] x, float[4,5] w) => (float[a,b] y) { y = MatMul(x, w) }"))
        assert line.startswith("MatMul node 'y' does not fit its inputs (1x3, 4x5): Incompatible dimensions")

    def test_an_operator_called_wrongly(self) -> None:
        line = refusal(model("net (float[1,3] x) => (float[a,b] y) { y = Concat(x, x) }"))
        assert (
            "Concat node 'y' does not fit its inputs (1x3, 1x3): Required attribute 'axis' is missing" in line
        )

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            ("Conv(x, five)", "the weight is for 5 input channels, not 4"),
            ("Conv<group=2>(x, one)", "the weight is for 2 input channels, not 4"),
            ("Conv<group=4>(x, one)", "6 channels do not divide into 4 groups"),
            ("Conv<group=0>(x, four)", "group is 0"),
            ("Conv<kernel_shape=[5,5]>(x, four)", "kernel_shape is 5x5, the weight's 3x3"),
            ("Conv(x, four, v5)", "the bias is not one number for each of 6 channels"),
            ("ConvTranspose(x, four)", "the weight is for 6 input channels, not 4"),
            ("DepthToSpace<blocksize=3>(x)", "its channels are no multiple of 3 x 3"),
            ("SpaceToDepth<blocksize=5>(x)", "its height and width are no multiples of 5"),
            ("PRelu(x, v5)", "the slope 5 does not fit 1x4x8x8"),
            ("InstanceNormalization(x, v5, v5)", "not one number for each of 4 channels"),
            ("Transpose<perm=[1,0]>(x)", "perm has 2 entries for 4 dimensions"),
            ("Gemm(a, b, v5)", "the bias 5 does not fit 2x3"),
            ("Gemm<transA=1, transB=1>(b, a, v5)", "the bias 5 does not fit 3x2"),
        ],
    )
    def test_shapes_that_contradict_each_other_although_onnx_lets_them_pass(
        self, call: str, reason: str
    ) -> None:
        text = f"""net (float[1,4,8,8] x, float[6,5,3,3] five, float[6,4,3,3] four, float[6,1,3,3] one,
        float[5] v5, float[2,7] a, float[7,3] b) => (float y) {{ y = {call} }}"""
        assert reason in refusal(model(text))

    @pytest.mark.parametrize(
        "call",
        [
            *("Conv(x, four, v6)", "Conv<group=4>(x, depthwise)", "Conv<kernel_shape=[3,3]>(x, four)"),
            *("ConvTranspose<group=2>(x, half, v6)", "DepthToSpace<blocksize=2>(x)", "PRelu(x, slope)"),
            *("SpaceToDepth<blocksize=4>(x)", "InstanceNormalization(x, v4, v4)", "Gemm(a, b, column)"),
        ],
    )
    def test_shapes_that_fit(self, call: str) -> None:
        text = f"""net (float[1,4,8,8] x, float[6,4,3,3] four, float[4,1,3,3] depthwise, float[4,3,3,3] half,
        float[4] v4, float[6] v6, float[4,1,1] slope, float[2,7] a, float[7,3] b, float[2,1] column)
        => (float y) {{ y = {call} }}"""
        assert len(read(model(text)).graph.nodes) == 1

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            ("LayerNormalization<axis=2147483648>(x, w)", "axis 2147483648 is out of range"),
            ("GatherND<batch_dims=-5>(x, i)", "batch_dims is negative"),
            ("Split<num_outputs=2>(x)", "num_outputs is not 1"),
        ],
    )
    def test_calls_that_would_end_the_process_inside_onnx(self, call: str, reason: str) -> None:
        text = f"net (float[4,3] x, float[3] w, int64[1,1] i) => (float[a,b] y) {{ y = {call} }}"
        assert reason in refusal(model(text, opset=18))

    def test_a_constant_whose_bytes_do_not_fit_its_shape_is_a_constant_without_content(self) -> None:
        proto = model("net (float[1,3] x) => (float[a,b] y) { y = Add(x, b) }")
        proto.graph.initializer.append(TensorProto(name="b", data_type=1, dims=[3], raw_data=b"\0" * 7))
        assert read(proto).graph.tensors["b"].values is None

    def test_not_a_number_is_a_value_like_any_other(self) -> None:
        text = "net (float[1,3] x) => (float[a,b] y) { y = LeakyRelu(x) }"
        proto = model(text)
        proto.graph.node[0].attribute.append(helper.make_attribute("alpha", float("nan")))
        assert read(proto).graph.tensors["y"].shape == (1, 3)
        scales = (
            "net (float[1,1,4,4] x) => (float[a,b,c,d] y) <float[4] s = {1, 1, 2, 2}> { y = Resize(x, , s) }"
        )
        proto = model(scales)
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full(4, np.nan, np.float32), "s"))
        refusal(proto)


class TestVersions:
    @pytest.mark.parametrize("opset", [1, 5])
    def test_too_old(self, opset: int) -> None:
        assert f"opset {opset} is older than 6" in refusal(conv(opset=opset))

    @pytest.mark.parametrize("opset", [1000, 2**40])
    def test_too_new(self, opset: int) -> None:
        assert f"opset {opset} is newer than" in refusal(conv(opset=opset))

    def test_none(self) -> None:
        proto = conv()
        del proto.opset_import[:]
        assert "does not say which opset of ai.onnx it uses" in refusal(proto)

    def test_the_long_name_of_the_default_domain_is_fine(self) -> None:
        proto = conv()
        proto.opset_import[0].domain = "ai.onnx"
        for node in proto.graph.node:
            node.domain = "ai.onnx"
        assert read(proto) != read(conv())  # other bytes, other hash
        assert read(proto).graph == read(conv()).graph


class TestHostileNames:
    def test_they_pass_through_a_sound_graph_unchanged(self) -> None:
        proto = conv()
        proto.graph.node[0].name = HOSTILE
        proto.graph.node[0].output[0] = proto.graph.node[1].input[0] = HOSTILE
        graph = read(proto).graph
        assert graph.nodes[0].name == HOSTILE
        assert HOSTILE in graph.tensors

    def test_no_error_repeats_them(self) -> None:
        """refusal() asserts a single short printable line each time."""
        for spoil in (
            lambda g: g.node[0].input.__setitem__(0, HOSTILE),
            lambda g: g.node[0].__setattr__("op_type", HOSTILE),
            lambda g: g.node[0].__setattr__("domain", HOSTILE),
            lambda g: g.output[0].__setattr__("name", HOSTILE),
            lambda g: g.input[0].CopyFrom(helper.make_tensor_value_info(HOSTILE, 1, [1, 3, 0, 8])),
            lambda g: g.input[0].CopyFrom(helper.make_tensor_value_info(HOSTILE, 1, [1, 3, 2**62, 8])),
            lambda g: g.input[0].CopyFrom(helper.make_tensor_value_info(HOSTILE, 1, [1, 3, HOSTILE, None])),
        ):
            proto = conv()
            spoil(proto.graph)
            with pytest.raises(ModelError) as error:
                read(proto)
            refusal(proto, type(error.value))

    def test_names_that_are_not_text(self) -> None:
        data = model(
            "net (float[1,3] x) => (float[a,b] y) { qqqqqqqq = Relu(x) y = Abs(qqqqqqqq) }"
        ).SerializeToString()
        assert "is not UTF-8 text" in refusal(data.replace(b"qqqqqqqq", b"\xff\xfe\xff\xfeqqqq"))


def test_a_chain_of_ten_thousand_nodes_is_just_long() -> None:
    nodes = [helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"]) for i in range(10_000)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("t0", "t10000")]
    graph = helper.make_graph(
        nodes[::-1], "chain", ends[:1], ends[1:]
    )  # backwards, so that it must be sorted
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert len(read(proto).graph.nodes) == 10_000


OWN = ', "own" : 1'
SEEDS: Sequence[bytes] = tuple(
    proto.SerializeToString()
    for proto in (
        conv(),
        model("net (float[1,27,H,8] x) => (float[a,b] y) <int64[2] s = {0, -1}> { y = Reshape(x, s) }"),
        model("""net (float[1,8] x, bool c) => (float[a,b] y) { y = If (c) <then_branch = t () => (float[n] t)
              { t = Relu(x) }, else_branch = e () => (float[n] e) { e = Abs(x) }> }"""),
        model("""net (float[1,8] x) => (float[a,b] y) { y = own.f(x) }
              <domain: "own", opset_import: ["" : 17]> f (a) => (b) { b = Relu(a) }""", imports=OWN),
    )
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A small model with some bytes changed, put in or taken out."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        if draw(st.booleans()):
            data[place] = draw(st.integers(0, 255))
        else:
            data[place : place + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
        if not data:
            break
    return bytes(data)


@given(mutated())
@example(b"")
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_models_are_read_or_refused(data: bytes) -> None:
    assert _outcome(data).isprintable()


def _outcome(data: bytes) -> str:
    try:
        return f"{len(read(data).graph.nodes)} nodes"
    except LatencyLabError as error:
        return str(error)


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read(data)


def _varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
