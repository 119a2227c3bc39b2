"""Operators that move elements without arithmetic, and those that only rename them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import per_input, per_output, present
from latencylab.ops._registry import MICROSOFT, NCHWC, costs, free
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

_one_move = per_output(move=1)

costs("Transpose", "DepthToSpace", "SpaceToDepth", "LayoutConversion")(_one_move)
# Ours: each channel of an image repeated (a Concat of copies, or Unsqueeze-Expand-Reshape): fusion writes it.
costs("ChannelReplicate")(_one_move)
costs("Concat", "Split", "Slice", "Pad", "Tile", "Expand", "CenterCropPad", "Trilu", "ReverseSequence")(
    _one_move
)
costs("Gather", "GatherElements", "GatherND", "Compress", "EyeLike", "OneHot", "ConstantOfShape")(_one_move)
# The whole input is split; a sequence has no shape of its own to count.
costs("SplitToSequence")(per_input(move=1))
costs("ConcatFromSequence")(_one_move)

costs("QLinearConcat", "Pad", "Trilu", "GatherND", "UnfoldTensor", domain=MICROSOFT)(_one_move)
costs("ReorderInput", "ReorderOutput", domain=NCHWC)(_one_move)

free("Reshape", "Flatten", "Squeeze", "Unsqueeze", why="same elements in the same order under another shape")
free("ExpandDims", why="same elements in the same order under another shape", domain=MICROSOFT)
free("Identity", why="another name for its input")
free("BitCast", why="same bits under another type")
free("Dropout", why="the identity at inference")
free("BiasDropout", "BitmaskDropout", "BitmaskBiasDropout", why="the identity at inference", domain=MICROSOFT)
free("Constant", why="stored in the model")
free("Shape", "Size", why="known before the first inference")


@costs("ScatterElements", "ScatterND", "Scatter", "TensorScatter")
def scatter(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 move an output element and an update; 1 arithmetic an update where a reduction combines them."""
    # TensorScatter(cache, update, write_indices) has its update second, the others third.
    updates = present(inputs, 1 if node.op_type == "TensorScatter" else 2).elements
    combines = node.attributes.get("reduction", "none") != "none"
    return Work(move_ops=outputs[0].elements + updates, arithmetic_ops=combines * updates)


@costs("Col2Im")
def col2im(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """1 arithmetic an input element: overlapping columns add up."""
    return Work(arithmetic_ops=present(inputs, 0).elements)
