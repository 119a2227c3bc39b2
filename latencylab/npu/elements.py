"""Elements that an operator with a measured rate works on: blocks of channels are worked on whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.npu import traffic

if TYPE_CHECKING:
    from latencylab.graph import MetaNode, Tensor


def worked_elements(meta: MetaNode, align: int) -> int:
    """Elements written, channels padded to a multiple of `align`; of a pixel shuffle, those it reads.

    An image is not padded: its few channels lie close together, and neighbouring positions fill a block.
    """
    maps = meta.inputs[:1] if meta.kind == "DepthToSpace" else meta.outputs
    return sum(_padded(tensor, align) for tensor in maps)


def _padded(tensor: Tensor, align: int) -> int:
    if len(tensor.shape) != 4 or traffic.is_narrow(tensor):
        return tensor.elements
    channels = tensor.shape[1]
    return tensor.elements // channels * -(-channels // align) * align
