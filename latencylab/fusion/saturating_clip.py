"""An operator on integers, then Relu or Clip: the range of the result is chosen so that saturation clamps it.

A quantized tensor cannot leave its range, so bounds at its ends cost nothing. Quantizers use this: they take
such an activation out of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import dtypes, ops
from latencylab.fusion._match import Match, Refusal, renamed
from latencylab.fusion._quantized import MOVES, QUANTIZE

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Relu", "Clip"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Let the producer of the input write the clamped tensor."""
    main = graph.producers.get(node.inputs[0])
    if main is None or node.epilogue:
        return None
    if not all(dtypes.is_quantized(graph.tensors[name].dtype) for name in (node.inputs[0], node.outputs[0])):
        return None
    if not _requantizes(graph, main):
        return Refusal(f"no kernel before {main.name} chooses the range for it", node)
    written = renamed(main, {node.inputs[0]: node.outputs[0]})
    return Match((main, node), written, note="saturation clamps: it costs nothing")


def _requantizes(graph: WorkingGraph, node: Node) -> bool:
    """Whether it computes a new range, or moves what an earlier kernel computed for it alone."""
    while node.op_type in MOVES:
        source = graph.producers.get(node.inputs[0])
        if source is None or graph.sole_reader(node.inputs[0]) is not node:
            return False
        node = source
    return node.op_type != QUANTIZE and ops.state(node.op_type, node.domain) != "unpriced"
