"""Convolutions side by side behind one Concat of channels, joined to one convolution."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from latencylab.graph import Node, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latencylab.fusion._rewriter import WorkingGraph

_CHANNELS: Final = 1


def branches(graph: WorkingGraph, concat: Node) -> tuple[Node, ...] | None:
    """Return the plain convolutions that a Concat of channels joins; None if it joins anything else."""
    if int(concat.attributes.get("axis", 0)) not in {_CHANNELS, _CHANNELS - _rank(graph, concat)}:
        return None
    found = [graph.producers.get(name) for name in concat.inputs]
    nodes = tuple(node for node in found if node is not None and node.op_type == "Conv")
    return nodes if len(nodes) == len(concat.inputs) == len(set(concat.inputs)) > 1 else None


def difference(graph: WorkingGraph, nodes: Sequence[Node]) -> str:
    """Say what keeps convolutions from being one; empty if nothing does."""
    first = nodes[0]
    if int(first.attributes.get("group", 1)) != 1:
        return "they are grouped already"
    for node in nodes:
        for what, trait in _TRAITS.items():
            if trait(graph, node) != trait(graph, first):
                return f"{node.name} and {first.name} differ in their {what}"
        if not all(tensor.is_constant for tensor in _constants(graph, node)):
            return f"the weights of {node.name} are computed"
        if any(not tensor.is_constant or tensor.elements > 1 for tensor in _operands(graph, node)):
            return f"what follows {node.name} has parameters a channel"
    return ""


def joined(
    graph: WorkingGraph, nodes: Sequence[Node], concat: Node, source: str, group: int
) -> tuple[Node, tuple[Tensor, ...]]:
    """Return the one convolution and the tensors it needs: joint weights, and what its epilogue hands on."""
    first = nodes[0]
    stored = [_constants(graph, node) for node in nodes]
    parameters = [
        _stacked(f"{first.name}:{index}", column) for index, column in enumerate(zip(*stored, strict=True))
    ]
    result = graph.tensors[concat.outputs[0]]
    count = len(first.epilogue)
    inner = [replace(result, name=f"{first.name}:joined {step}") for step in range(count)]
    names = [*(tensor.name for tensor in inner), result.name]
    node = Node(
        first.name,
        "Conv",
        (source, *(tensor.name for tensor in parameters)),
        (names[0],),
        {**first.attributes, "group": group},
        epilogue=tuple(
            replace(step, inputs=(names[i], *step.inputs[1:]), outputs=(names[i + 1],))
            for i, step in enumerate(first.epilogue)
        ),
    )
    return node, (*parameters, *inner)


def _rank(graph: WorkingGraph, node: Node) -> int:
    return len(graph.tensors[node.outputs[0]].shape)


def _kernel(graph: WorkingGraph, node: Node) -> tuple[int, ...]:
    return graph.tensors[node.inputs[1]].shape[1:]


def _constants(graph: WorkingGraph, node: Node) -> tuple[Tensor, ...]:
    """Weight and bias."""
    return tuple(graph.tensors[name] for name in node.inputs[1:] if name)


def _operands(graph: WorkingGraph, node: Node) -> tuple[Tensor, ...]:
    """What the epilogue reads beside the data."""
    return tuple(graph.tensors[name] for step in node.epilogue for name in step.inputs[1:] if name)


def _steps(graph: WorkingGraph, node: Node) -> list[object]:
    """Return the epilogue without the names of tensors, to be compared."""
    operations = [(step.op_type, dict(step.attributes), len(step.inputs)) for step in node.epilogue]
    return [*operations, *(tensor.values for tensor in _operands(graph, node))]


_TRAITS: Final[Mapping[str, Callable[[WorkingGraph, Node], object]]] = MappingProxyType(
    {
        "attributes": lambda _graph, node: dict(node.attributes),
        "kernels": _kernel,
        "biases": lambda _graph, node: len(node.inputs),
        "activations": _steps,
    }
)


def _stacked(name: str, column: Sequence[Tensor]) -> Tensor:
    """Stack tensors along their first axis."""
    first = column[0]
    rows = sum(tensor.shape[0] for tensor in column)
    is_sign = all(tensor.is_sign for tensor in column)
    return Tensor(name, (rows, *first.shape[1:]), first.dtype, is_constant=True, is_sign=is_sign)
