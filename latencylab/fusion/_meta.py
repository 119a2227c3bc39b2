"""The last step: every node of the rewritten graph becomes a MetaNode with its boundary, work and state."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from latencylab import ops
from latencylab.fusion._settings import is_setting
from latencylab.graph import MetaNode

if TYPE_CHECKING:
    from latencylab.graph import Graph, Node, Tensor
    from latencylab.work import Work


def meta_nodes(graph: Graph) -> tuple[MetaNode, ...]:
    """Return one meta-node for every node of the graph, in order, with unique names."""
    names: set[str] = set()
    return tuple(_meta_node(graph, node, names) for node in graph.nodes)


def _meta_node(graph: Graph, node: Node, names: set[str]) -> MetaNode:
    inputs, weights = _boundary(graph, node)
    outputs = tuple(graph.tensors[name] for name in node.writes)
    holes = (hole for step in (node, *node.epilogue) for hole in ops.unpriced(step))
    return MetaNode(
        name=_unique(node, names),
        kind=node.op_type,
        node=node,
        dtype=(inputs or outputs or weights)[0].dtype if inputs or outputs or weights else "float32",
        inputs=inputs,
        weights=weights,
        outputs=outputs,
        work=_work(graph, node),
        is_priced=next(holes, None) is None,
    )


def _boundary(graph: Graph, node: Node) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Activations and constants that the kernel streams in, each once."""
    settings = {
        tensor.name
        for step in (node, *node.epilogue)
        for index, tensor in enumerate(graph.inputs_of(step))
        if tensor is not None and is_setting(step, index, tensor)
    }
    read = [graph.tensors[name] for name in node.reads if name in graph.tensors and name not in settings]
    return tuple([t for t in read if not t.is_constant]), tuple([t for t in read if t.is_constant])


def _work(graph: Graph, node: Node) -> Work:
    steps = (node, *node.epilogue)
    return reduce(add, [ops.work(step, graph.inputs_of(step), graph.outputs_of(step)) for step in steps])


def _unique(node: Node, names: set[str]) -> str:
    """Return the node's name, numbered if another has it; a nameless one is called after what it writes."""
    wanted = node.name or f"{node.op_type}:{next(iter(node.writes), '')}"
    name, count = wanted, 1
    while name in names:
        count += 1
        name = f"{wanted}#{count}"
    names.add(name)
    return name
