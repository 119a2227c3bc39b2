"""Makes the rules that fuse an element-wise follower behind the kernel that computes its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.fusion._match import Match, Refusal, fused

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

CONVOLUTIONS: Final = frozenset({"Conv", "ConvTranspose"})
PRODUCTS: Final = CONVOLUTIONS | {"MatMul", "Gemm"}
ACTIVATIONS: Final = frozenset(
    {"Relu", "Clip", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Swish", "Gelu"}
)

Found = Match | Refusal | None
Rule = Callable[["WorkingGraph", "Node"], Found]


def behind(mains: frozenset[str]) -> Rule:
    """Make the `match` of a rule that fuses its anchor behind one of these operators.

    A kernel has one activation: a second one in a row is refused.
    """

    def match(graph: WorkingGraph, node: Node) -> Found:
        main = graph.producers.get(node.inputs[0])
        if main is None or main.op_type not in mains:
            return None
        earlier = next((step for step in main.epilogue if step.op_type in ACTIVATIONS), None)
        if earlier is not None:
            return Refusal(f"{main.name} already has an activation, {earlier.op_type}", node)
        return Match((main, node), fused(main, node))

    return match


def in_float(
    rule: Rule,
) -> Rule:
    """Restrict a rule to anchors that write floats, for runtimes whose integer kernels fuse less."""

    def match(graph: WorkingGraph, node: Node) -> Found:
        return rule(graph, node) if dtypes.is_float(graph.tensors[node.outputs[0]].dtype) else None

    return match
