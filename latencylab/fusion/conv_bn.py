"""Conv or ConvTranspose, then BatchNormalization: scale and shift fold into the weights and cost nothing.

Weights of -1 and +1 cannot take a scale: behind a binary convolution both are applied as it writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._epilogue import CONVOLUTIONS
from latencylab.fusion._match import Match, Refusal, fused
from latencylab.fusion.binary_conv import MARK

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"BatchNormalization"})
_SHIFT = 2


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Fold the normalization into the convolution before it."""
    main = graph.producers.get(node.inputs[0])
    if main is None or main.op_type not in CONVOLUTIONS:
        return None
    if main.attributes.get(MARK):
        return Match(
            (main, node), fused(main, node), note="applied to the accumulator of a binary convolution"
        )
    if main.epilogue:
        return Refusal(f"{main.epilogue[-1].op_type} stands between {main.name} and it", node)
    # The folded convolution has a bias even where the original has none; the shift stands for it.
    inputs = (
        main.inputs if len(main.inputs) > 2 and main.inputs[2] else (*main.inputs[:2], node.inputs[_SHIFT])
    )
    return Match(
        (main, node),
        replace(main, inputs=inputs, outputs=node.outputs[:1]),
        note="folded into the weights: the normalization costs nothing",
    )
