"""Reductions, searches and scans along axes.

An accumulator starts from the identity, so a reduction costs one operation for every *input* element, and
what is done once to its result costs one for every output element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import halvings, per_input, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Cost, Inputs, Outputs


def _reduction(how: str, element: Work, result: Work = ZERO) -> Cost:
    def cost(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
        return element * present(inputs, 0).elements + result * outputs[0].elements

    cost.__doc__ = how
    return cost


_ADD = Work(arithmetic_ops=1)
_TWO = Work(arithmetic_ops=2)
_ROOT = Work(division_ops=1)
_LOG = Work(transcendental_ops=1)

_mean = _reduction("1 arithmetic an input element, 1 an output element (times 1 / n).", _ADD, _ADD)
_one = _reduction("1 arithmetic an input element.", _ADD)

costs("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ArgMax", "ArgMin")(_one)
costs("ReduceSumInteger", domain=MICROSOFT)(_one)
costs("ReduceMean")(_mean)
costs("QLinearReduceMean", domain=MICROSOFT)(_mean)
costs("ReduceL1", "ReduceSumSquare")(_reduction("2 arithmetic an input element.", _TWO))
costs("ReduceL2")(_reduction("2 arithmetic an input element, 1 root an output element.", _TWO, _ROOT))
costs("ReduceLogSum")(_reduction("1 arithmetic an input element, 1 logarithm an output element.", _ADD, _LOG))
costs("ReduceLogSumExp")(
    _reduction(
        "3 arithmetic (maximum, difference, sum) and 1 exp an input element, 1 log and 1 sum an output.",
        Work(arithmetic_ops=3, transcendental_ops=1),
        _LOG + _ADD,
    )
)
# Ours: contrast of a channel, its standard deviation plus its mean. Sum, then difference, square and sum; two
# products with 1 / n, a root and the last sum. The 1x1 convolutions behind it count for themselves.
costs("StdAttention")(
    _reduction(
        "4 arithmetic an input element; 3 and a root an output element.",
        Work(arithmetic_ops=4),
        Work(arithmetic_ops=3, division_ops=1),
    )
)
costs("CumSum", "CumProd")(per_input(arithmetic=1))
# The largest is found, then one element in a row is set.
costs("Hardmax")(per_input(arithmetic=2))


@costs("TopK")
def top_k(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Heap of k: 1 + log2 k comparisons an input element."""
    data = present(inputs, 0)
    kept = outputs[0].shape[int(node.attributes.get("axis", -1))]
    return Work(
        arithmetic_ops=(1 + halvings(kept)) * data.elements, move_ops=sum(t.elements for t in outputs)
    )


@costs("Unique")
@costs("Unique", domain=MICROSOFT)
def unique(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Sort: log2 n comparisons an input element, 1 move an output element."""
    count = present(inputs, 0).elements
    return Work(arithmetic_ops=halvings(count) * count, move_ops=sum(t.elements for t in outputs))


@costs("NonZero")
def non_zero(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 comparison an input element, 1 move an output element."""
    return Work(arithmetic_ops=present(inputs, 0).elements, move_ops=outputs[0].elements)


@costs("NonMaxSuppression")
def non_max_suppression(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """Sort of each class's boxes; each kept box meets each other one: 12 arithmetic and 1 division."""
    batch, classes, boxes = present(inputs, 1).shape
    limit = inputs[2] if len(inputs) > 2 else None
    kept = min(boxes, int(limit.values[0])) if limit is not None and limit.values else boxes
    pairs = kept * boxes
    return Work(arithmetic_ops=boxes * halvings(boxes) + 12 * pairs, division_ops=pairs) * (batch * classes)
