"""Sign whose every reader is a binary convolution: it writes one bit an element, and weights are one bit too.

For devices with one-bit multipliers; others store a sign in a byte.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab.fusion._match import Match, Refusal
from latencylab.fusion.binary_conv import MARK

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Sign"})
_BINARY = "binary"


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Retype the signs and the weights that meet them."""
    name = node.outputs[0]
    readers = sorted(graph.readers(name), key=lambda reader: reader.name)
    if graph.tensors[name].dtype == _BINARY or not any(reader.attributes.get(MARK) for reader in readers):
        return None
    for reader in readers:
        if not reader.attributes.get(MARK) or name in reader.inputs[1:]:
            return Refusal(f"{reader.name} reads its signs as numbers", node)
    if name in graph.kept:
        return Refusal("its signs are an output of the network", node)
    retyped = dict.fromkeys((name, *(reader.inputs[1] for reader in readers)))
    tensors = tuple(replace(graph.tensors[each], dtype=_BINARY) for each in retyped)
    return Match((node,), node, tensors=tensors)
