"""Functions that make cost functions, and the few numbers several families need."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor
    from latencylab.ops._registry import Cost, Inputs, Outputs


def per_output(*, arithmetic: int = 0, division: int = 0, transcendental: int = 0, move: int = 0) -> Cost:
    """Cost of so many operations for every element of the outputs."""
    unit = Work(
        arithmetic_ops=arithmetic, division_ops=division, transcendental_ops=transcendental, move_ops=move
    )

    def cost(_node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
        return unit * sum(t.elements for t in outputs)

    cost.__doc__ = f"{_describe(unit)} an output element."
    return cost


def per_input(*, arithmetic: int = 0, division: int = 0, transcendental: int = 0, move: int = 0) -> Cost:
    """Cost of so many operations for every element of the first input."""
    unit = Work(
        arithmetic_ops=arithmetic, division_ops=division, transcendental_ops=transcendental, move_ops=move
    )

    def cost(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
        return unit * present(inputs, 0).elements

    cost.__doc__ = f"{_describe(unit)} an input element."
    return cost


def _describe(unit: Work) -> str:
    counts = {
        "arithmetic": unit.arithmetic_ops,
        "division": unit.division_ops,
        "transcendental": unit.transcendental_ops,
        "move": unit.move_ops,
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def present(inputs: Inputs, index: int) -> Tensor:
    """Return a required input. Raises ValueError if the node lacks it."""
    tensor = optional(inputs, index)
    if tensor is None:
        raise ValueError(f"input {index} is absent")
    return tensor


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """Return an optional input: None if empty or beyond the end."""
    return inputs[index] if index < len(inputs) else None


def mac_work(macs: int, node: Node, data: Tensor, weight: Tensor) -> Work:
    """Work of `macs` multiply-accumulates; binary ones if data and weight are both one bit wide.

    The weight is binary if it holds only -1 and +1, the data if its type is "binary" or if a fusion rule that
    saw the Sign in front set the attribute `binary_input`.
    """
    binary_weight = weight.is_sign or weight.dtype == "binary"
    binary_data = data.dtype == "binary" or data.is_sign or bool(node.attributes.get("binary_input", 0))
    return Work(macs=macs, binary_macs=macs if binary_weight and binary_data else 0)


def halvings(count: int) -> int:
    """Count the steps of a binary search over `count` items; at least 1."""
    return max(1, ceil(log2(max(count, 1))))
