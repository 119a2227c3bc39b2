"""Element-wise arithmetic, comparison and logic: so many operations an element of the (broadcast) output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import optional, per_output, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

_one_arithmetic = per_output(arithmetic=1)
_one_division = per_output(division=1)
_one_transcendental = per_output(transcendental=1)

costs("Add", "Sub", "Mul", "Abs", "Neg", "Sign", "Ceil", "Floor", "Round")(_one_arithmetic)
costs("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Where", "IsInf", "IsNaN")(_one_arithmetic)
costs("And", "Or", "Xor", "Not", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot")(
    _one_arithmetic
)
# A conversion is one pass of the vector unit (float to integer rounds and saturates in the same instruction).
costs("Cast", "CastLike")(_one_arithmetic)
costs("Div", "Mod", "Reciprocal", "Sqrt")(_one_division)
costs("Exp", "Log", "Erf")(_one_transcendental)
costs("Sin", "Cos", "Tan", "Asin", "Acos", "Atan")(_one_transcendental)
costs("Sinh", "Cosh", "Asinh", "Acosh", "Atanh")(_one_transcendental)

costs("QLinearAdd", "QLinearMul", "QLinearWhere", "MulInteger", "BiasAdd", domain=MICROSOFT)(_one_arithmetic)
# Four products and two sums for every pair of real and imaginary part.
costs("ComplexMul", "ComplexMulConj", domain=MICROSOFT)(per_output(arithmetic=3))


@costs("Sum", "Max", "Min")
def variadic(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Arithmetic an output element: one less than there are inputs; with one input it is a copy."""
    elements = outputs[0].elements
    if len(inputs) == 1:
        return Work(move_ops=elements)
    return Work(arithmetic_ops=(len(inputs) - 1) * elements)


@costs("Mean")
def mean(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Arithmetic an output element: one less sums than inputs, and one product with 1 / n."""
    return Work(arithmetic_ops=len(inputs) * outputs[0].elements)


@costs("Pow")
def power(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 transcendental an output element; a constant exponent of 2 or 3 is products, 0.5 or -1 a division."""
    elements = outputs[0].elements
    exponent = present(inputs, 1)
    match exponent.values if exponent.is_constant else None:
        case (1 | 2 | 3 as whole,):
            return Work(arithmetic_ops=max(1, int(whole) - 1) * elements)
        case (0.5 | -1,):
            return Work(division_ops=elements)
    return Work(transcendental_ops=elements)


@costs("Clip")
def clip(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 arithmetic an output element for each bound given; without bounds a copy."""
    bounds = sum(optional(inputs, index) is not None for index in (1, 2))
    elements = outputs[0].elements
    return Work(arithmetic_ops=bounds * elements) if bounds else Work(move_ops=elements)
