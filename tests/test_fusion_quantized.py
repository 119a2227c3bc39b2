"""One integer network, three spellings: a float graph with a declared type, QDQ, and QOperator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from sketch import Sketch

from latencylab import fusion, onnx_reader, zoo
from latencylab.fusion import Match, qoperator
from latencylab.fusion._rewriter import WorkingGraph
from latencylab.graph import Graph, Node, Tensor

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.fusion import Decomposition
    from latencylab.graph import MetaNode

RULES = (
    "qdq",
    "qoperator",
    "dequantize_late",
    "quantized_ends",
    "reshape_transpose_reshape",
    "channel_replicate",
    "conv_bias",
    "saturating_clip",
    "conv_relu",
    "conv_prelu",
)
# Small images: only shapes differ from the real size.
NETWORKS = (
    "abpn_x3",
    "xlsr_x3",
    "espcn_x3",
    "quicksrnet_small_x3",
    "etds_s_x3",
    "fsrcnn_x3",
    "ecbsr_m4c16_x3",
)
CONVERSIONS = {"QuantizeLinear", "DequantizeLinear"}


class OneImage(CalibrationDataReader):
    """Calibrates on a single random image."""

    def __init__(self, model: onnx.ModelProto) -> None:
        (image,) = model.graph.input
        shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
        self.feeds = iter([{image.name: np.random.default_rng(0).random(shape, np.float32)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def quantized(name: str, form: QuantFormat, folder: Path) -> Graph:
    model = zoo.build(f"{name}?height=12&width=16")
    onnx.save(model, folder / "float.onnx")
    quantize_static(
        folder / "float.onnx",
        folder / "quantized.onnx",
        OneImage(model),
        quant_format=form,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return onnx_reader.read(folder / "quantized.onnx").graph


def declared(name: str) -> Graph:
    model = zoo.build(f"{name}?height=12&width=16")
    return fusion.declare_dtype(onnx_reader.read(model).graph, "uint8")


def described(meta: MetaNode) -> tuple[object, ...]:
    """All that decides the latency of a kernel; names and signs of types aside."""
    tensors = [
        [(t.shape, t.size_bytes) for t in group] for group in (meta.inputs, meta.weights, meta.outputs)
    ]
    return meta.kind, meta.work.macs, *tensors


def kernels(graph: Graph) -> Decomposition:
    return fusion.decompose(graph, RULES)


@pytest.mark.parametrize("name", NETWORKS)
def test_qdq_and_declared_are_the_same_kernels(name: str, tmp_path: Path) -> None:
    annotated = kernels(quantized(name, QuantFormat.QDQ, tmp_path)).meta_nodes
    assert {meta.dtype for meta in annotated} == {"uint8"}
    plain = kernels(declared(name)).meta_nodes
    assert sorted(map(described, annotated), key=str) == sorted(map(described, plain), key=str)


@pytest.mark.parametrize("form", list(QuantFormat))
def test_what_was_quantized_and_decomposed_stays_so(form: QuantFormat, tmp_path: Path) -> None:
    once = kernels(quantized("espcn_x3", form, tmp_path))
    again = kernels(once.graph)
    assert again.meta_nodes == once.meta_nodes
    assert not again.steps


# What this quantizer has no integer operator for, beside a last Clip.
ISLANDS = {
    "abpn_x3": {"Clip"},
    "xlsr_x3": {"Clip"},
    "espcn_x3": {"Tanh"},
    "quicksrnet_small_x3": set(),
    "etds_s_x3": set(),
    "fsrcnn_x3": {"PRelu", "ConvTranspose"},
    "ecbsr_m4c16_x3": {"PRelu"},
}


@pytest.mark.parametrize("name", ISLANDS)
def test_qoperator_differs_by_its_float_islands_only(name: str, tmp_path: Path) -> None:
    decomposition = kernels(quantized(name, QuantFormat.QOperator, tmp_path))
    real = [meta for meta in decomposition.meta_nodes if meta.kind not in CONVERSIONS]
    assert {meta.kind for meta in real if meta.dtype == "float32"} == ISLANDS[name]
    ours = sorted((described(meta) for meta in real if meta.dtype == "uint8"), key=str)
    theirs = [meta for meta in kernels(declared(name)).meta_nodes if meta.kind not in ISLANDS[name]]
    if "PRelu" in ISLANDS[name]:  # an island is not fused
        ours, expected = [kernel[:2] for kernel in ours], sorted((m.kind, m.work.macs) for m in theirs)
        assert sorted(ours) == expected
    else:
        assert ours == sorted(map(described, theirs), key=str)


def sandwich(*, ends: bool = True, shared: bool = False) -> Sketch:
    """A convolution between DequantizeLinear and QuantizeLinear, weights and bias dequantized too."""
    sketch = Sketch()
    image = sketch.image(1, 3, 6, 10)
    x = sketch.dequantized(sketch.quantized(image) if ends else image)
    weight = sketch.dequantized(sketch.constant(8, 3, 3, 3, dtype="int8"))
    bias = sketch.dequantized(sketch.constant(8, dtype="int32"))
    y = sketch.op("Conv", x, weight, bias, shape=(1, 8, 6, 10), pads=(1, 1, 1, 1), name="conv")
    y = sketch.op("Relu", y, name="relu")
    if shared:
        sketch.op("Sqrt", y, name="reader")
    sketch.dequantized(sketch.quantized(y))
    return sketch


def test_a_chain_between_the_conversions_runs_in_integers() -> None:
    decomposition = fusion.decompose(sandwich().graph(), ["qdq", "conv_relu"])
    first, conv, last = decomposition.meta_nodes
    assert (first.kind, last.kind) == ("QuantizeLinear", "DequantizeLinear")
    assert (conv.kind, conv.dtype, conv.outputs[0].dtype) == ("Conv", "uint8", "uint8")
    assert [(weight.shape, weight.dtype) for weight in conv.weights] == [
        ((8, 3, 3, 3), "int8"),
        ((8,), "int32"),
    ]
    assert decomposition.graph.tensors["conv.y"].dtype == "uint8"


def test_the_ends_are_integer_images_where_the_device_says_so() -> None:
    decomposition = fusion.decompose(sandwich().graph(), ["qdq", "quantized_ends", "conv_relu"])
    (conv,) = decomposition.meta_nodes
    assert [t.dtype for t in (*conv.inputs, *conv.outputs)] == ["uint8", "uint8"]
    assert decomposition.graph.inputs == (conv.inputs[0].name,)
    assert decomposition.graph.outputs == (conv.outputs[0].name,)
    assert len(conv.nodes) == len(sandwich().nodes)


def test_what_is_read_in_float_too_stays_in_float() -> None:
    decomposition = fusion.decompose(sandwich(shared=True).graph(), ["qdq"])
    relu = next(meta for meta in decomposition.meta_nodes if meta.kind == "Relu")
    assert relu.dtype == "float32"
    assert "Relu relu stays as it is: its output is read in float too" in "; ".join(
        map(str, decomposition.refusals)
    )


def test_a_runtime_without_an_integer_kernel_keeps_a_float_island() -> None:
    sketch = Sketch()
    x = sketch.dequantized(sketch.quantized(sketch.image(1, 3, 6, 10)))
    sketch.quantized(sketch.op("Tanh", x, name="tanh"))
    integer = fusion.decompose(sketch.graph(), ["qdq"]).meta_nodes
    assert [(meta.kind, meta.dtype) for meta in integer] == [("QuantizeLinear", "float32"), ("Tanh", "uint8")]
    island = fusion.decompose(sketch.graph(), ["qdq_onnxruntime"])
    assert [meta.kind for meta in island.meta_nodes] == [
        "QuantizeLinear", "DequantizeLinear", "Tanh", "QuantizeLinear",
    ]  # fmt: skip
    assert "Tanh has no integer kernel here: a float island" in str(island.refusals[0])


def test_a_runtime_whose_integer_kernels_fuse_less() -> None:
    sketch = Sketch()
    y = sketch.op("Add", sketch.conv(sketch.image(1, 3, 6, 10), 8), sketch.image(1, 8, 6, 10, name="skip"))
    sketch.op("LeakyRelu", y)
    rules = ["float_conv_add", "float_conv_activation"]
    (floats,) = fusion.decompose(sketch.graph(), rules).meta_nodes
    assert [step.op_type for step in floats.node.epilogue] == ["Add", "LeakyRelu"]
    integers = fusion.decompose(fusion.declare_dtype(sketch.graph(), "uint8"), rules).meta_nodes
    assert [meta.kind for meta in integers] == ["Conv", "Add", "LeakyRelu"]


def test_onnxruntime_clips_after_a_residual_in_a_kernel_of_its_own() -> None:
    sketch = Sketch()
    y = sketch.op("Add", sketch.conv(sketch.image(1, 3, 6, 10), 8), sketch.image(1, 8, 6, 10, name="skip"))
    sketch.op("Clip", y, sketch.number(0), sketch.number(1))
    decomposition = fusion.decompose(sketch.graph(), ["float_conv_add", "float_conv_activation"])
    assert [meta.kind for meta in decomposition.meta_nodes] == ["Conv", "Clip"]
    assert "conv_0 adds a residual, which no Clip can follow" in str(decomposition.refusals[0])


# What onnxruntime 1.31 runs, layout kernels aside: kinds of the graphs it saved as optimized.
OPTIMIZED = {
    "abpn_x3": ["Concat", "Add", "DequantizeLinear", "DepthToSpace", "Clip"],
    "espcn_x3": [
        *["DequantizeLinear", "Tanh", "QuantizeLinear"] * 2,
        "DepthToSpace",
        "Sigmoid",
        "DequantizeLinear",
    ],
    "etds_s_x3": ["Slice", "DequantizeLinear", "DepthToSpace"],
}


@pytest.mark.parametrize("name", OPTIMIZED)
def test_the_kernels_of_onnxruntime(name: str, tmp_path: Path) -> None:
    rules = ["qdq_onnxruntime", "saturating_clip", "conv_bias", "float_conv_add", "float_conv_activation"]
    metas = fusion.decompose(quantized(name, QuantFormat.QDQ, tmp_path), rules).meta_nodes
    assert metas[0].kind == "QuantizeLinear"
    assert [meta.kind for meta in metas[1:] if meta.kind != "Conv"] == OPTIMIZED[name]


def test_a_dequantized_map_that_two_kernels_read_counts_to_the_one_that_writes_it() -> None:
    sketch = Sketch()
    x = sketch.dequantized(sketch.quantized(sketch.image(1, 3, 6, 10), dtype="uint8"))
    y = sketch.dequantized(sketch.quantized(sketch.op("Relu", x, name="relu")))
    left = sketch.quantized(sketch.op("Tanh", y, name="tanh"))
    right = sketch.quantized(sketch.op("Sigmoid", y, name="sigmoid"))
    metas = fusion.decompose(sketch.graph(left, right), ["qdq"]).meta_nodes
    by_name = {meta.name: meta.op_types for meta in metas}
    assert by_name["relu"] == ("Relu", "QuantizeLinear", "DequantizeLinear")
    assert by_name["tanh"] == ("Tanh", "QuantizeLinear")


def test_two_conversions_in_a_row_requantize() -> None:
    sketch = Sketch()
    x = sketch.dequantized(sketch.image(1, 3, 6, 10, dtype="int8"))
    sketch.quantized(x)
    (meta,) = fusion.decompose(sketch.graph(), ["qdq"]).meta_nodes
    assert (meta.kind, meta.dtype, meta.op_types) == (
        "QuantizeLinear", "int8", ("QuantizeLinear", "DequantizeLinear"),
    )  # fmt: skip


@pytest.mark.parametrize("operator", sorted(qoperator.ANCHORS))
def test_qoperator_nodes_read_data_and_parameters_only(operator: str) -> None:
    """Scales and zero points are the odd ones out: every input that is left is data, weight or bias."""
    settings = {"scale", "point"}
    schema = _SIGNATURES[operator]
    tensors = {name: Tensor(name, (1,), "uint8") for name in (*schema, "y")}
    graph = Graph("one", (Node("n", operator, schema, ("y",)),), tensors, schema, ("y",))
    found = qoperator.match(WorkingGraph(graph), graph.nodes[0])
    assert isinstance(found, Match)
    assert found.node is not None
    assert found.node.inputs == tuple(name for name in schema if name.split("_")[-1] not in settings)
    assert found.node.op_type == operator.removeprefix("QLinear").removesuffix("Integer").replace(
        "QGemm", "Gemm"
    )


def _inputs(*data: str, result: bool = True) -> tuple[str, ...]:
    """Every tensor with its scale and zero point, then those of the result."""
    each = [f"{name}{suffix}" for name in data for suffix in ("", "_scale", "_point")]
    return tuple(each + (["y_scale", "y_point"] if result else []))


# From the operators' documentation: onnx's Operators.md and onnxruntime's ContribOperators.md.
_SIGNATURES = {
    **{f"QLinear{op}": _inputs("a") for op in ("Sigmoid", "LeakyRelu", "Softmax", "AveragePool")},
    **{f"QLinear{op}": _inputs("a", "b") for op in ("Add", "Mul", "MatMul")},
    **{f"QLinear{op}": (*_inputs("a", "b"), "bias") for op in ("Conv", "ConvTranspose")},
    "QLinearGlobalAveragePool": _inputs("a"),
    "QLinearWhere": ("condition", *_inputs("a", "b")),
    "QLinearConcat": ("y_scale", "y_point", *_inputs("a", "b", "c", result=False)),
    "QGemm": (*_inputs("a", "b", result=False), "bias", "y_scale", "y_point"),
    "ConvInteger": ("a", "b", "a_point", "b_point"),
    "MatMulInteger": ("a", "b", "a_point", "b_point"),
}


def test_a_clamp_of_integers_is_saturation() -> None:
    sketch = Sketch()
    x = sketch.depth_to_space(sketch.conv(sketch.image(1, 3, 6, 10), 12), 2)
    sketch.op("Clip", x, sketch.number(0), sketch.number(255))
    graph = sketch.graph()
    floats = fusion.decompose(graph, ["saturating_clip"]).meta_nodes
    assert [meta.kind for meta in floats] == ["Conv", "DepthToSpace", "Clip"]
    integers = fusion.decompose(fusion.declare_dtype(graph, "uint8"), ["saturating_clip"]).meta_nodes
    assert [meta.kind for meta in integers] == ["Conv", "DepthToSpace"]
    assert integers[1].work.arithmetic_ops == 0


def test_what_moves_an_image_has_no_range_to_choose() -> None:
    sketch = Sketch()
    x = sketch.depth_to_space(sketch.image(1, 12, 6, 10, dtype="uint8"), 2)
    sketch.op("Clip", x, sketch.number(0), sketch.number(255))
    decomposition = fusion.decompose(sketch.graph(), ["saturating_clip"])
    assert [meta.kind for meta in decomposition.meta_nodes] == ["DepthToSpace", "Clip"]
    assert "chooses the range" in str(decomposition.refusals[0])


def test_declared_types() -> None:
    sketch = Sketch()
    x = sketch.conv(sketch.image(1, 3, 6, 10), 8)
    x = sketch.op("PRelu", x, sketch.constant(8, 1, 1))
    sketch.op("Clip", x, sketch.number(0), sketch.number(6))
    graph = fusion.declare_dtype(sketch.graph(), "uint8")
    conv, prelu, clip = (graph.inputs_of(node) for node in graph.nodes)
    assert [t.dtype for t in conv if t] == ["uint8", "uint8", "int32"]
    assert [t.dtype for t in prelu if t] == ["uint8", "uint8"]
    assert [t.dtype for t in clip if t] == ["uint8", "float32", "float32"]
    halves = fusion.declare_dtype(sketch.graph(), "float16")
    assert {t.dtype for t in halves.tensors.values() if t.elements > 1} == {"float16"}


def test_a_quantized_graph_says_itself_what_it_is() -> None:
    graph = sandwich().graph()
    assert fusion.declare_dtype(graph, "int8") is graph


def test_bodies_are_declared_too() -> None:
    inner = Sketch()
    inner.op("Relu", inner.image(1, 3, 6, 10))
    outer = Sketch()
    outer.op("Loop", outer.image(1, 3, 6, 10), body=inner.graph())
    (loop,) = fusion.declare_dtype(outer.graph(), "uint8").nodes
    assert {tensor.dtype for tensor in loop.attributes["body"].tensors.values()} == {"uint8"}
