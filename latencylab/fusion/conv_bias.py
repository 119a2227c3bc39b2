"""Conv or ConvTranspose, then Add of a constant a channel: the constant is the convolution's bias.

MatMul, then Add of a constant along its last axis, is the same for a fully connected layer.
A bias costs nothing: it is the value from which the accumulator starts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._epilogue import CONVOLUTIONS
from latencylab.fusion._match import Match, Refusal, fused
from latencylab.fusion._reading import is_per_channel, operand

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Add"})
_NOTE = "the sum is the bias of the accumulator"


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Fold the Add into the node that computes its other operand."""
    found = operand(graph, node)
    if found is None:
        return None
    index, vector = found
    main = graph.producers.get(node.inputs[1 - index])
    if main is None or main.epilogue:
        return None
    shape = graph.tensors[node.outputs[0]].shape
    if main.op_type in CONVOLUTIONS and is_per_channel(vector, shape):
        return Match((main, node), _with_bias(main, node, vector.name), note=_NOTE)
    if main.op_type == "MatMul" and vector.shape[-1:] == (vector.elements,) == shape[-1:]:
        return Match((main, node), fused(main, node), note=_NOTE)
    return None


def _with_bias(main: Node, add: Node, bias: str) -> Node:
    """Write the bias as third input; where there is one already, the two are summed once and for all."""
    inputs = main.inputs if len(main.inputs) > 2 and main.inputs[2] else (*main.inputs[:2], bias)
    return replace(main, inputs=inputs, outputs=add.outputs)
