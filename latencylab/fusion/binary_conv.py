"""Sign, then Conv with weights of -1 and +1, then Mul by a constant a channel: a binary convolution unit.

The convolution is marked `binary_input`, so that its MACs count as binary, and scales as it writes. The Sign
stays a kernel: other layers may read it, and it is where one-bit data begin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal, fused
from latencylab.fusion._reading import follower, is_per_channel, operand

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Conv"})
MARK = "binary_input"


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Mark the convolution, and fuse the scale behind it."""
    sign = graph.producers.get(node.inputs[0])
    if sign is None or sign.op_type != "Sign" or node.attributes.get(MARK):
        return None
    if not graph.tensors[node.inputs[1]].is_sign:
        return Refusal("its weights are not known to be -1 and +1", node)
    marked = replace(node, attributes={**node.attributes, MARK: 1})
    scale = follower(graph, node, "Mul") if not node.epilogue else None
    factor = operand(graph, scale) if scale else None
    if scale and factor and is_per_channel(factor[1], graph.tensors[scale.outputs[0]].shape):
        return Match((node, scale), fused(marked, scale), note="binary")
    return Match((node,), marked, note="binary")
