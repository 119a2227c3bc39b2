"""Parameter counts by the conventions of the reference networks, and their published totals."""

from __future__ import annotations

from typing import Any

from latencylab import parameters
from latencylab.graph import Graph, Node, Tensor
from latencylab.parameters import ParameterCount


class Network:
    """Collects nodes; constants are declared by shape where they are used."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.tensors = {"x": Tensor("x", (1, 3, 8, 8), "float32")}

    def constant(self, name: str, *shape: int, dtype: str = "float32") -> str:
        self.tensors[name] = Tensor(name, shape, dtype, is_constant=True)
        return name

    def add(self, op_type: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        output = f"y{len(self.nodes)}"
        self.tensors[output] = Tensor(output, (1, 3, 8, 8), "float32")
        self.nodes.append(Node(f"n{len(self.nodes)}", op_type, inputs, (output,), attributes, domain))
        return output

    def conv(self, out: int, into: int, kernel: int, prefix: str = "") -> str:
        stem = f"{prefix}w{len(self.nodes)}"
        weight = self.constant(stem, out, into, kernel, kernel)
        return self.add("Conv", "x", weight, self.constant(f"{stem}.b", out))

    def graph(self) -> Graph:
        return Graph("net", tuple(self.nodes), self.tensors, ("x",), (self.nodes[-1].outputs[0],))

    def count(self) -> ParameterCount:
        return parameters.count(self.graph())


def test_abpn() -> None:
    net = Network()
    for out, into in [(28, 3), *[(28, 28)] * 4, (27, 28), (27, 27)]:
        net.conv(out, into, 3)
    net.add("Clip", "x", net.constant("low"), net.constant("high"))
    assert net.count() == ParameterCount(trainable=42_539, frozen=0)


def test_edsr_keeps_its_mean_shift_apart_and_its_residual_scale_out() -> None:
    net = Network()
    net.conv(3, 3, 1, prefix="frozen.")
    net.conv(256, 3, 3)
    scale = net.constant("residual_scale")
    for _ in range(32):
        net.conv(256, 256, 3)
        net.conv(256, 256, 3)
        net.add("Mul", "x", scale)
    net.conv(256, 256, 3)
    net.conv(2304, 256, 3)
    net.conv(3, 256, 3)
    net.conv(3, 3, 1, prefix="frozen.")
    assert net.count() == ParameterCount(trainable=43_680_003, frozen=24)


def test_wdsr_normalizes_with_written_down_numbers() -> None:
    net = Network()
    net.add("Sub", "x", net.constant("frozen.mean", 1, 3, 1, 1))
    net.add("Div", "x", net.constant("range"))
    net.conv(32, 3, 3)
    for _ in range(16):
        net.conv(128, 32, 3)
        net.conv(32, 128, 3)
    net.conv(12, 32, 3)
    net.conv(12, 3, 5)
    net.add("Mul", "x", "range")
    net.add("Add", "x", "frozen.mean")
    assert net.count() == ParameterCount(trainable=1_187_484, frozen=3)


def test_sesr_counts_its_slopes_and_not_its_shift() -> None:
    net = Network()
    net.add("Sub", "x", net.constant("half"))
    net.add("Conv", "x", net.constant("head", 16, 1, 5, 5))
    for block in range(5):
        net.add("Conv", "x", net.constant(f"w{block}", 16, 16, 3, 3))
        net.add("PRelu", "x", net.constant(f"slope{block}", 16, 1, 1))
    net.add("Conv", "x", net.constant("tail", 4, 16, 5, 5))
    assert net.count() == ParameterCount(trainable=13_600, frozen=0)


def test_a_single_slope_and_a_single_weight_are_learned() -> None:
    net = Network()
    net.add("PRelu", "x", net.constant("slope", 1))
    net.add("Conv", "x", net.constant("w", 1, 1, 1, 1))
    assert net.count().trainable == 2


def test_shared_weights_count_once() -> None:
    net = Network()
    weight = net.constant("w", 128, 128, 3, 3)
    for _ in range(25):
        net.add("Conv", "x", weight)
    assert net.count().trainable == 128 * 128 * 9


def test_running_statistics_do_not_count() -> None:
    net = Network()
    names = [net.constant(name, 64) for name in ("gamma", "beta", "mean", "variance")]
    net.add("BatchNormalization", "x", *names)
    assert net.count().trainable == 128


def test_learned_operands_count_and_index_arithmetic_does_not() -> None:
    net = Network()
    net.add("Mul", "x", net.constant("scale", 1, 64, 1, 1))
    net.add("Add", net.constant("bias", 64), "x")
    net.add("Add", net.constant("offsets", 4, dtype="int64"), "x")
    net.add("Pow", "x", net.constant("exponents", 64))
    net.add("Reshape", "x", net.constant("shape", 4, dtype="int64"))
    net.add("Max", "x", net.constant("bounds", 64))
    assert net.count().trainable == 128


def test_the_two_quantized_spellings_count_as_the_float_network() -> None:
    float_net = Network()
    float_net.conv(8, 3, 3)
    float_net.add("Mul", "x", float_net.constant("scale", 1, 8, 1, 1))

    qdq = Network()
    scale, zero = qdq.constant("s"), qdq.constant("z", dtype="uint8")
    weight = qdq.add("DequantizeLinear", qdq.constant("w", 8, 3, 3, 3, dtype="int8"), scale, zero)
    bias = qdq.add("DequantizeLinear", qdq.constant("b", 8, dtype="int32"), scale, zero)
    qdq.add("Conv", "x", weight, bias)
    factor = qdq.add("DequantizeLinear", qdq.constant("f", 1, 8, 1, 1, dtype="uint8"), scale, zero)
    qdq.add("Mul", "x", factor)
    shift = qdq.add("DequantizeLinear", qdq.constant("half", 1, dtype="uint8"), scale, zero)
    qdq.add("Sub", "x", shift)

    operators = Network()
    scale, zero = operators.constant("s"), operators.constant("z", dtype="uint8")
    weight = operators.constant("w", 8, 3, 3, 3, dtype="int8")
    bias = operators.constant("b", 8, dtype="int32")
    operators.add("QLinearConv", "x", scale, zero, weight, scale, zero, scale, zero, bias)
    factor = operators.constant("f", 1, 8, 1, 1, dtype="uint8")
    operators.add("QLinearMul", "x", scale, zero, factor, scale, zero, scale, zero, domain="com.microsoft")

    assert float_net.count() == qdq.count() == operators.count() == ParameterCount(8 * 27 + 8 + 8, 0)


def test_a_weight_behind_a_view_keeps_its_name() -> None:
    net = Network()
    weight = net.constant("frozen.w", 16, 4)
    net.add("MatMul", "x", net.add("Transpose", weight, perm=(1, 0)))
    net.add("MatMul", "x", weight)
    assert net.count() == ParameterCount(trainable=0, frozen=64)


def test_packed_weights_count_unpacked() -> None:
    net = Network()
    packed = net.constant("w", 32, 1, 8, dtype="uint8")
    net.add("MatMulNBits", "x", packed, net.constant("s", 32), domain="com.microsoft", K=16, N=32, bits=4)
    assert net.count().trainable == 16 * 32


def test_bodies_count_their_own_tensors_and_share_outer_ones() -> None:
    def branch(*shared: str) -> Graph:
        net = Network()
        net.conv(8, 3, 3)
        for name in shared:
            net.add("Conv", "x", net.constant(name, 4, 4, 1, 1))
        return net.graph()

    net = Network()
    net.add("Conv", "x", net.constant("outer", 4, 4, 1, 1))
    net.add("If", "x", then_branch=branch("outer"), else_branch=branch())
    assert net.count().trainable == 16 + 2 * (8 * 27 + 8)
