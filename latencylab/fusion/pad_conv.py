"""Pad with zeros around the map, then Conv: the convolution's own padding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from latencylab import dtypes
from latencylab.fusion._match import Match, Refusal
from latencylab.fusion._reading import constant, input_tensor, integers, producer, scalar

if TYPE_CHECKING:
    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node

ANCHORS = frozenset({"Conv"})


def match(graph: WorkingGraph, node: Node) -> Match | Refusal | None:
    """Add the Pad's amounts to the convolution's."""
    pad = producer(graph, node, 0, "Pad")
    if pad is None:
        return None
    amounts = integers(graph, pad, 1, "pads")
    reason = _obstacle(graph, pad, node, amounts)
    if amounts is None or reason:
        return Refusal(reason, node)
    rank = len(amounts) // 2
    own = node.attributes.get("pads") or (0,) * (2 * (rank - 2))
    outer = amounts[2:rank] + amounts[rank + 2 :]
    attributes = {**node.attributes, "pads": tuple(a + b for a, b in zip(own, outer, strict=True))}
    written = replace(node, inputs=(pad.inputs[0], *node.inputs[1:]), attributes=attributes)
    return Match((pad, node), written)


def _obstacle(graph: WorkingGraph, pad: Node, conv: Node, amounts: tuple[int, ...] | None) -> str:
    """Say what keeps the Pad out of the convolution; empty if nothing does."""
    if pad.attributes.get("mode", "constant") != "constant":
        return f"{pad.name} pads with {pad.attributes['mode']}"
    if amounts is None or len(amounts) != 2 * len(graph.tensors[pad.inputs[0]].shape) or len(pad.inputs) > 3:
        return f"{pad.name} pads by amounts or along axes known only at run time"
    rank = len(amounts) // 2
    if min(amounts) < 0 or any(amounts[axis] for axis in (0, 1, rank, rank + 1)):
        return f"{pad.name} crops, or pads other axes than those of the map"
    if conv.attributes.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}:
        return "the convolution chooses its padding itself"
    return "" if _is_zero(graph, pad) else f"{pad.name} pads with another value than zero"


def _is_zero(graph: WorkingGraph, pad: Node) -> bool:
    """Whether it pads with zeros; in a quantized tensor with the zero point, whatever number that is."""
    if dtypes.is_quantized(graph.tensors[pad.inputs[0]].dtype) or input_tensor(graph, pad, 2) is None:
        return True
    return scalar(constant(graph, pad, 2)) == 0.0
