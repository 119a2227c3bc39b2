"""Reshape, Transpose, Reshape that swaps channels with blocks of pixels: DepthToSpace or SpaceToDepth.

Seen on (N, C, H, W) split as 6-D, or as 5-D without the batch axis, with block r:

    DepthToSpace CRD   (N, c, r, r, H, W)   perm 0, 1, 4, 2, 5, 3
    DepthToSpace DCR   (N, r, r, c, H, W)   perm 0, 3, 4, 1, 5, 2
    SpaceToDepth CRD   (N, c, H, r, W, r)   perm 0, 1, 3, 5, 2, 4
    SpaceToDepth DCR   (N, c, H, r, W, r)   perm 0, 3, 5, 1, 2, 4
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._reading import follower, producer
from latencylab.graph import Node

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph

ANCHORS = frozenset({"Transpose"})

# perm -> (operator, mode, axes of the 6-D split that hold the block: height, width)
_PERMS: Final = {
    (0, 1, 4, 2, 5, 3): ("DepthToSpace", "CRD", 2, 3),
    (0, 3, 4, 1, 5, 2): ("DepthToSpace", "DCR", 1, 2),
    (0, 1, 3, 5, 2, 4): ("SpaceToDepth", "CRD", 3, 5),
    (0, 3, 5, 1, 2, 4): ("SpaceToDepth", "DCR", 3, 5),
}


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Recognise the Transpose in the middle and check the shapes around it."""
    before, after = producer(graph, node, 0, "Reshape"), follower(graph, node, "Reshape")
    split, perm = _six_d(graph.tensors[node.inputs[0]].shape, tuple(node.attributes.get("perm", ())))
    if before is None or after is None or perm not in _PERMS:
        return None
    op_type, mode, height_axis, width_axis = _PERMS[perm]
    block = split[height_axis]
    source, target = graph.tensors[before.inputs[0]].shape, graph.tensors[after.outputs[0]].shape
    if block != split[width_axis]:
        return Refusal(f"blocks of {block}x{split[width_axis]} pixels are not square", node)
    if (source, target) != _ends(op_type, split, perm, block):
        return Refusal(f"{list(source)} to {list(target)} is no {op_type} by {block}", node)
    attributes = {"blocksize": block, "mode": mode}
    written = Node(node.name, op_type, before.inputs[:1], after.outputs, attributes)
    return Match((before, node, after), written)


def _six_d(shape: tuple[int, ...], perm: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give a 5-D split its batch axis back."""
    if len(shape) == 5:
        return (1, *shape), (0, *(axis + 1 for axis in perm))
    return shape, perm


def _ends(
    op_type: str, split: tuple[int, ...], perm: tuple[int, ...], block: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes that the operator reads and writes, given how the chain splits its input."""
    moved = tuple(split[axis] for axis in perm)
    if op_type == "DepthToSpace":
        batch, channels, height, _, width, _ = moved
        small, large = (height, width), (height * block, width * block)
        return (batch, channels * block**2, *small), (batch, channels, *large)
    height, width = moved[4:]
    batch, depth = moved[0], moved[1] * moved[2] * moved[3]
    return (batch, depth // block**2, height * block, width * block), (batch, depth, height, width)
