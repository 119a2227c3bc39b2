"""An Add of a convolution and a skip becomes a Concat before the convolution, whose weights carry the skip.

conv(t) + s = conv'(concat(t, s)) with weights [W | 1 at the centre]: exact, whatever s is. A skip of copied
channels, or of a 1x1 convolution, is carried from what it copies: the copying vanishes too.
Where the convolution reads the skip itself, conv(s) + s, the identity goes straight into its weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.rewrites._convolution import at_tap
from latencylab.rewrites._draft import Draft
from latencylab.rewrites._skip import Skip, skips

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.rewrites._change import Change

RULE = "add_skip_to_concat"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for the skips of each geometry: long image skips and residual blocks pay differently."""
    groups: dict[tuple[object, ...], list[Skip]] = {}
    for skip in skips(graph):
        is_folded = skip.source == skip.conv.source
        geometry = (is_folded, skip.conv.weight_shape, graph.tensors[skip.source].shape)
        groups.setdefault(geometry, []).append(skip)
    return tuple(_change(graph, group) for group in groups.values())


def _change(graph: Graph, group: list[Skip]) -> Change:
    draft = Draft(graph, RULE)
    for skip in group:
        write(draft, skip)
    first = group[0]
    how = "fold it into" if first.source == first.conv.source else "Concat its source in front of"
    more = f" (and {len(group) - 1} more like it)" if len(group) > 1 else ""
    text = (
        f"replace the skip's Add {first.add.name}: {how} {first.conv.node.name}, whose weights carry it{more}"
    )
    return draft.change(text, "exact")


def write(draft: Draft, skip: Skip) -> None:
    """Write the convolution that carries the skip."""
    conv, shape = skip.conv, draft.shape(skip.add.outputs[0])
    draft.touched += [conv.node, *skip.nodes, skip.add]
    stem = skip.add.name
    source = conv.source
    if skip.source != source:
        before, beside = draft.shape(source), draft.shape(skip.source)
        joined = (before[0], before[1] + beside[1], *before[2:])
        source = draft.node(f"{stem}.concat", "Concat", (source, skip.source), joined, axis=1)
    weight = _weight(draft, skip, source)
    bias = carried_bias(draft, skip)
    inputs = (source, weight, *((bias,) if bias else ()))
    draft.node(f"{stem}.conv", "Conv", inputs, shape, into=skip.add.outputs[0], **conv.attributes)


def _weight(draft: Draft, skip: Skip, source: str) -> str:
    conv, kernel, centre = skip.conv, skip.conv.kernel, skip.conv.centre
    assert centre is not None  # noqa: S101 - `skips` finds no others
    shape = (conv.out_channels, draft.shape(source)[1], *kernel)

    def joined(weight: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        carrying = at_tap(kernel, centre, skip.matrix(*parts))
        return weight + carrying if source == conv.source else np.concatenate((weight, carrying), axis=1)

    return draft.weight(
        f"{skip.add.name}.weight", shape, joined, conv.weight, *skip.weights, like=conv.weight
    )


def carried_bias(draft: Draft, skip: Skip) -> str:
    """The bias of the convolution that carries the skip; "" where there is none."""
    conv = skip.conv
    if not (conv.bias and skip.bias):
        return conv.bias or skip.bias
    shape = (conv.out_channels,)
    return draft.weight(
        f"{skip.add.name}.bias", shape, lambda a, b: a + b, conv.bias, skip.bias, like=conv.bias
    )
