"""The same network with its nodes in another topological order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from onnx import ModelProto

    from latencylab.graph import Graph


def permuted(graph: Graph, chance: random.Random) -> Graph:
    """A graph of which only the order of the nodes differs."""
    constants = (name for name, tensor in graph.tensors.items() if tensor.is_constant)
    nodes = [(node, node.inputs, node.outputs) for node in graph.nodes]
    return replace(graph, nodes=tuple(_shuffled(nodes, [*graph.inputs, *constants], chance)))


def permuted_file(model: ModelProto, chance: random.Random) -> ModelProto:
    """A model of which only the order of the nodes differs."""
    result = type(model)()
    result.CopyFrom(model)
    graph = result.graph
    known = [value.name for value in (*graph.input, *graph.initializer)]
    nodes = [(node, tuple(node.input), tuple(node.output)) for node in model.graph.node]
    del graph.node[:]
    graph.node.extend(_shuffled(nodes, known, chance))
    return result


def _shuffled(
    nodes: Sequence[tuple[Any, Sequence[str], Sequence[str]]], known: Iterable[str], chance: random.Random
) -> list[Any]:
    there, waiting, order = {"", *known}, [*nodes], []
    while waiting:
        chosen = chance.choice([entry for entry in waiting if there.issuperset(entry[1])])
        waiting.remove(chosen)
        order.append(chosen[0])
        there.update(chosen[2])
    return order
