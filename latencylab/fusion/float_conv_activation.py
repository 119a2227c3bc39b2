"""Conv or Gemm, then an activation that onnxruntime computes as it writes, in float only.

Behind a residual that the convolution adds, Clip does not join.

Source: onnxruntime/core/optimizer/conv_activation_fusion.cc, gemm_activation_fusion.cc and
conv_add_act_fusion.cc; seen in graphs that onnxruntime 1.31 optimized.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._epilogue import behind, in_float
from latencylab.fusion._match import Match, Refusal

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid"})

_any_activation = in_float(behind(frozenset({"Conv", "Gemm"})))


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Fuse the activation unless a sum stands before it that it cannot follow."""
    found = _any_activation(graph, node)
    if isinstance(found, Match) and found.nodes[0].epilogue and node.op_type == "Clip":
        return Refusal(f"{found.nodes[0].name} adds a residual, which no Clip can follow", node)
    return found
