"""Skips that a convolution can carry: a tensor added to a convolution's output, or a linear map of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latencylab.rewrites._convolution import Convolution, convolution, is_private, replicate_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from latencylab.graph import Graph, Node

    Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Skip:
    """What an Add adds to a convolution: `matrix(*weights)` [out, in] applied to the channels of `source`.

    weights: constants the matrix is made of; none where it only copies channels. bias: added too, or "".
    nodes: the nodes that make it, which vanish with the Add.
    """

    add: Node
    conv: Convolution
    source: str
    matrix: Callable[..., Array]
    weights: tuple[str, ...] = ()
    bias: str = ""
    nodes: tuple[Node, ...] = ()


def skips(graph: Graph) -> Iterator[Skip]:
    """Find every Add to a convolution that nothing else reads, its input and output on one grid."""
    for node in graph.nodes:
        if node.op_type != "Add":
            continue
        for index in (0, 1):
            conv = convolution(graph, graph.producers.get(node.inputs[index]))
            other = graph.tensors[node.inputs[1 - index]]
            fits = conv and conv.groups == 1 and conv.centre and is_private(graph, conv.output)
            if not conv or not fits or other.is_constant:
                continue
            skip = _skip(graph, node, conv, other.name)
            if skip:
                yield skip
                break


def _skip(graph: Graph, add: Node, conv: Convolution, name: str) -> Skip | None:
    out, shape = conv.out_channels, graph.tensors[name].shape
    whole = graph.tensors[conv.output].shape
    if len(shape) != 4 or (shape[0], *shape[2:]) != (whole[0], *whole[2:]):
        return None
    made_by = graph.producers.get(name)
    if made_by is not None and made_by.op_type == "ChannelReplicate":
        return _replicated(graph, add, conv, made_by)
    linear = convolution(graph, made_by)
    is_pointwise = linear and linear.kernel == (1, 1) and linear.groups == 1 and linear.centre == (0, 0)
    if linear and is_pointwise and is_private(graph, name):
        return Skip(add, conv, linear.source, _flat, (linear.weight,), linear.bias, (linear.node,))
    if shape[1] == out:
        return Skip(add, conv, name, lambda: np.eye(out))
    if shape[1] == 1:
        return Skip(add, conv, name, lambda: np.ones((out, 1)))
    return None


def _replicated(graph: Graph, add: Node, conv: Convolution, node: Node) -> Skip:
    times, is_interleaved = int(node.attributes["times"]), bool(node.attributes["interleaved"])
    channels = graph.tensors[node.inputs[0]].shape[1]
    return Skip(
        add,
        conv,
        node.inputs[0],
        lambda: replicate_matrix(channels, times, is_interleaved=is_interleaved),
        nodes=(node,),
    )


def _flat(weight: Array) -> Array:
    return weight[:, :, 0, 0]
