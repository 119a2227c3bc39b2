"""A change to a network, written once: applied to a Graph it can be estimated, to an ONNX file it can be run.

A change adds nodes. Where an added node writes a tensor that exists already, it takes the place of the node
that wrote it (same shape, same type), and whatever nobody reads any more vanishes. It reads only what lies
upstream of the node it replaces, so that inserting it in that place keeps the order topological.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from latencylab.graph import Graph, Node, Tensor

Preserves = Literal["exact", "approximate", "retrain"]
ORDER: tuple[Preserves, ...] = ("exact", "approximate", "retrain")


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant that a change adds: `compute` makes its values from the constants named in `sources`."""

    tensor: Tensor
    sources: tuple[str, ...]
    compute: Callable[..., NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal.

    text: what to do, for a person. nodes: the file's nodes it concerns.
    preserves: the network computes the same function ("exact"), nearly so, or has to be trained again.
    given: the condition under which it is exact, in words; "" where there is none.
    added: new nodes, each before its readers. tensors: what they write, and small constants they read.
    weights: constants whose values follow from the old ones.
    layout: the layout of the network's ends to deploy in; None leaves it.
    is_smaller: it makes another network with less capacity: never combined with others.
    """

    rule: str
    text: str
    nodes: tuple[str, ...]
    preserves: Preserves
    given: str = ""
    added: tuple[Node, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    weights: tuple[Weight, ...] = ()
    layout: str | None = None
    is_smaller: bool = False

    @property
    def is_writable(self) -> bool:
        """Whether a file that computes the same function can be written."""
        return self.preserves == "exact" and bool(self.added)


def changed_graph(graph: Graph, change: Change) -> Graph:
    """Return the graph with the change applied. Time and memory are linear in the graph's size."""
    if not change.added:
        return graph
    known = {**graph.tensors, **{t.name: t for t in change.tensors}}
    known |= {weight.tensor.name: weight.tensor for weight in change.weights}
    nodes = inserted(graph.nodes, change.added, lambda node: node.writes)
    nodes = living(nodes, graph.outputs, lambda node: node.reads, lambda node: node.writes)
    used = {*graph.inputs, *graph.outputs}
    for node in nodes:
        used.update(node.reads, node.outputs)
    tensors = {name: known[name] for name in known if name in used}
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def inserted(
    nodes: Iterable[Any], added: Sequence[Any], writes: Callable[[Any], Collection[str]]
) -> list[Any]:
    """Put added nodes in the place of the nodes whose outputs they write; helpers go before their reader.

    It serves Graph and file alike, and both stay in an order in which they can run.
    """
    nodes = list(nodes)
    existing = {name for node in nodes for name in writes(node)}
    at: dict[str, list[Any]] = defaultdict(list)
    waiting: list[Any] = []
    for node in added:
        waiting.append(node)
        replaced = next((name for name in writes(node) if name in existing), None)
        if replaced is not None:
            at[replaced] = waiting
            waiting = []
    result: list[Any] = []
    for node in nodes:
        new = next((at[name] for name in writes(node) if name in at), None)
        result.extend([node] if new is None else new)
    return result


def living(
    nodes: Sequence[Any],
    outputs: Iterable[str],
    reads: Callable[[Any], Iterable[str]],
    writes: Callable[[Any], Iterable[str]],
) -> list[Any]:
    """Drop the nodes on which no output depends."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(writes(node)):
            wanted.update(reads(node))
            kept.append(node)
    return kept[::-1]
