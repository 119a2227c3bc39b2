"""The nodes that matter, in an order that the graph decides, not the file; broken wiring is refused here."""

from __future__ import annotations

from graphlib import CycleError
from typing import TYPE_CHECKING, NamedTuple

from onnx import AttributeProto

from latencylab.errors import ModelError
from latencylab.onnx_reader._text import check_text, listed, quoted
from latencylab.order import depth_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from onnx import GraphProto, NodeProto


class Step(NamedTuple):
    """A node, its fields taken out of the message once.

    position: place in the file, and among the live ones in their order. captured: names of outer values that
        its subgraphs read, sorted. reads: those and its own inputs, without the absent ones.
    """

    position: int
    node: NodeProto
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    captured: tuple[str, ...]
    reads: tuple[str, ...]


_SUBGRAPHS = frozenset({AttributeProto.GRAPH, AttributeProto.GRAPHS})


def canonical(domain: str) -> str:
    """A domain's short name: the default one has two."""
    return "" if domain == "ai.onnx" else domain


def live_steps(graph: GraphProto, is_known: Callable[[str], bool]) -> list[Step]:
    """Nodes that reach an output, depth first from the outputs, so that the file's order changes nothing.

    is_known: whether a name is an input, an initializer or a value of an outer graph.
    Raises ModelError for cycles, for names written twice and for names nobody writes.
    """
    steps = [_step(index, node) for index, node in enumerate(graph.node)]
    writers = _writers(graph, steps)
    ends = [writers[output.name] for output in graph.output if output.name in writers]
    steps = [steps[index]._replace(position=place) for place, index in enumerate(_live(steps, writers, ends))]
    for step in steps:
        for name in step.reads:
            if name not in writers and not is_known(name):
                raise ModelError(f"{shown(step.node)} reads {quoted(name)}, which nothing produces")
    return steps


def shown(node: NodeProto) -> str:
    """How an error names a node."""
    label = node.name or next((output for output in node.output if output), "")
    return f"{quoted(node.op_type)[1:-1] or 'nameless operator'} node {quoted(label)}"


def _step(index: int, node: NodeProto) -> Step:
    op_type, domain, inputs, outputs = node.op_type, node.domain, tuple(node.input), tuple(node.output)
    check_text((node.name, op_type, domain, *inputs, *outputs))
    captured: tuple[str, ...] = ()
    if not _SUBGRAPHS.isdisjoint([attribute.type for attribute in node.attribute]):
        captured = tuple(sorted({name for name in _captured(node) if name not in inputs}, key=repr))
    reads = inputs + captured
    if "" in reads:
        reads = tuple([name for name in reads if name])
    return Step(index, node, op_type, canonical(domain), inputs, outputs, captured, reads)


def _captured(node: NodeProto) -> Iterator[str]:
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
            yield from free_names(graph)


def free_names(graph: GraphProto) -> Iterator[str]:
    """Names a subgraph reads from the graphs around it."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    own.update(tensor.values.name for tensor in graph.sparse_initializer)
    own.update(name for node in graph.node for name in node.output)
    for node in graph.node:
        yield from (name for name in node.input if name and name not in own)
        yield from (name for name in _captured(node) if name not in own)
    yield from (output.name for output in graph.output if output.name and output.name not in own)


def _writers(graph: GraphProto, steps: Sequence[Step]) -> dict[str, int]:
    """The node that writes each name."""
    writers = {value.name: -1 for value in graph.input}
    if len(writers) < len(graph.input):
        raise ModelError(f"graph {quoted(graph.name)} has two inputs of one name")
    writers.update((tensor.name, -1) for tensor in graph.initializer)
    for step in steps:
        for name in step.outputs:
            if name and name in writers:
                raise ModelError(f"{shown(step.node)} writes {quoted(name)}, which is already written")
            if name:
                writers[name] = step.position
    return {name: index for name, index in writers.items() if index >= 0}


def _live(steps: Sequence[Step], writers: dict[str, int], ends: Iterable[int]) -> list[int]:
    operands = [[writers[name] for name in step.reads if name in writers] for step in steps]
    try:
        return depth_first(ends, operands)
    except CycleError as error:
        nodes = [steps[index].node for index in sorted(error.args[1])]
        names = listed([node.name or node.op_type for node in nodes], 3)
        raise ModelError(f"the graph has a cycle through {names}") from error
