"""A grouped or depthwise convolution becomes a dense one, its weights filled up with zeros.

Matrix engines pad channels to their width per group: a dense convolution does more useful MACs, yet may take
less time. The function stays the same; quantized weights are filled up with their zero point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "dense_group"

# Positions of weight and zero point among the inputs.
_WEIGHTS = {"Conv": (1, None), "QLinearConv": (3, 5)}


class _Grouped(NamedTuple):
    """A grouped convolution. `convert` is the DequantizeLinear between a quantized weight and a Conv."""

    node: Node
    groups: int
    position: int
    weight: str
    zero: str
    convert: Node | None


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for the convolutions of each geometry, for what pays for one may not pay for another."""
    alike: dict[tuple[object, ...], list[_Grouped]] = {}
    for node in graph.nodes:
        found = _grouped(graph, node) if int(node.attributes.get("group", 1)) > 1 else None
        if found is not None:
            shapes = (graph.tensors[name].shape for name in (found.weight, node.outputs[0]))
            strides = tuple(node.attributes.get("strides", ()))
            alike.setdefault((found.groups, *shapes, *strides), []).append(found)
    return tuple(_change(graph, convs) for convs in alike.values())


def _grouped(graph: Graph, node: Node) -> _Grouped | None:
    """Read a grouped convolution of constant weights; None for anything else."""
    if node.op_type not in _WEIGHTS or node.domain:
        return None
    position, zero_at = _WEIGHTS[node.op_type]
    name, convert = node.inputs[position], graph.producers.get(node.inputs[position])
    zero = node.inputs[zero_at] if zero_at is not None else ""
    if convert is not None and convert.op_type == "DequantizeLinear":
        name, zero = convert.inputs[0], convert.inputs[2] if len(convert.inputs) > 2 else ""
    if not graph.tensors[name].is_constant or graph.tensors[name].is_sign:
        return None
    return _Grouped(node, int(node.attributes["group"]), position, name, zero, convert)


def _change(graph: Graph, convs: list[_Grouped]) -> Change:
    draft = Draft(graph, RULE)
    for conv in convs:
        _write(draft, conv)
    first = convs[0]
    is_depthwise = graph.tensors[first.weight].shape[1] == 1
    kind = "depthwise convolution" if is_depthwise else f"{first.groups} groups of"
    more = f" (and {len(convs) - 1} more like it)" if len(convs) > 1 else ""
    text = f"make the {kind} {first.node.name} dense by zero weights{more}"
    return draft.change(text, "exact")


def _write(draft: Draft, conv: _Grouped) -> None:
    node, groups = conv.node, conv.groups
    outs, ins, *kernel = draft.shape(conv.weight)
    sources = (conv.weight, *((conv.zero,) if conv.zero else ()))
    shape = (outs, ins * groups, *kernel)
    weight = draft.weight(
        f"{node.name}.weight", shape, lambda *w: dense(groups, *w), *sources, like=conv.weight
    )
    if conv.convert is not None:
        kind = draft.graph.tensors[conv.convert.outputs[0]].dtype
        inputs, name = (weight, *conv.convert.inputs[1:]), f"{node.name}.weight_float"
        attributes = conv.convert.attributes
        weight = draft.node(name, "DequantizeLinear", inputs, shape, dtype=kind, **attributes)
    inputs = (*node.inputs[: conv.position], weight, *node.inputs[conv.position + 1 :])
    output = node.outputs[0]
    attributes = {**node.attributes, "group": 1}
    draft.node(f"{node.name}.dense", node.op_type, inputs, draft.shape(output), into=output, **attributes)
    draft.touched.append(node)


def dense(groups: int, weight: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    """Weights [out, in / groups, ...] of a grouped convolution as [out, in, ...]; `zero` stands for zero."""
    outs, ins = weight.shape[0] // groups, weight.shape[1]
    result = np.zeros((weight.shape[0], ins * groups, *weight.shape[2:]), weight.dtype)
    if zero is not None:
        result += zero.reshape((-1, *(1 for _ in weight.shape[1:])))
    for group in range(groups):
        rows = slice(group * outs, (group + 1) * outs)
        result[rows, group * ins : (group + 1) * ins] = weight[rows]
    return result
