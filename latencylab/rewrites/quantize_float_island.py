"""Operators left in float inside a quantized network are quantized too.

An island costs conversions at its shores, and in between it runs where floats run, which on an NPU is the
slow place. QuantizeLinear and DequantizeLinear behind every operator of the island let a compiler run it in
integers; their scales come from calibration, so the function changes a little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab import dtypes, units
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "quantize_float_island"
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for all islands, in networks that are quantized elsewhere."""
    dtype = _quantized_type(graph)
    if not dtype:
        return ()
    draft = Draft(graph, RULE)
    for node in _islanders(graph):
        _write(draft, node, dtype)
    if not draft:
        return ()
    kinds = ", ".join(dict.fromkeys(node.op_type for node in draft.touched))
    island = f"float island of {units.counted(len(draft.touched), 'node')} ({kinds})"
    text = f"quantize the {island} as the rest of the network"
    return (draft.change(text, "approximate"),)


def _quantized_type(graph: Graph) -> str:
    """The type that the network's activations are quantized in; "" for a float network."""
    for node in graph.nodes:
        if node.op_type == "QuantizeLinear":
            return graph.tensors[node.outputs[0]].dtype
    return ""


def _islanders(graph: Graph) -> Iterator[Node]:
    """Nodes that write a float map which some node reads in float."""
    for node in graph.nodes:
        if node.op_type in _CONVERSIONS or len(node.outputs) != 1 or node.outputs[0] in graph.outputs:
            continue
        is_float = dtypes.is_float(graph.tensors[node.outputs[0]].dtype)
        readers = graph.consumers.get(node.outputs[0], ())
        if is_float and any(reader.op_type not in _CONVERSIONS for reader in readers):
            yield node


def _write(draft: Draft, node: Node, dtype: str) -> None:
    output = node.outputs[0]
    shape, kind = draft.shape(output), draft.graph.tensors[output].dtype
    written = draft.node(
        f"{node.name}.float", node.op_type, node.inputs, shape, dtype=kind, **node.attributes
    )
    # Calibration knows them; their values do not matter to an estimate, and no file is written.
    scale = draft.weight(f"{node.name}.scale", (), np.ones_like, output, like=output)
    zero = draft.zero(f"{node.name}.zero", dtype)
    quantized = draft.node(f"{node.name}.q", "QuantizeLinear", (written, scale, zero), shape, dtype=dtype)
    inputs = (quantized, scale, zero)
    draft.node(f"{node.name}.dq", "DequantizeLinear", inputs, shape, into=output, dtype=kind)
    draft.touched.append(node)
