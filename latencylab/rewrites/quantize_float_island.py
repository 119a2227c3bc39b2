"""Operators left in float inside a quantized network are quantized too.

An island costs conversions at its shores, and in between it runs where floats run, which on an NPU is the
slow place. QuantizeLinear and DequantizeLinear behind every operator of the island let a compiler run it in
integers; their scales come from calibration, so the function changes a little.

In the QOperator spelling (QLinearConv, ...) conversions do not annotate: whatever has no operator of its own
there, PRelu among it, is an island. It is priced on the quantized tensors, as the QDQ spelling lets it run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab import dtypes, units
from latencylab.fusion._quantized import MOVES
from latencylab.fusion._settings import is_setting
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    is_qoperator = any(node.op_type.startswith("QLinear") for node in graph.nodes)
    draft = Draft(graph, RULE)
    if is_qoperator:
        _write_integer_forms(draft, dtype)
    else:
        for node in _islanders(graph):
            _write(draft, node, dtype)
    if not draft:
        return ()
    kinds = ", ".join(dict.fromkeys(node.op_type for node in draft.touched))
    island = f"float island of {units.counted(len(draft.touched), 'node')} ({kinds})"
    text = f"quantize the {island} as the rest of the network"
    if is_qoperator:
        text += ", in the QDQ spelling"
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


def _write_integer_forms(draft: Draft, dtype: str) -> None:
    """Write every operator that computes behind a DequantizeLinear on the quantized tensors themselves."""
    graph = draft.graph
    integer: dict[str, str] = {}
    for node in graph.nodes:
        if node.op_type == "DequantizeLinear":
            integer[node.outputs[0]] = node.inputs[0]
        elif _computes_between(graph, node, integer):
            integer[node.outputs[0]] = _write_integer_form(draft, node, integer, dtype)
            draft.touched.append(node)


def _computes_between(graph: Graph, node: Node, integer: Mapping[str, str]) -> bool:
    """Whether a node reads quantized maps and no other, and computes: what only moves is no island."""
    if node.op_type in _CONVERSIONS | MOVES or len(node.outputs) != 1:
        return False
    maps = [name for name in node.reads if not graph.tensors[name].is_constant]
    return bool(maps) and all(name in integer for name in maps)


def _write_integer_form(draft: Draft, node: Node, integer: Mapping[str, str], dtype: str) -> str:
    """Add the node on integers; returns its output, which takes the place of a QuantizeLinear's behind it."""
    output = node.outputs[0]
    shape, kind = draft.shape(output), draft.graph.tensors[output].dtype
    inputs = [
        integer.get(name) or _parameter(draft, node, index, dtype) for index, name in enumerate(node.inputs)
    ]
    readers = draft.graph.consumers.get(output, ())
    into = next((reader.outputs[0] for reader in readers if reader.op_type == "QuantizeLinear"), "")
    name = f"{node.name}.integer"
    written = draft.node(name, node.op_type, inputs, shape, into=into, dtype=dtype, **node.attributes)
    if not into:
        # For who reads it in float: the application, or what is no part of the island. Else it vanishes.
        scale = draft.weight(f"{node.name}.scale", (), np.ones_like, output, like=output)
        back = (written, scale, draft.zero(f"{node.name}.zero", dtype))
        draft.node(f"{node.name}.dq", "DequantizeLinear", back, shape, into=output, dtype=kind)
    return written


def _parameter(draft: Draft, node: Node, index: int, dtype: str) -> str:
    """A constant that the operator streams, quantized as well; settings, and inputs left out, stay."""
    name = node.inputs[index]
    if not name:
        return name
    tensor = draft.graph.tensors[name]
    if is_setting(node, index, tensor) or not dtypes.is_float(tensor.dtype):
        return name
    # Calibration scales it; an estimate needs its size alone, and no file is written.
    return draft.weight(f"{name}.integer", tensor.shape, np.zeros_like, name, like=name, dtype=dtype)
