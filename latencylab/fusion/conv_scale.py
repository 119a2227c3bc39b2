"""Conv or ConvTranspose, then Mul by a constant a channel: the factor folds into the weights for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._epilogue import CONVOLUTIONS
from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._reading import is_per_channel, operand
from latencylab.fusion.binary_conv import MARK

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Mul"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Fold the factor into the convolution before it."""
    found = operand(graph, node)
    if found is None or not is_per_channel(found[1], graph.tensors[node.outputs[0]].shape):
        return None
    main = graph.producers.get(node.inputs[1 - found[0]])
    if main is None or main.op_type not in CONVOLUTIONS or main.epilogue:
        return None
    if main.attributes.get(MARK):
        return Refusal("a factor cannot fold into binary weights", node)
    note = "folded into the weights: the product costs nothing"
    return Match((main, node), replace(main, outputs=node.outputs), note=note)
