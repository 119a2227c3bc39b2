"""A grouped or depthwise convolution becomes a dense one, its weights filled up with zeros.

Matrix engines pad channels to their width per group: a dense convolution does more useful MACs, yet may take
less time. The function stays the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.rewrites._convolution import Convolution, convolution
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.rewrites._change import Change

RULE = "dense_group"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for the convolutions of each geometry, for what pays for one may not pay for another."""
    alike: dict[tuple[object, ...], list[Convolution]] = {}
    for node in graph.nodes:
        conv = convolution(graph, node)
        if conv is not None and conv.groups > 1:
            geometry = (conv.weight_shape, conv.groups, conv.strides, graph.tensors[conv.output].shape)
            alike.setdefault(geometry, []).append(conv)
    return tuple(_change(graph, convs) for convs in alike.values())


def _change(graph: Graph, convs: list[Convolution]) -> Change:
    draft = Draft(graph, RULE)
    for conv in convs:
        _write(draft, conv)
    first = convs[0]
    kind = "depthwise convolution" if first.groups == first.in_channels else f"{first.groups} groups of"
    more = f" (and {len(convs) - 1} more like it)" if len(convs) > 1 else ""
    text = f"make the {kind} {first.node.name} dense by zero weights{more}"
    return draft.change(text, "exact")


def _write(draft: Draft, conv: Convolution) -> None:
    groups, stem = conv.groups, conv.node.name
    shape = (conv.out_channels, conv.in_channels, *conv.kernel)
    weight = draft.weight(f"{stem}.weight", shape, lambda w: dense(w, groups), conv.weight, like=conv.weight)
    inputs = (conv.source, weight, *((conv.bias,) if conv.bias else ()))
    output = conv.output
    attributes = conv.attributes | {"group": 1}
    draft.node(f"{stem}.dense", "Conv", inputs, draft.shape(output), into=output, **attributes)
    draft.touched.append(conv.node)


def dense(weight: np.ndarray, groups: int) -> np.ndarray:
    """Weights [out, in / groups, ...] of a grouped convolution as [out, in, ...]."""
    outs, ins = weight.shape[0] // groups, weight.shape[1]
    result = np.zeros((weight.shape[0], ins * groups, *weight.shape[2:]), weight.dtype)
    for group in range(groups):
        rows = slice(group * outs, (group + 1) * outs)
        result[rows, group * ins : (group + 1) * ins] = weight[rows]
    return result
