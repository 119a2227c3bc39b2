"""Register of operators: each is costed, declared free on purpose, or unpriced; none is zero by accident."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from latencylab import plugins
from latencylab.errors import ModelError
from latencylab.graph import Graph, Node, Tensor
from latencylab.work import ZERO, Work

State = Literal["costed", "free", "unpriced"]
Inputs = tuple[Tensor | None, ...]
Outputs = tuple[Tensor, ...]
Cost = Callable[[Node, Inputs, Outputs], Work]

# onnxruntime's own operators, and those of its blocked layout, which a saved optimized model contains.
MICROSOFT = "com.microsoft"
NCHWC = "com.microsoft.nchwc"

# Families are imported until one knows the operator; most networks need no more than these, and start faster.
_COMMON = ("convolution", "elementwise", "activation", "layout")


@dataclass(frozen=True, slots=True)
class Operator:
    """One registered operator.

    cost: its Work function; None for an operator declared free.
    reason: how it is counted, or why it is free.
    module: where it was registered.
    """

    op_type: str
    domain: str
    cost: Cost | None
    reason: str
    module: str

    @property
    def state(self) -> State:
        """Costed or free; what is not registered is unpriced."""
        return "free" if self.cost is None else "costed"


_operators: dict[tuple[str, str], Operator] = {}


def costs(*op_types: str, domain: str = "") -> Callable[[Cost], Cost]:
    """Register a function `(node, inputs, outputs) -> Work` for these operators of a domain.

    The first line of its docstring says how it counts. Raises ValueError for an operator registered before.
    """
    module = _caller()

    def register(cost: Cost) -> Cost:
        reason = (cost.__doc__ or "").strip().split("\n")[0]
        for op_type in op_types:
            _register(Operator(op_type, domain, cost, reason, module))
        return cost

    return register


def free(*op_types: str, why: str, domain: str = "") -> None:
    """Declare that these operators compute nothing, and why; whether they move bytes the device decides."""
    module = _caller()
    for op_type in op_types:
        _register(Operator(op_type, domain, None, why, module))


def _caller() -> str:
    # A cost made by a function bears that function's module; the file that registers it is the one to name.
    return str(sys._getframe(2).f_globals["__name__"])  # noqa: SLF001


def _register(operator: Operator) -> None:
    key = (operator.domain, operator.op_type)
    if (earlier := _operators.get(key)) is not None:
        raise ValueError(
            f"operator {operator.op_type!r} of domain {operator.domain or 'ai.onnx'!r} is registered twice: "
            f"in {earlier.module} and in {operator.module}"
        )
    _operators[key] = operator


@cache
def operators() -> Mapping[tuple[str, str], Operator]:
    """Every registered operator by (domain, op_type); the default domain is the empty string."""
    plugins.load_all("ops")
    return MappingProxyType(_operators)


@cache
def find(op_type: str, domain: str = "") -> Operator | None:
    """Find the registered operator, or None for one that nobody priced."""
    key = ("" if domain == "ai.onnx" else domain, op_type)
    for family in (*_COMMON, *plugins.names("ops")):
        if key in _operators:
            break
        plugins.load("ops", family)
    return _operators.get(key)


def state(op_type: str, domain: str = "") -> State:
    """Whether an operator is costed, free on purpose, or unpriced."""
    operator = find(op_type, domain)
    return "unpriced" if operator is None else operator.state


def work(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Count what one node computes, its epilogue not included.

    inputs: its input tensors, None where an optional one is absent. outputs: those present.
    A free or unpriced operator has no Work: the caller prices its bytes (`state` tells them apart).
    Raises ModelError if shapes or attributes do not fit the operator.
    """
    operator = find(node.op_type, node.domain)
    if operator is None or operator.cost is None:
        return ZERO
    try:
        return operator.cost(node, inputs, outputs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A cost function reads shapes as the operator's specification promises them; a file may break it.
        shapes = ", ".join(str(list(t.shape)) if t else "absent" for t in inputs)
        raise ModelError(f"{node.op_type} {node.name!r}: inputs {shapes} do not fit this operator") from error


def body_work(graph: Graph) -> Work:
    """Sum of the work of a graph's nodes."""
    total = ZERO
    for node in graph.nodes:
        total = total + work(node, graph.inputs_of(node), graph.outputs_of(node))
    return total


def unpriced(node: Node) -> tuple[Node, ...]:
    """List the node itself if nobody priced it, and every unpriced node inside its bodies."""
    own = (node,) if find(node.op_type, node.domain) is None else ()
    bodies = [value for value in node.attributes.values() if isinstance(value, Graph)]
    return own + tuple([hole for body in bodies for part in body.nodes for hole in unpriced(part)])
