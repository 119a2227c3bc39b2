"""Vector operations, counted by hand for one element and for the axes that matter."""

from __future__ import annotations

import pytest
from operator_calls import scalar, tensor, work

from latencylab import ops
from latencylab.errors import ModelError
from latencylab.graph import Node
from latencylab.work import Work

X = (2, 3, 4, 5)
ELEMENTS = 120


def arithmetic(count: int) -> Work:
    return Work(arithmetic_ops=count)


@pytest.mark.parametrize(
    ("op_type", "unit"),
    [
        ("Relu", arithmetic(1)),
        ("LeakyRelu", arithmetic(2)),
        ("PRelu", arithmetic(2)),
        ("HardSigmoid", arithmetic(4)),
        ("HardSwish", arithmetic(5)),
        ("Sigmoid", Work(transcendental_ops=1)),
        ("Tanh", Work(transcendental_ops=1)),
        ("Mish", Work(arithmetic_ops=2, transcendental_ops=3)),
        ("Gelu", Work(arithmetic_ops=4, transcendental_ops=1)),
        ("Swish", Work(arithmetic_ops=1, transcendental_ops=1)),
        ("Softmax", Work(arithmetic_ops=3, transcendental_ops=1, division_ops=1)),
        ("BatchNormalization", arithmetic(2)),
        ("Sqrt", Work(division_ops=1)),
        ("Exp", Work(transcendental_ops=1)),
        ("Sign", arithmetic(1)),
        ("Cast", arithmetic(1)),
        ("Transpose", Work(move_ops=1)),
        ("DepthToSpace", Work(move_ops=1)),
        ("ChannelReplicate", Work(move_ops=1)),
    ],
)
def test_operations_an_element(op_type: str, unit: Work) -> None:
    assert work(op_type, [X], [X]) == unit * ELEMENTS


def test_elementwise_counts_the_broadcast_output() -> None:
    assert work("Add", [(1, 3, 1, 1), (2, 1, 4, 5)], [X]) == arithmetic(ELEMENTS)
    assert work("Div", [X, ()], [X]) == Work(division_ops=ELEMENTS)
    assert work("QLinearAdd", [X, (), (), X, (), (), (), ()], [X], "com.microsoft") == arithmetic(ELEMENTS)


def test_variadic_operators_count_one_less_than_their_inputs() -> None:
    assert work("Max", [X, X, X], [X]) == arithmetic(2 * ELEMENTS)
    assert work("Sum", [X], [X]) == Work(move_ops=ELEMENTS)
    assert work("Mean", [X, X, X], [X]) == arithmetic(3 * ELEMENTS)


@pytest.mark.parametrize(
    ("exponent", "unit"),
    [
        (2.0, arithmetic(1)),
        (3, arithmetic(2)),
        (0.5, Work(division_ops=1)),
        (-1.0, Work(division_ops=1)),
        (1.7, Work(transcendental_ops=1)),
    ],
)
def test_a_known_exponent_spares_the_power(exponent: float, unit: Work) -> None:
    assert work("Pow", [X, scalar("e", exponent)], [X]) == unit * ELEMENTS
    assert work("Pow", [X, ()], [X]) == Work(transcendental_ops=ELEMENTS)


def test_clip_counts_the_bounds_it_has() -> None:
    assert work("Clip", [X, (), ()], [X]) == arithmetic(2 * ELEMENTS)
    assert work("Clip", [X, None, ()], [X]) == arithmetic(ELEMENTS)
    assert work("Clip", [X], [X]) == Work(move_ops=ELEMENTS)


def test_activations_with_options() -> None:
    assert (
        work("Gelu", [X], [X], approximate="tanh") == Work(arithmetic_ops=8, transcendental_ops=1) * ELEMENTS
    )
    assert work("Swish", [X], [X], alpha=1.702).arithmetic_ops == 2 * ELEMENTS
    assert work("SwiGLU", [X, X], [X]) == Work(arithmetic_ops=2, transcendental_ops=1) * ELEMENTS
    assert work("FastGelu", [X, (5,)], [X], "com.microsoft").arithmetic_ops == 9 * ELEMENTS


@pytest.mark.parametrize(
    ("op_type", "expected"),
    [
        ("ReduceSum", arithmetic(120)),
        ("ReduceMax", arithmetic(120)),
        ("ReduceMean", arithmetic(120 + 6)),
        ("GlobalAveragePool", arithmetic(120 + 6)),
        ("ReduceL1", arithmetic(240)),
        ("ReduceL2", Work(arithmetic_ops=240, division_ops=6)),
        ("ReduceLogSum", Work(arithmetic_ops=120, transcendental_ops=6)),
        ("ReduceLogSumExp", Work(arithmetic_ops=360 + 6, transcendental_ops=120 + 6)),
        ("StdAttention", Work(arithmetic_ops=480 + 18, division_ops=6)),
        ("ArgMax", arithmetic(120)),
    ],
)
def test_reductions_count_what_they_read(op_type: str, expected: Work) -> None:
    assert work(op_type, [X], [(2, 3, 1, 1)]) == expected


