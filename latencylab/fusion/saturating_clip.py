"""An operator on integers, then Relu or Clip: the range of the result is chosen so that saturation clamps it.

A quantized tensor cannot leave its range, so bounds at its ends cost nothing. Quantizers use this: they take
such an activation out of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import dtypes
from latencylab.fusion._match import Match, Refusal, renamed

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Relu", "Clip"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Let the producer of the input write the clamped tensor."""
    main = graph.producers.get(node.inputs[0])
    types = {graph.tensors[name].dtype for name in (node.inputs[0], node.outputs[0])}
    if main is None or node.epilogue or not all(dtypes.is_quantized(dtype) for dtype in types):
        return None
    if main.op_type == "QuantizeLinear":
        return Refusal(f"{main.name} quantizes an image that has not been clamped", node)
    written = renamed(main, {node.inputs[0]: node.outputs[0]})
    return Match((main, node), written, note="saturation clamps: it costs nothing")
