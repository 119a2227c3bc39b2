"""Small questions that rules ask about the neighbourhood of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node, Tensor


def producer(graph: WorkingGraph, node: Node, index: int, op_type: str) -> Node | None:
    """Return the bare node of this type that computes an input; None if anything else does."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    found = graph.producers.get(name)
    return found if found is not None and found.op_type == op_type and not found.epilogue else None


def follower(graph: WorkingGraph, node: Node, op_type: str) -> Node | None:
    """Return the node of this type that alone reads the node's only output; None if there is no such node."""
    found = graph.sole_reader(node.outputs[0]) if len(node.writes) == 1 else None
    return found if found is not None and found.op_type == op_type else None


def input_tensor(graph: WorkingGraph, node: Node, index: int) -> Tensor | None:
    """Return an input tensor; None where it is absent."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    return graph.tensors[name] if name else None


def constant(graph: WorkingGraph, node: Node, index: int) -> Tensor | None:
    """Return an input if it is a constant, else None."""
    tensor = input_tensor(graph, node, index)
    return tensor if tensor is not None and tensor.is_constant else None


def scalar(tensor: Tensor | None) -> float | None:
    """Value of a constant with one element; None for anything else."""
    if tensor is None or not tensor.is_constant or tensor.elements != 1 or not tensor.values:
        return None
    return float(tensor.values[0])


def integers(graph: WorkingGraph, node: Node, index: int, attribute: str = "") -> tuple[int, ...] | None:
    """Values of a constant integer input, or of the attribute that older models have in its place."""
    if attribute and attribute in node.attributes:
        value = node.attributes[attribute]
        return tuple(int(item) for item in value) if isinstance(value, tuple | list) else (int(value),)
    tensor = constant(graph, node, index)
    return tuple(int(v) for v in tensor.values) if tensor is not None and tensor.values is not None else None


def operand(graph: WorkingGraph, node: Node) -> tuple[int, Tensor] | None:
    """Return index and tensor of the constant among two operands; None unless exactly one is constant."""
    constants = [(i, t) for i in range(2) if (t := constant(graph, node, i)) is not None]
    return constants[0] if len(constants) == 1 and len(node.inputs) == 2 else None


def is_per_channel(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether a tensor broadcasts against (N, C, *space) with one element for all or one a channel."""
    if tensor.elements == 1:
        return True
    padded = (1,) * (len(shape) - len(tensor.shape)) + tensor.shape
    return len(padded) == len(shape) and all(
        size in ({1, shape[1]} if axis == 1 else {1}) for axis, size in enumerate(padded)
    )