def test_std_attention_equals_the_graph_it_stands_for() -> None:
    # Mean; x - mean; its square; mean of that; root; + mean: nodes as an export writes them.
    one = (2, 3, 1, 1)
    mean, root = work("ReduceMean", [X], [one]), work("Sqrt", [one], [one])
    spelled = mean + work("Sub", [X, one], [X]) + work("Mul", [X, X], [X]) + mean + root
    assert work("StdAttention", [X], [one]) == spelled + work("Add", [one, one], [one])


def test_pooling_counts_its_window() -> None:
    y = (1, 8, 4, 4)
    assert work("MaxPool", [(1, 8, 8, 8)], [y], kernel_shape=(3, 3)) == arithmetic(128 * 9)
    assert work("MaxPool", [(1, 8, 8, 8)], [y, y], kernel_shape=(3, 3)) == arithmetic(128 * 9)
    assert work("AveragePool", [(1, 8, 8, 8)], [y], kernel_shape=(2, 2)) == arithmetic(128 * 5)
    assert work("LpPool", [(1, 8, 8, 8)], [y], kernel_shape=(2, 2)) == Work(
        arithmetic_ops=128 * 8, division_ops=128
    )
    one = work("GlobalLpPool", [(1, 8, 8, 8)], [(1, 8, 1, 1)], p=1)
    assert one == work("ReduceL1", [(1, 8, 8, 8)], [(1, 8, 1, 1)])


def test_regions_of_interest() -> None:
    # Fixed sampling: four bilinear samples an output element, each 8 operations.
    found = work("RoiAlign", [(1, 2, 16, 16), (5, 4), (5,)], [(5, 2, 7, 7)], sampling_ratio=2)
    assert found == arithmetic(5 * 2 * 49 * 4 * 8)
    adaptive = work("RoiAlign", [(1, 2, 16, 16), (5, 4), (5,)], [(5, 2, 8, 8)])
    assert adaptive == arithmetic(5 * 2 * 64 * 2 * 2 * 8)
    assert work("MaxRoiPool", [(1, 2, 16, 16), (5, 5)], [(5, 2, 4, 4)]) == arithmetic(5 * 2 * 256)


SMALL, LARGE = (1, 3, 360, 640), (1, 3, 1080, 1920)


@pytest.mark.parametrize(("mode", "taps"), [("linear", 4), ("cubic", 16)])
def test_resize_weighs_taps(mode: str, taps: int) -> None:
    assert work("Resize", [SMALL], [LARGE], mode=mode) == arithmetic((2 * taps - 1) * 3 * 1080 * 1920)


def test_resize_moves_or_weighs_only_what_changes() -> None:
    assert work("Resize", [SMALL], [LARGE], mode="nearest") == Work(move_ops=3 * 1080 * 1920)
    assert work("Resize", [SMALL], [LARGE]) == Work(move_ops=3 * 1080 * 1920)
    assert work("Resize", [SMALL], [SMALL], mode="cubic") == Work(move_ops=3 * 360 * 640)
    wide = (1, 3, 360, 1280)
    assert work("Resize", [SMALL], [wide], mode="linear") == arithmetic(3 * 3 * 360 * 1280)
    # An antialiased third reads three times as many taps along each axis.
    smaller = work("Resize", [LARGE], [SMALL], mode="linear", antialias=1)
    assert smaller == arithmetic((2 * 36 - 1) * 3 * 360 * 640)


def test_grid_sample() -> None:
    grid, out = (1, 6, 7, 2), (1, 3, 6, 7)
    found = work("GridSample", [(1, 3, 8, 8), grid], [out], mode="linear")
    assert found == arithmetic(2 * 84 + 7 * 126)
    assert work("GridSample", [(1, 3, 8, 8), grid], [out], mode="nearest").move_ops == 126


