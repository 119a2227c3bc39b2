"""Losses and optimizers: a training graph is priced too, its automatic Gradient operator is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.ops._counting import optional, present
from latencylab.ops._registry import Cost, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

_DOMAIN: Final = "ai.onnx.preview.training"


@costs("NegativeLogLikelihoodLoss")
def likelihood_loss(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """1 move, 1 sum, and 2 arithmetic for a class weight, a target."""
    weighted = optional(inputs, 2) is not None
    return Work(arithmetic_ops=1 + 2 * weighted, move_ops=1) * present(inputs, 1).elements


@costs("SoftmaxCrossEntropyLoss")
def cross_entropy_loss(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Log-softmax of the scores (4 arithmetic and 1 exp an element), then the likelihood loss."""
    softmax = Work(arithmetic_ops=4, transcendental_ops=1) * present(inputs, 0).elements
    return softmax + likelihood_loss(node, inputs, outputs)


def _optimizer(how: str, unit: Work, results_per_parameter: int) -> Cost:
    def cost(_node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
        return unit * (sum(t.elements for t in outputs) // results_per_parameter)

    cost.__doc__ = how
    return cost


costs("Momentum", domain=_DOMAIN)(_optimizer("7 arithmetic a parameter.", Work(arithmetic_ops=7), 2))
costs("Adagrad", domain=_DOMAIN)(
    _optimizer("7 arithmetic and 2 divisions a parameter.", Work(arithmetic_ops=7, division_ops=2), 2)
)
costs("Adam", domain=_DOMAIN)(
    _optimizer("12 arithmetic and 2 divisions a parameter.", Work(arithmetic_ops=12, division_ops=2), 3)
)
