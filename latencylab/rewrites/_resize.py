"""Resize by a whole factor as a convolution: which input pixels make each output pixel, in what shares."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from latencylab import dtypes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from latencylab.graph import Graph, Node

    Array = NDArray[Any]

_MODES = frozenset({"nearest", "linear", "cubic"})
_GRIDS: dict[str, Callable[[float, int], float]] = {
    "half_pixel": lambda x, r: (x + 0.5) / r - 0.5,
    "half_pixel_symmetric": lambda x, r: (x + 0.5) / r - 0.5,
    "pytorch_half_pixel": lambda x, r: (x + 0.5) / r - 0.5,
    "asymmetric": lambda x, r: x / r,
}
_ROUND: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda x: ceil(x - 0.5),
    "round_prefer_ceil": lambda x: floor(x + 0.5),
    "floor": floor,
    "ceil": ceil,
}


@dataclass(frozen=True, slots=True)
class Upsampling:
    """A Resize of the two spatial axes by one whole factor.

    shares: [factor, taps]: what each output phase takes of the pixels around, along an axis. before: how many
    of the taps lie before the pixel that the phases belong to.
    """

    node: Node
    factor: int
    mode: str
    shares: Array
    before: int

    @property
    def copies(self) -> bool:
        """Whether each pixel is repeated factor x factor times, and nothing else."""
        return bool(self.shares.shape[1] == 1)

    @property
    def kernel(self) -> Array:
        """[factor, factor, taps, taps]: the shares along both axes."""
        kernel: Array = np.einsum("ay,bx->abyx", self.shares, self.shares)
        return kernel


def upsampling(graph: Graph, node: Node) -> Upsampling | None:
    """Read a Resize; None for anything else, and for resizing that no one kernel does everywhere."""
    if node.op_type != "Resize" or node.domain:
        return None
    before, after = graph.tensors[node.inputs[0]].shape, graph.tensors[node.outputs[0]].shape
    dtype = graph.tensors[node.inputs[0]].dtype
    if len(before) != 4 or before[:2] != after[:2] or not dtypes.is_float(dtype):
        return None
    factor = after[2] // before[2]
    mode, grid = (
        node.attributes.get("mode", "nearest"),
        node.attributes.get("coordinate_transformation_mode", "half_pixel"),
    )
    is_whole = factor > 1 and after[2:] == (factor * before[2], factor * before[3])
    is_plain = (
        mode in _MODES and grid in _GRIDS and not node.attributes.get("antialias") and min(before[2:]) > 1
    )
    if not (is_whole and is_plain) or node.attributes.get("exclude_outside"):
        return None
    taps = [_taps(node, mode, _GRIDS[grid](phase, factor)) for phase in range(factor)]
    offsets = {offset for found in taps for offset in found}
    first, last = min(offsets), max(offsets)
    shares = np.array([[found.get(offset, 0.0) for offset in range(first, last + 1)] for found in taps])
    # A kernel that leaves its own pixel out (rounding up) has no convolution on the same grid.
    return Upsampling(node, factor, mode, shares, -first) if first <= 0 <= last else None


def _taps(node: Node, mode: str, position: float) -> dict[int, float]:
    """Pixels, relative to the one the phase belongs to, and their shares in the value at `position`."""
    if mode == "nearest":
        nearest = node.attributes.get("nearest_mode", "round_prefer_floor")
        return {_ROUND[nearest](position): 1.0}
    low = floor(position)
    t = position - low
    if mode == "linear":
        taps = {low: 1 - t, low + 1: t}
    else:
        a = float(node.attributes.get("cubic_coeff_a", -0.75))
        taps = {low + k: _cubic(abs(t - k), a) for k in (-1, 0, 1, 2)}
    return {offset: share for offset, share in taps.items() if share}


def _cubic(x: float, a: float) -> float:
    """Keys' convolution kernel (R. Keys, IEEE Transactions on ASSP 29, 1981)."""
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
