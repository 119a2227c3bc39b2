"""An operator of the QOperator spelling: the plain operator on the integer tensors, scales left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._quantized import scaled_per_channel
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

# Quantized operator -> plain operator and the positions of its inputs among the quantized one's.
PLAIN: Final = {
    "QLinearConv": ("Conv", (0, 3, 8)),
    "QLinearConvTranspose": ("ConvTranspose", (0, 3, 8)),
    "ConvInteger": ("Conv", (0, 1)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "MatMulInteger": ("MatMul", (0, 1)),
    "QGemm": ("Gemm", (0, 3, 6)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
}
# These read a weight and its scale at these positions.
_WEIGHTED: Final = frozenset({"QLinearConv", "QLinearConvTranspose", "QLinearMatMul", "QGemm"})
_WEIGHT, _WEIGHT_SCALE = 3, 4
# Scale and zero point of the result, then (data, scale, zero point) for every tensor joined.
_CONCAT: Final = "QLinearConcat"

ANCHORS = frozenset({*PLAIN, _CONCAT})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Write the plain operator in the node's place."""
    if node.op_type == _CONCAT:
        op_type, inputs = "Concat", node.inputs[2::3]
    else:
        op_type, positions = PLAIN[node.op_type]
        inputs = tuple(node.inputs[index] for index in positions if index < len(node.inputs))
    if node.attributes.get("channels_last") or node.domain.endswith("nhwc"):
        return Refusal("it reads channels last", node)
    plain = Node(node.name, op_type, inputs, node.outputs, node.attributes)
    weight = node.inputs[_WEIGHT : _WEIGHT_SCALE + 1] if node.op_type in _WEIGHTED else ()
    return Match((node,), plain, scaled_per_channel(graph, *weight) if weight else ())
