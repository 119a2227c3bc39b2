"""The network's images are integers: QuantizeLinear at its input, DequantizeLinear at its output go.

So a compiler for integers deploys a quantized network; a runtime that is handed the file converts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._quantized import DEQUANTIZE, QUANTIZE

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({QUANTIZE, DEQUANTIZE})
_NOTE = "the network's end is an integer image"


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Make the quantized tensor the network's end."""
    source, target = node.inputs[0], node.outputs[0]
    if node.op_type == QUANTIZE and source in graph.given:
        return _input(graph, node, source, target)
    if node.op_type == DEQUANTIZE and target in graph.kept:
        return _output(graph, node, source, target)
    return None


def _input(graph: WorkingGraph, node: Node, source: str, target: str) -> Match | Refusal | None:
    if graph.sole_reader(source) is not node:
        return Refusal(f"{source} is read in float too", node)
    if target in graph.kept or not graph.readers(target):
        return None
    return Match((node,), None, ends=((source, target),), note=_NOTE)


def _output(graph: WorkingGraph, node: Node, source: str, target: str) -> Match | Refusal | None:
    if graph.readers(target) or source in graph.kept:
        return Refusal(f"{target} is read in float too", node)
    if source not in graph.producers:
        return None
    return Match((node,), None, ends=((target, source),), note=_NOTE)
