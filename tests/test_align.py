"""Measured kernels find the nodes they stand for: on graphs onnxruntime wrote, by names and without them."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from test_measurement import MEASUREMENT

from latencylab import onnx_reader, zoo
from latencylab.align import Alignment, Placement, align, group
from latencylab.align.vocabulary import QUANTIZERS, names_behind, pattern_of
from latencylab.graph import Graph, Node, Tensor
from latencylab.measurement import KernelTime, MeasuredTensor, Measurement, OptimizedNode
from latencylab.timing import Policy, Request
from latencylab.timing.session import OnnxruntimeSession
from latencylab.timing.worker import World
from latencylab.timing.worker import measure as work

if TYPE_CHECKING:
    from collections.abc import Iterable

ONCE = Policy(warmups=1, min_runs=1, min_time_s=0.0)
NETWORKS = (
    "abpn_x3",
    "xlsr_x3",
    "espcn_x3",
    "fsrcnn_x3",
    "ecbsr_m4c16_x3",
    "imdn_rtc_x2",
    "rfdn_x2",
    "sesr_m5_y_x2",
    "quicksrnet_small_x3",
    "e2fif_x2",
)
FORMS = ("float", "QDQ", "QOperator")


class OneImage(CalibrationDataReader):  # type: ignore[misc]
    """What the quantizer calibrates on: one random image, once."""

    def __init__(self, model: onnx.ModelProto) -> None:
        (image,) = model.graph.input
        shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
        self.feeds = [{image.name: np.random.default_rng(0).random(shape, np.float32)}]

    def get_next(self) -> dict[str, Any] | None:
        return self.feeds.pop() if self.feeds else None


def quantized(model: onnx.ModelProto, form: str, folder: Path) -> onnx.ModelProto:
    path = folder / "quantized.onnx"
    quantize_static(
        onnx.shape_inference.infer_shapes(model),
        path,
        OneImage(model),
        quant_format=QuantFormat[form],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QUInt8,
    )
    return onnx.load(path)


def run(model: onnx.ModelProto, folder: Path, **changes: Any) -> tuple[Graph, Measurement]:
    """Read a model, and run it once in this process: how long it takes is not looked at."""
    path = folder / "model.onnx"
    onnx.save(model, path)
    world = World(
        OnnxruntimeSession, time.perf_counter_ns, lambda: 1, lambda: False, lambda _phase, _done: None
    )
    request = Request(str(path), "m", "00", policy=ONCE, profile_policy=ONCE)
    return onnx_reader.read(model).graph, work(replace(request, **changes), folder, world)


@cache
def ran(name: str, form: str) -> tuple[Graph, Measurement]:
    with TemporaryDirectory() as folder:
        model = zoo.build(f"{name}?height=24&width=32")
        if form != "float":
            model = quantized(model, form, Path(folder))
        return run(model, Path(folder))


def nameless(measurement: Measurement) -> Measurement:
    """The same measurement where no name but the inputs' survived."""
    inputs = {i.name for i in measurement.inputs}
    new: dict[str, str] = {}

    def renamed(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(n if n in inputs or not n else new.setdefault(n, f"anon{len(new)}") for n in names)

    nodes = tuple(
        replace(node, name=f"k{i}", inputs=renamed(node.inputs), outputs=renamed(node.outputs))
        for i, node in enumerate(measurement.optimized_nodes)
    )
    kernels = tuple(replace(kernel, name=f"k{i}") for i, kernel in enumerate(measurement.kernels))
    return replace(measurement, optimized_nodes=nodes, kernels=kernels)


def unplaced(alignment: Alignment) -> list[str]:
    return [p.kernel.name for p in alignment.placements if p.kind == "unplaced"]


# On graphs that onnxruntime wrote.


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_all_measured_time_has_a_place(name: str, form: str) -> None:
    graph, measurement = ran(name, form)
    alignment = align(graph, measurement)
    assert unplaced(alignment) == []
    assert alignment.coverage == pytest.approx(1)
    assert sum(p.time_ns for p in alignment.placements) == pytest.approx(measurement.median_ns)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_of_the_file_is_computed_by_one_kernel(name: str, form: str) -> None:
    graph, measurement = ran(name, form)
    alignment = align(graph, measurement)
    covered = [node for p in alignment.placements for node in p.nodes if node not in alignment.conversions]
    assert sorted(covered) == sorted(n.name for n in graph.nodes if n.name not in alignment.conversions)
    assert alignment.uncovered == ()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_kernel_covers_its_own_operator_and_little_else(name: str, form: str) -> None:
    graph, measurement = ran(name, form)
    operators = {node.name: node.op_type.removeprefix("QLinear") for node in graph.nodes}
    nodes = {node.name: node for node in measurement.optimized_nodes if node.op_type != "ReorderOutput"}
    for p in align(graph, measurement).placements:
        covered = [operators[node] for node in p.nodes if operators[node] not in QUANTIZERS]
        if p.kind == "compute":
            assert set(covered) & set(pattern_of(nodes[p.kernel.name]).roots)
            assert len(covered) <= 3, "a convolution, a residual Add and an activation at most"
        elif p.kind == "layout":
            assert (p.kernel.op_type in {"ReorderInput", "ReorderOutput", "Transpose"}, p.nodes) == (True, ())
        else:
            assert (p.kernel.op_type in QUANTIZERS, covered) == (True, [])


# XLSR's four branches are twins: without names nobody can tell which is which.
@pytest.mark.parametrize("form", ["float", "QOperator"])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "xlsr_x3"])
def test_structure_alone_says_the_same_as_the_names(name: str, form: str) -> None:
    graph, measurement = ran(name, form)
    named, blind = align(graph, measurement), align(graph, nameless(measurement))

    def computed(alignment: Alignment) -> list[tuple[str, frozenset[str]]]:
        return [(p.kind, frozenset(p.nodes) - alignment.conversions) for p in alignment.placements]

    assert computed(blind) == computed(named)


