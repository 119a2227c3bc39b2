"""Weights quantized per channel get one scale for the whole tensor.

Some devices run such convolutions elsewhere, as their profiles say (`per_channel_by`); on others nothing is
saved. The weights are quantized anew, with an error that grows with the spread of the channels' ranges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab import units
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "per_tensor"

# Where an operator reads (scale, zero point) of a weight.
_SCALES = {"DequantizeLinear": ((1, 2),), "QLinearConv": ((4, 5),), "QLinearMatMul": ((4, 5),)}


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for all weights: a network is quantized as a whole."""
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        for scale, zero in _SCALES.get(node.op_type, ()):
            if len(node.inputs) > scale and _is_per_channel(graph, node, scale):
                _write(draft, node, scale, zero)
    if not draft:
        return ()
    count = len({node.name for node in draft.touched})
    text = f"quantize the weights of {units.counted(count, 'operator')} per tensor instead of per channel"
    return (draft.change(text, "approximate"),)


def _is_per_channel(graph: Graph, node: Node, scale: int) -> bool:
    tensor = graph.tensors[node.inputs[scale]]
    is_blocked = int(node.attributes.get("block_size", 0)) > 0
    return tensor.is_constant and tensor.elements > 1 and not is_blocked


def _write(draft: Draft, node: Node, scale: int, zero: int) -> None:
    inputs = list(node.inputs)
    output = node.outputs[0]
    inputs[scale] = draft.weight(f"{node.name}.scale", (), np.max, inputs[scale], like=inputs[scale])
    if len(inputs) > zero and inputs[zero]:
        inputs[zero] = draft.weight(f"{node.name}.zero", (), np.max, inputs[zero], like=inputs[zero])
    attributes = {key: value for key, value in node.attributes.items() if key != "axis"}
    shape = draft.shape(output)
    dtype = draft.graph.tensors[output].dtype
    name = f"{node.name}.whole"
    draft.node(name, node.op_type, inputs, shape, into=output, dtype=dtype, **attributes)
    readers = draft.graph.consumers.get(output, ()) if node.op_type == "DequantizeLinear" else ()
    draft.touched += readers or (node,)
