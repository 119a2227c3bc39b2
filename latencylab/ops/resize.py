"""Interpolation: nearest moves elements, linear and cubic weigh taps on the vector unit.

A weighted sum of t taps is t products and t - 1 sums. No MAC array does it. Positions and weights belong to a
row or a column, not to an element, and are not counted.
"""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Final

from latencylab.ops._counting import present
from latencylab.ops._registry import NCHWC, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor
    from latencylab.ops._registry import Inputs, Outputs

_SUPPORT: Final = {"linear": 2, "bilinear": 2, "cubic": 4, "bicubic": 4}


def weighted_sum(taps: int) -> Work:
    """Work of one output element made of `taps` weighted inputs."""
    return Work(arithmetic_ops=2 * taps - 1)


@costs("Resize", "Upsample")
@costs("Upsample", domain=NCHWC)
def resize(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 move an output element if nearest; 2 t - 1 arithmetic, t = 2^d taps if linear, 4^d if cubic."""
    output = outputs[0]
    mode = str(node.attributes.get("mode", "nearest"))
    taps = _taps(node, present(inputs, 0), output, mode)
    if mode == "nearest" or taps == 1:
        return Work(move_ops=output.elements)
    return weighted_sum(taps) * output.elements


def _taps(node: Node, data: Tensor, output: Tensor, mode: str) -> int:
    """Taps over the axes that change size; antialiasing widens the kernel where the image shrinks."""
    support = _SUPPORT.get(mode, 1)
    antialias = bool(node.attributes.get("antialias", 0))
    return prod(
        ceil(support * old / new) if antialias and old > new else support
        for old, new in zip(data.shape, output.shape, strict=True)
        if old != new and new > 0
    )


@costs("GridSample")
def grid_sample(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Coordinates 2 d arithmetic a point; then 1 move, or 2 t - 1 arithmetic an output element."""
    output, grid = outputs[0], present(inputs, 1)
    support = _SUPPORT.get(str(node.attributes.get("mode", "linear")), 1)
    coordinates = Work(arithmetic_ops=2 * grid.elements)
    if support == 1:
        return coordinates + Work(move_ops=output.elements)
    return coordinates + weighted_sum(support ** grid.shape[-1]) * output.elements
