"""DequantizeLinear, operator, QuantizeLinear: the operator on the quantized tensors themselves.

The conversions of a quantized tensor count to the kernel that writes it; those of constants and of the
network's inputs, to the kernel that reads them. A QuantizeLinear at its input and a DequantizeLinear
at its output stay: they convert.

In a network spelled with QOperator nodes (QLinearConv, ...) the conversions left are meant as they stand: the
quantizer put them around operators that run in float. Only what moves elements is the same in any type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._quantized import MOVES, QUANTIZE, integer_form

if TYPE_CHECKING:
    from latencylab.fusion._match import Match, Refusal
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({QUANTIZE})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Look for an operator, or a short chain, between DequantizeLinear nodes and this QuantizeLinear."""
    return integer_form(graph, node, MOVES.__contains__ if graph.is_qoperator else _any)


def _any(_op_type: str) -> bool:
    return True
