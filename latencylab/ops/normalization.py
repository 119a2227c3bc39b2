"""Normalizations and softmax, each as the passes a careful kernel makes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from latencylab.ops._counting import optional, per_output, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

# Maximum, difference and sum; exp; divide. The log form subtracts the logarithm of the sum instead.
costs("Softmax")(per_output(arithmetic=3, transcendental=1, division=1))
costs("QLinearSoftmax", domain=MICROSOFT)(per_output(arithmetic=3, transcendental=1, division=1))
costs("BiasSoftmax", domain=MICROSOFT)(per_output(arithmetic=4, transcendental=1, division=1))
costs("LogSoftmax")(per_output(arithmetic=4, transcendental=1))
# |x|^p summed, then divided.
costs("LpNormalization")(per_output(arithmetic=2, division=1))


def standardize(elements: int, groups: int, affine: int) -> Work:
    """Work of (x - mean) / std over `groups` sets of elements, then `affine` products and sums an element.

    Mean is a sum; variance a difference, square and sum; then a product with 1 / std. Each group: two
    products with 1 / n, epsilon, a root and its reciprocal.
    """
    return Work(arithmetic_ops=(5 + affine) * elements + 3 * groups, division_ops=2 * groups)


def _root_mean_square(elements: int, groups: int, affine: int) -> Work:
    return Work(arithmetic_ops=(3 + affine) * elements + 2 * groups, division_ops=2 * groups)


def _rows(shape: tuple[int, ...], axis: int) -> int:
    return prod(shape[: axis % len(shape)])


@costs("BatchNormalization")
def batch_normalization(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """2 arithmetic an output element: statistics and parameters fold into one scale and one shift."""
    data = present(inputs, 0)
    elements = outputs[0].elements
    if node.attributes.get("training_mode", 0):
        return standardize(elements, data.shape[1] if len(data.shape) > 1 else 1, 2)
    return Work(arithmetic_ops=2) * elements


@costs("InstanceNormalization")
def instance_normalization(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """7 arithmetic an output element; 3 and 2 divisions a channel."""
    return standardize(outputs[0].elements, prod(present(inputs, 0).shape[:2]), 2)


@costs("GroupNormalization")
def group_normalization(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """7 arithmetic an output element; 3 and 2 divisions a group."""
    groups = present(inputs, 0).shape[0] * int(node.attributes["num_groups"])
    return standardize(outputs[0].elements, groups, 2)


@costs("GroupNorm", domain=MICROSOFT)
def group_norm(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """7 arithmetic an output element; 3 and 2 divisions a group; Swish where it is fused."""
    groups = present(inputs, 0).shape[0] * int(node.attributes["groups"])
    elements = outputs[0].elements
    swish = Work(arithmetic_ops=1, transcendental_ops=1) if node.attributes.get("activation", 0) else ZERO
    return standardize(elements, groups, 2) + swish * elements


@costs("MeanVarianceNormalization")
def mean_variance_normalization(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """5 arithmetic an output element; 3 and 2 divisions a set of reduced axes."""
    data = present(inputs, 0)
    axes = {axis % len(data.shape) for axis in node.attributes.get("axes", (0, 2, 3))}
    groups = prod(size for axis, size in enumerate(data.shape) if axis not in axes)
    return standardize(outputs[0].elements, groups, 0)


@costs("LayerNormalization")
def layer_normalization(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """6 arithmetic an output element, 7 with a bias; 3 and 2 divisions a row."""
    data = present(inputs, 0)
    affine = sum(optional(inputs, index) is not None for index in (1, 2))
    return standardize(outputs[0].elements, _rows(data.shape, int(node.attributes.get("axis", -1))), affine)


@costs("RMSNormalization", "SimplifiedLayerNormalization")
def rms_normalization(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """4 arithmetic an output element (square, sum, product, scale); 2 and 2 divisions a row."""
    rows = _rows(present(inputs, 0).shape, int(node.attributes.get("axis", -1)))
    return _root_mean_square(outputs[0].elements, rows, 1)


@costs("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Sum of input, skip and bias, then layer normalization of the last axis."""
    data, elements = present(inputs, 0), outputs[0].elements
    sums = 1 + (optional(inputs, 4) is not None)
    affine = sum(optional(inputs, index) is not None for index in (2, 3))
    return standardize(elements, _rows(data.shape, -1), affine) + Work(arithmetic_ops=sums * elements)


@costs("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_rms_normalization(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Sum of input, skip and bias, then RMS normalization of the last axis."""
    data, elements = present(inputs, 0), outputs[0].elements
    sums = 1 + (optional(inputs, 3) is not None)
    return _root_mean_square(elements, _rows(data.shape, -1), 1) + Work(arithmetic_ops=sums * elements)


@costs("LRN")
def local_response_normalization(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """Square, a sum of `size` neighbours, scale and shift; 1 power and 1 division an output element."""
    size = int(node.attributes["size"])
    return Work(arithmetic_ops=size + 3, transcendental_ops=1, division_ops=1) * outputs[0].elements