def test_twins_are_matched_one_to_one_without_names() -> None:
    graph, measurement = ran("xlsr_x3", "float")
    blind = align(graph, nameless(measurement))
    covered = [node for p in blind.placements for node in p.nodes]
    assert sorted(covered) == sorted(node.name for node in graph.nodes)


@pytest.mark.parametrize("optimization", ["disable", "basic", "extended"])
def test_every_level_of_optimization_is_placed(optimization: str, tmp_path: Path) -> None:
    graph, measurement = run(zoo.build("rfdn_x2?height=24&width=32"), tmp_path, optimization=optimization)
    alignment = align(graph, measurement)
    assert (unplaced(alignment), alignment.uncovered) == ([], ())


def test_a_profile_without_the_optimized_graph_is_placed_by_its_names() -> None:
    graph, measurement = ran("imdn_rtc_x2", "float")
    alone = align(graph, replace(measurement, optimized_nodes=()))
    full = align(graph, measurement)
    assert unplaced(alone) == []
    assert [p.nodes[:1] for p in alone.placements] == [p.nodes[:1] for p in full.placements]


def test_casts_around_half_precision_are_type_conversions(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float16), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1] * 4),
        helper.make_node("Sigmoid", ["c"], ["y"], name="act"),
    ]
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT16, [1, c, 16, 16]) for n, c in (("x", 3), ("y", 8))
    ]
    graph = helper.make_graph(nodes, "half", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    alignment = align(*run(model, tmp_path))
    kinds = {p.kernel.op_type: p.kind for p in alignment.placements}
    assert unplaced(alignment) == []
    assert kinds.get("Cast", "quantization") == "quantization"
    assert {node for p in alignment.placements for node in p.nodes} == {"conv", "act"}


# On graphs written by hand.

SHAPE = (1, 8, 4, 4)


def graph_of(*nodes: tuple[str, str, str, str]) -> Graph:
    """Nodes as (name, operator, inputs, output), inputs apart by spaces; x is the input, k* constants."""
    built = tuple(Node(name, op, tuple(inputs.split()), (output,)) for name, op, inputs, output in nodes)
    names = {name for node in built for name in (*node.inputs, *node.outputs)} | {"x"}
    tensors = {name: Tensor(name, SHAPE, "float32", name.startswith("k")) for name in names}
    return Graph("g", built, tensors, ("x",), (built[-1].outputs[0],))


def optimized(*nodes: tuple[str, str, str, str], **attributes: Any) -> Measurement:
    """Kernels that take 100 ns each."""
    built = tuple(OptimizedNode(n, op, "", tuple(i.split()), (o,), attributes) for n, op, i, o in nodes)
    kernels = tuple(
        KernelTime(n.name, n.op_type, i, "CPU", (MeasuredTensor(SHAPE, "float32"),), (100,))
        for i, n in enumerate(built)
    )
    return replace(MEASUREMENT, kernels=kernels, optimized_nodes=built, samples_ns=(1000 * len(built),))


def covers(graph: Graph, measurement: Measurement) -> list[tuple[str, str]]:
    return [(p.kind, " ".join(p.nodes)) for p in align(graph, measurement).placements]


RESIDUAL = graph_of(
    ("a", "Conv", "x k1", "ta"),
    ("r", "Relu", "ta", "tr"),
    ("b", "Conv", "tr k2", "tb"),
    ("s", "Add", "tb tr", "ts"),
)


def test_a_convolution_takes_its_activation_and_its_residual_add() -> None:
    blocked = optimized(
        ("tr_nchwc", "Conv", "x k1", "token_1"),
        ("tb_nchwc", "Conv", "token_1 k2 k3 token_1", "token_2"),
        ("ReorderOutput", "ReorderOutput", "token_2", "ts"),
    )
    assert covers(RESIDUAL, blocked) == [("compute", "a r"), ("compute", "b s"), ("layout", "")]


def test_two_kernels_of_one_name_are_told_apart_by_their_order() -> None:
    twice = optimized(
        ("Conv", "Conv", "x k1", "t1"),
        ("Relu", "Relu", "t1", "t2"),
        ("Conv", "Conv", "t2 k2", "t3"),
        ("s", "Add", "t3 t2", "ts"),
    )
    assert [nodes for _, nodes in covers(RESIDUAL, twice)] == ["a", "r", "b", "s"]


GELU = graph_of(
    ("c", "Conv", "x k1", "tc"),
    ("div", "Div", "tc k2", "t1"),
    ("erf", "Erf", "t1", "t2"),
    ("plus", "Add", "t2 k3", "t3"),
    ("by", "Mul", "tc t3", "t4"),
    ("half", "Mul", "t4 k4", "t5"),
    ("d", "Conv", "t5 k5", "td"),
)


def test_a_fused_activation_covers_all_it_was_made_of() -> None:
    fused = optimized(("x1", "Conv", "x k1", "a1"), ("x2", "Gelu", "a1", "a2"), ("x3", "Conv", "a2 k5", "a3"))
    assert [nodes for _, nodes in covers(GELU, fused)] == ["c", "div erf plus by half", "d"]


def test_an_unknown_fusion_takes_what_lies_between_its_neighbours() -> None:
    fused = optimized(
        ("tc_nchwc", "Conv", "x k1", "tc"), ("?", "Mystery", "tc", "a2"), ("d", "Conv", "a2 k5", "td")
    )
    assert covers(GELU, fused) == [
        ("compute", "c"),
        ("compute", "div erf plus by half"),
        ("compute", "d"),
    ]


def test_what_has_no_place_is_shown_with_its_time() -> None:
    strange = optimized(("a", "Conv", "x k1", "ta"), ("?", "Mystery", "x", "q"), ("r", "Relu", "ta", "tr"))
    alignment = align(graph_of(("a", "Conv", "x k1", "ta"), ("r", "Relu", "ta", "tr")), strange)
    assert [p.kind for p in alignment.placements] == ["compute", "unplaced", "compute"]
    assert alignment.coverage == pytest.approx(2 / 3)
    assert alignment.placements[1].time_ns == pytest.approx(1000)


def test_an_inserted_transpose_is_layout_and_one_of_the_file_is_not() -> None:
    graph = graph_of(("a", "Conv", "x k1", "ta"), ("t", "Transpose", "ta", "tt"))
    turned = replace(graph.nodes[1], attributes={"perm": (0, 1, 3, 2)})
    graph = replace(graph, nodes=(graph.nodes[0], turned))
    measurement = optimized(("Transpose", "Transpose", "x", "x1"), perm=(0, 2, 3, 1))
    kernels = optimized(
        ("a", "QLinearConv", "x1 k1", "ta"), ("t", "Transpose", "ta", "tt"), perm=(0, 1, 3, 2)
    )
    both = replace(
        kernels,
        kernels=measurement.kernels + kernels.kernels,
        optimized_nodes=measurement.optimized_nodes + kernels.optimized_nodes,
    )
    assert covers(graph, both) == [("layout", ""), ("compute", "a"), ("compute", "t")]


def test_suffixes_are_taken_off_one_by_one() -> None:
    assert list(names_behind("t8_bn_nchwc_token_3")) == ["t8_bn_nchwc_token_3", "t8_bn_nchwc", "t8_bn", "t8"]
    assert list(names_behind("")) == []


# Joined with meta-nodes.


def aligned(*placed: tuple[str, str]) -> Alignment:
    """Kernels of 10 ns as (kind, covered nodes); nodes whose name begins with q convert types."""
    placements = tuple(
        Placement(
            KernelTime(f"k{i}", "Op", i, "", (), (10,)), kind, tuple(nodes.split()), 1 / len(placed), 10.0
        )
        for i, (kind, nodes) in enumerate(placed)
    )
    names = frozenset(node for p in placements for node in p.nodes if node.startswith("q"))
    return Alignment(placements, 10.0 * len(placed), (), names)


def joined(alignment: Alignment, *units: str) -> list[tuple[str, tuple[int, ...], tuple[int, ...], float]]:
    return [(g.kind, g.units, g.kernels, g.time_ns) for g in group(alignment, [u.split() for u in units])]


def test_a_meta_node_and_its_kernel_are_one_line() -> None:
    alignment = aligned(("compute", "a r"), ("layout", ""), ("compute", "b"))
    assert joined(alignment, "a r", "b") == [
        ("compute", (0,), (0,), 10),
        ("layout", (), (1,), 10),
        ("compute", (1,), (2,), 10),
    ]


def test_time_is_never_divided() -> None:
    one_kernel = aligned(("compute", "a r b"))
    assert joined(one_kernel, "a r", "b") == [("compute", (0, 1), (0,), 10)]
    one_unit = aligned(("compute", "a"), ("compute", "r"))
    assert joined(one_unit, "a r") == [("compute", (0,), (0, 1), 20)]


def test_conversions_stand_alone_and_join_nothing() -> None:
    alignment = aligned(
        ("quantization", "q0"), ("compute", "q1 a q2"), ("compute", "q2 b"), ("quantization", "q3")
    )
    assert joined(alignment, "q0 a q1", "q2 b", "q3") == [
        ("quantization", (), (0,), 10),
        ("compute", (0,), (1,), 10),
        ("compute", (1,), (2,), 10),
        ("quantization", (2,), (3,), 10),
    ]


def test_units_without_a_kernel_and_kernels_without_a_place_are_kept() -> None:
    alignment = aligned(("unplaced", ""), ("compute", "b"))
    assert joined(alignment, "gone", "b") == [
        ("unplaced", (), (0,), 10),
        ("compute", (1,), (1,), 10),
        ("compute", (0,), (), 0),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_groups_hold_every_unit_and_every_kernel_once(form: str) -> None:
    graph, measurement = ran("imdn_rtc_x2", form)
    alignment = align(graph, measurement)
    units = [[node.name] for node in graph.nodes]
    groups = group(alignment, units)
    assert sorted(u for g in groups for u in g.units) == list(range(len(units)))
    assert sorted(k for g in groups for k in g.kernels) == list(range(len(alignment.placements)))
    assert sum(g.time_ns for g in groups) == pytest.approx(measurement.median_ns)