def test_normalizations_count_their_passes() -> None:
    # Per element: sum, difference, square, sum, product with 1 / std, scale, shift.
    assert work("LayerNormalization", [(2, 10, 64), (64,), (64,)], [(2, 10, 64)]) == Work(
        arithmetic_ops=7 * 1280 + 3 * 20, division_ops=2 * 20
    )
    assert work("LayerNormalization", [(2, 10, 64), (64,)], [(2, 10, 64)]).arithmetic_ops == 6 * 1280 + 60
    assert work("RMSNormalization", [(2, 10, 64), (64,)], [(2, 10, 64)]).arithmetic_ops == 4 * 1280 + 40
    assert work("InstanceNormalization", [X, (3,), (3,)], [X]) == Work(arithmetic_ops=858, division_ops=12)
    assert work("GroupNormalization", [X, (3,), (3,)], [X], num_groups=1) == Work(
        arithmetic_ops=846, division_ops=4
    )
    whole = work("MeanVarianceNormalization", [X], [X], axes=(0, 2, 3))
    assert whole == Work(arithmetic_ops=5 * 120 + 9, division_ops=6)
    assert work("LRN", [X], [X], size=5).arithmetic_ops == 8 * ELEMENTS


def test_quantization_as_a_kernel_of_its_own() -> None:
    assert work("QuantizeLinear", [X, (), ()], [X]) == arithmetic(5 * ELEMENTS)
    assert work("QuantizeLinear", [X, ()], [X]) == arithmetic(4 * ELEMENTS)
    assert work("DequantizeLinear", [X, (), ()], [X]) == arithmetic(2 * ELEMENTS)
    assert work("DynamicQuantizeLinear", [X], [X, (), ()]) == arithmetic(7 * ELEMENTS)


def test_scatter_moves_and_combines() -> None:
    updates = (2, 3, 4, 1)
    assert work("ScatterElements", [X, updates, updates], [X]) == Work(move_ops=120 + 24)
    added = work("ScatterElements", [X, updates, updates], [X], reduction="add")
    assert added == Work(move_ops=120 + 24, arithmetic_ops=24)
    assert work("TensorScatter", [X, updates], [X]) == Work(move_ops=120 + 24)


def test_searches() -> None:
    # A heap of 8: one comparison with its root and three levels.
    assert work("TopK", [(10, 100), (1,)], [(10, 8), (10, 8)]) == Work(arithmetic_ops=4000, move_ops=160)
    assert work("NonZero", [(10,)], [(1, 4)]) == Work(arithmetic_ops=10, move_ops=4)
    assert work("Unique", [(16,)], [(16,)]) == Work(arithmetic_ops=64, move_ops=16)
    limit = tensor("limit", 1, dtype="int64", is_constant=True, values=(2,))
    boxes = work("NonMaxSuppression", [(1, 8, 4), (1, 3, 8), limit], [(6, 3)])
    assert boxes == Work(arithmetic_ops=3 * (8 * 3 + 12 * 16), division_ops=3 * 16)


def test_fourier_transforms() -> None:
    # 5 n log2 n for n = 16, once a row.
    assert work("DFT", [(3, 16, 2)], [(3, 16, 2)]) == arithmetic(3 * 320)
    window = tensor("w", 16)
    assert work("STFT", [(2, 64, 1), (), window], [(2, 7, 9, 2)]) == arithmetic(14 * (320 + 16))


def test_losses() -> None:
    scores, targets = (8, 10), (8,)
    assert work("NegativeLogLikelihoodLoss", [scores, targets], [()]) == Work(arithmetic_ops=8, move_ops=8)
    entropy = work("SoftmaxCrossEntropyLoss", [scores, targets], [()])
    assert entropy == Work(arithmetic_ops=4 * 80 + 8, transcendental_ops=80, move_ops=8)


def test_classical_models() -> None:
    ml = "ai.onnx.ml"
    linear = work("LinearRegressor", [(5, 3)], [(5, 2)], ml, coefficients=(0.0,) * 6)
    assert linear == Work(macs=30)
    svm = work(
        "SVMRegressor",
        [(5, 3)],
        [(5, 1)],
        ml,
        coefficients=(0.0,) * 4,
        support_vectors=(0.0,) * 12,
        kernel_type="RBF",
    )
    assert svm == Work(macs=5 * (12 + 4), transcendental_ops=20)
    # Two trees of seven nodes: three comparisons to a leaf, and its sum.
    forest = work(
        "TreeEnsembleRegressor",
        [(5, 3)],
        [(5, 1)],
        ml,
        nodes_featureids=(0,) * 14,
        nodes_treeids=(0,) * 7 + (1,) * 7,
    )
    assert forest == arithmetic(5 * 2 * 4)


def test_a_missing_attribute_is_the_models_fault() -> None:
    with pytest.raises(ModelError, match="MaxPool"):
        work("MaxPool", [X], [X])
    with pytest.raises(ModelError, match="TopK"):
        ops.work(Node("n", "TopK", (), (), {}), (), ())
