"""Activations, counted from their definitions; tanh, sigmoid and erf are one transcendental each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import per_output
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

costs("Relu")(per_output(arithmetic=1))
# Compare (or max and min) and multiply by the slope.
costs("LeakyRelu", "PRelu")(per_output(arithmetic=2))
costs("ThresholdedRelu")(per_output(arithmetic=2))
# max(0, min(1, a x + b)); hard-swish multiplies by x.
costs("HardSigmoid")(per_output(arithmetic=4))
costs("HardSwish")(per_output(arithmetic=5))
# Two comparisons, one biased sum, one selection.
costs("Shrink")(per_output(arithmetic=4))
costs("Sigmoid", "Tanh")(per_output(transcendental=1))
# a (exp(x) - 1) where x < 0; Selu scales, Celu divides x by a.
costs("Elu")(per_output(arithmetic=3, transcendental=1))
costs("Selu")(per_output(arithmetic=4, transcendental=1))
costs("Celu")(per_output(arithmetic=3, division=1, transcendental=1))
# log(1 + exp(x)); Mish is x tanh of it.
costs("Softplus")(per_output(arithmetic=1, transcendental=2))
costs("Mish")(per_output(arithmetic=2, transcendental=3))
costs("Softsign")(per_output(arithmetic=2, division=1))

costs("QLinearLeakyRelu", domain=MICROSOFT)(per_output(arithmetic=2))
costs("QLinearSigmoid", domain=MICROSOFT)(per_output(transcendental=1))
# x sigmoid(a x).
costs("QuickGelu", domain=MICROSOFT)(per_output(arithmetic=2, transcendental=1))


@costs("Swish")
def swish(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """Sigmoid(a x) times x: 1 transcendental and 1 arithmetic an output element, 2 if a is not 1."""
    products = 1 + (node.attributes.get("alpha", 1.0) != 1.0)
    return Work(arithmetic_ops=products, transcendental_ops=1) * outputs[0].elements


# 0.5 x (1 + erf(x / sqrt 2)): three products and one sum.
_GELU = Work(arithmetic_ops=4, transcendental_ops=1)
# 0.5 x (1 + tanh(k (x + c x^3))): six products and two sums.
_TANH_GELU = Work(arithmetic_ops=8, transcendental_ops=1)


@costs("Gelu")
@costs("Gelu", "QOrderedGelu", domain=MICROSOFT)
def gelu(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """4 arithmetic and 1 transcendental an output element; 8 and 1 in its tanh form."""
    unit = _TANH_GELU if node.attributes.get("approximate", "none") == "tanh" else _GELU
    return unit * outputs[0].elements


@costs("FastGelu", domain=MICROSOFT)
def fast_gelu(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Gelu in its tanh form, and 1 arithmetic for a bias."""
    bias = Work(arithmetic_ops=sum(t is not None for t in inputs[1:]))
    return (_TANH_GELU + bias) * outputs[0].elements


@costs("BiasGelu", domain=MICROSOFT)
def bias_gelu(_node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """5 arithmetic and 1 transcendental an output element: a bias, then Gelu."""
    return (_GELU + Work(arithmetic_ops=1)) * outputs[0].elements


@costs("SwiGLU")
def swiglu(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Swish of one input times the other: 1 arithmetic an output element more than Swish."""
    return swish(node, inputs, outputs) + Work(arithmetic_ops=outputs[0].elements)
