"""DequantizeLinear, operator, QuantizeLinear: the operator on the quantized tensors themselves.

The conversions of a quantized tensor count to the kernel that writes it; those of constants and of the
network's inputs, to the kernel that reads them. A QuantizeLinear at the network's input and a DequantizeLinear
at its output stay: they convert.

In a network spelled with QOperator nodes (QLinearConv, ...) the conversions left are meant as they stand: the
quantizer put them around operators that run in float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._quantized import QUANTIZE, integer_form

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({QUANTIZE})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Look for an operator, or a short chain, between DequantizeLinear nodes and this QuantizeLinear."""
    found = integer_form(graph, node, lambda _op_type: True)
    if isinstance(found, Match) and graph.is_qoperator:
        return Refusal("a float island among QOperator nodes", found.nodes[-1])
    return found
