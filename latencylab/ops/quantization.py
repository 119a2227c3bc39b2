"""Conversions between real and quantized numbers, where they stand as kernels of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import optional, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs


@costs("QuantizeLinear")
@costs("QuantizeLinear", domain=MICROSOFT)
def quantize(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Product with 1 / scale, round, two bounds; 1 sum for a zero point: 4 or 5 arithmetic an element."""
    return Work(arithmetic_ops=4 + (optional(inputs, 2) is not None)) * outputs[0].elements


@costs("DequantizeLinear")
@costs("DequantizeLinear", domain=MICROSOFT)
def dequantize(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Product with the scale; 1 difference for a zero point: 1 or 2 arithmetic an element."""
    return Work(arithmetic_ops=1 + (optional(inputs, 2) is not None)) * outputs[0].elements


@costs("DynamicQuantizeLinear")
def dynamic_quantize(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """Minimum and maximum, then quantize: 7 arithmetic an element."""
    return Work(arithmetic_ops=7) * present(inputs, 0).elements
