"""Pooling: every output element looks at a window of the input."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from latencylab.ops._counting import per_input, per_output, present
from latencylab.ops._registry import MICROSOFT, NCHWC, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs


def _window(node: Node) -> int:
    return prod(node.attributes["kernel_shape"])


@costs("MaxPool")
@costs("NhwcMaxPool", "MaxpoolWithMask", domain=MICROSOFT)
@costs("MaxPool", domain=NCHWC)
def max_pool(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """1 comparison a window element, for every output element."""
    return Work(arithmetic_ops=_window(node) * outputs[0].elements)


@costs("AveragePool")
@costs("QLinearAveragePool", domain=MICROSOFT)
@costs("AveragePool", domain=NCHWC)
def average_pool(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """1 sum a window element and a product with 1 / n, for every output element."""
    return Work(arithmetic_ops=(_window(node) + 1) * outputs[0].elements)


def _norm(order: int, elements: int, results: int) -> Work:
    """Work of (sum |x|^p)^(1/p): products for whole small p, powers otherwise; p = 1 needs no root."""
    sums = Work(arithmetic_ops=max(2, order)) * elements
    if order == 1:
        return sums
    return sums + (Work(division_ops=results) if order == 2 else Work(transcendental_ops=results))


@costs("LpPool")
def lp_pool(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """Power and sum a window element, 1 root an output element."""
    results = outputs[0].elements
    return _norm(int(node.attributes.get("p", 2)), _window(node) * results, results)


@costs("GlobalLpPool")
def global_lp_pool(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Power and sum an input element, 1 root an output element."""
    return _norm(int(node.attributes.get("p", 2)), present(inputs, 0).elements, outputs[0].elements)


costs("GlobalMaxPool")(per_input(arithmetic=1))
costs("GlobalMaxPool", domain=NCHWC)(per_input(arithmetic=1))
# Every output element is written once: a value of the input, or the zero around it.
costs("MaxUnpool")(per_output(move=1))


@costs("GlobalAveragePool")
@costs("QLinearGlobalAveragePool", domain=MICROSOFT)
@costs("GlobalAveragePool", domain=NCHWC)
def global_average_pool(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 sum an input element, a product with 1 / n an output element."""
    return Work(arithmetic_ops=present(inputs, 0).elements + outputs[0].elements)


@costs("MaxRoiPool")
def max_roi_pool(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 comparison a window element; regions are data, so each is assumed to cover the whole map."""
    rois, channels = outputs[0].shape[:2]
    return Work(arithmetic_ops=rois * channels * prod(present(inputs, 0).shape[2:]))


@costs("RoiAlign")
def roi_align(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Bilinear samples, 8 arithmetic each; adaptive sampling assumes regions that cover the whole map."""
    ratio = int(node.attributes.get("sampling_ratio", 0))
    grid, data = outputs[0].shape[2:], present(inputs, 0).shape[2:]
    samples = prod(ratio or -(-size // cells) for size, cells in zip(data, grid, strict=True))
    return Work(arithmetic_ops=8 * samples * outputs[0].elements)
