"""Which inputs of an operator are settings (shapes, axes, bounds, scales) and which are data it streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor

# A small constant lives in the kernel's descriptor, not in memory it streams.
_SMALL: Final = 64

_ONLY_FIRST_IS_DATA: Final = frozenset(
    {"Clip", "Resize", "Pad", "QuantizeLinear", "DequantizeLinear", "Tile", "Expand", "Reshape", "Slice"}
)


def is_setting(node: Node, index: int, tensor: Tensor) -> bool:
    """Whether a constant input only configures the operator: it moves no bytes and keeps its element type."""
    if not tensor.is_constant or tensor.elements > _SMALL:
        return False
    if node.op_type in _ONLY_FIRST_IS_DATA:
        return index > 0
    return not tensor.shape or tensor.dtype in {"int64", "string", "bool"}
