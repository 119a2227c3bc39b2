"""As `qdq`, for the operators that onnxruntime's CPU has integer kernels for; others stay float islands.

Source: onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selector_action_transformer.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.fusion._quantized import MOVES, QUANTIZE, integer_form

if TYPE_CHECKING:
    from latencylab.fusion._match import Match, Refusal
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

_KERNELS: Final = MOVES | {
    "Conv",
    "MatMul",
    "Gemm",
    "Add",
    "Mul",
    "Where",
    "Concat",
    "Softmax",
    "Sigmoid",
    "LeakyRelu",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Resize",
    # Not kernels of their own: saturation of the QuantizeLinear behind them does their work.
    "Relu",
    "Clip",
}

ANCHORS = frozenset({QUANTIZE})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Look for such an operator between DequantizeLinear nodes and this QuantizeLinear."""
    return integer_form(graph, node, (MOVES if graph.is_qoperator else _KERNELS).__contains__)
