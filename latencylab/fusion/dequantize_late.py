"""DequantizeLinear, then an operator that moves elements: the other way round, for the values are the same.

Clip and Relu keep to the grid of the quantized values and change places alike, except in a network spelled
with QOperator nodes, where a float Clip is meant as it stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.fusion._match import Exchange, Refusal, renamed
from latencylab.fusion._quantized import DEQUANTIZE, MOVES

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

_CLAMPS: Final = frozenset({"Clip", "Relu"})

ANCHORS = frozenset({DEQUANTIZE})


def match(graph: WorkingGraph, node: Node) -> Exchange | Refusal | None:
    """Let the DequantizeLinear and the only reader of its output change places."""
    source, between = node.inputs[0], node.outputs[0]
    mover, quantized = graph.sole_reader(between), graph.tensors[source]
    if mover is None or quantized.is_constant or not dtypes.is_quantized(quantized.dtype):
        return None
    if mover.op_type not in (MOVES if graph.is_qoperator else MOVES | _CLAMPS):
        return None
    if mover.inputs[0] != between or between in mover.inputs[1:] or len(mover.writes) != 1:
        return None
    if graph.tensors[node.inputs[1]].elements > 1:
        return Refusal("it has a scale a channel", node)
    target = mover.writes[0]
    # The tensor between them takes the shape of the result and keeps the quantized type.
    moved = replace(graph.tensors[target], name=between, dtype=quantized.dtype)
    new_mover = renamed(mover, {between: source, target: between})
    new_node = replace(node, inputs=(between, *node.inputs[1:]), outputs=(target,))
    return Exchange(node, mover, new_mover, new_node, tensors=(moved,))
