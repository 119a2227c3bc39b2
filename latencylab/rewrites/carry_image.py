"""The image skip of a plain network is carried through the trunk by as many channels as the image has.

trunk(image) + copies(image): every trunk convolution gets the image's channels added, passed on by ones at
its kernel's centre, and the last one copies them where the Add did. Replicate and Add vanish, for more MACs.
A fourth channel of zeros beside three colours keeps widths multiples of four, which some devices move faster.

Exact where the activations between let the image through: PReLU by a slope of 1, whatever the image; ReLU and
LeakyReLU where no pixel is negative, Clip where none exceeds its bounds either.
"""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

import numpy as np

from latencylab.rewrites._convolution import (
    Convolution,
    at_tap,
    block_diagonal,
    convolution,
    is_channelwise,
    is_private,
)
from latencylab.rewrites._draft import Draft
from latencylab.rewrites._skip import Skip, skips
from latencylab.rewrites.add_skip_to_concat import carried_bias

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

    _Step = Convolution | Node

RULE = "carry_image"
_EVEN = 4
_NOT_NEGATIVE = frozenset({"Relu", "LeakyRelu"})


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """Propose for each Add behind a plain trunk: as many channels as the image has, or a multiple of four."""
    found = []
    for skip in skips(graph):
        # Nobody knows the sign of a feature map; of an image one can say it.
        trunk = _trunk(graph, skip) if skip.source in graph.inputs else None
        if trunk is not None:
            channels = graph.tensors[skip.source].shape[1]
            extras = sorted({channels, ceil(channels / _EVEN) * _EVEN})
            found += [_change(graph, skip, trunk, extra) for extra in extras]
    return tuple(found)


def _trunk(graph: Graph, skip: Skip) -> list[_Step] | None:
    """Convolutions and activations from the skip's source to its Add, in order; None if they are no chain."""
    steps: list[_Step] = [skip.conv]
    name = skip.conv.source
    while name != skip.source:
        node = graph.producers.get(name)
        if node is None:
            return None
        step = convolution(graph, node) or node
        if not is_private(graph, name) or not _passes(graph, step):
            return None
        steps.append(step)
        name = node.inputs[0]
    return steps[::-1] if len(steps) > 1 and isinstance(steps[-1], Convolution) else None


def _passes(graph: Graph, step: _Step) -> bool:
    """Whether added channels come out of this step as they went in."""
    if isinstance(step, Convolution):
        return step.groups == 1 and step.centre is not None
    if step.domain:
        return False
    if step.op_type == "PRelu":
        return is_channelwise(graph, step.inputs[1], graph.tensors[step.outputs[0]].shape[1])
    return step.op_type in _NOT_NEGATIVE or (step.op_type == "Clip" and _bounds(graph, step) is not None)


def _bounds(graph: Graph, clip: Node) -> tuple[float, float] | None:
    """Constant bounds that let zero through; None otherwise."""
    bounds = [-inf, inf]
    for index, name in enumerate(clip.inputs[1:3]):
        if not name:
            continue
        values = graph.tensors[name].values
        if not values:
            return None
        bounds[index] = float(values[0])
    return (bounds[0], bounds[1]) if bounds[0] <= 0 < bounds[1] else None


def _given(graph: Graph, trunk: list[_Step]) -> str:
    """The condition on the image under which the activations let it through."""
    nodes = [step for step in trunk if not isinstance(step, Convolution)]
    bounds = [b for step in nodes if step.op_type == "Clip" and (b := _bounds(graph, step))]
    high = min((b[1] for b in bounds), default=inf)
    is_cut = any(step.op_type in _NOT_NEGATIVE for step in nodes) or any(b[0] > -inf for b in bounds)
    above = f"exceeds {high:g}" if high < inf else ""
    return " or ".join(filter(None, ("is negative" if is_cut else "", above)))


def _change(graph: Graph, skip: Skip, trunk: list[_Step], extra: int) -> Change:
    draft = Draft(graph, RULE)
    name = skip.source
    for step in trunk[:-1]:
        if isinstance(step, Convolution):
            name = _widened_conv(draft, step, name, extra, is_first=name == skip.source)
            draft.touched.append(step.node)
        else:
            name = _widened_activation(draft, step, name, extra)
    _last_conv(draft, skip, name, extra)
    draft.touched += [skip.conv.node, *skip.nodes, skip.add]
    gone = " and ".join((*(node.op_type for node in skip.nodes), f"Add {skip.add.name}"))
    condition = _given(graph, trunk)
    given = f"no value of {skip.source} {condition}" if condition else ""
    text = f"carry {skip.source} through the trunk in {extra} channels more, without {gone}"
    return draft.change(text, "exact", given=given)


def _widened_conv(draft: Draft, conv: Convolution, source: str, extra: int, *, is_first: bool) -> str:
    """Write the convolution with channels that pass the image on; the first one reads nothing else."""
    centre, stem = conv.centre, conv.node.name
    assert centre is not None  # noqa: S101 - `_passes` lets no others through
    outs = conv.out_channels + extra
    carried = conv.in_channels if is_first else extra

    def weights(weight: np.ndarray) -> np.ndarray:
        carrying = at_tap(conv.kernel, centre, np.eye(extra, carried, dtype=weight.dtype))
        return np.concatenate((weight, carrying)) if is_first else block_diagonal(weight, carrying)

    ins = conv.in_channels + (0 if is_first else extra)
    weight = draft.weight(f"{stem}.weight", (outs, ins, *conv.kernel), weights, conv.weight, like=conv.weight)
    inputs = [source, weight]
    if conv.bias:
        inputs.append(
            draft.weight(
                f"{stem}.bias", (outs,), lambda b: np.append(b, np.zeros(extra)), conv.bias, like=conv.bias
            )
        )
    before = draft.shape(conv.output)
    return draft.node(f"{stem}.wide", "Conv", inputs, (before[0], outs, *before[2:]), **conv.attributes)


def _widened_activation(draft: Draft, node: Node, source: str, extra: int) -> str:
    inputs = [source, *node.inputs[1:]]
    if node.op_type == "PRelu":
        inputs[1] = _slopes(draft, node, extra)
    return draft.node(f"{node.name}.wide", node.op_type, inputs, draft.shape(source), **node.attributes)


def _slopes(draft: Draft, node: Node, extra: int) -> str:
    """Slopes of the trunk as they were, one for the image: a PReLU of slope 1 changes nothing."""
    channels = draft.shape(node.outputs[0])[1]

    def slopes(slope: np.ndarray) -> np.ndarray:
        trunk = np.broadcast_to(slope.reshape(-1), (channels,))
        return np.append(trunk, np.ones(extra)).reshape(-1, 1, 1)

    return draft.weight(
        f"{node.name}.slope", (channels + extra, 1, 1), slopes, node.inputs[1], like=node.inputs[1]
    )


def _last_conv(draft: Draft, skip: Skip, source: str, extra: int) -> None:
    """Write the last convolution, which copies the carried channels where the Add did."""
    conv, centre = skip.conv, skip.conv.centre
    assert centre is not None  # noqa: S101 - `skips` finds no others
    shape = (conv.out_channels, draft.shape(source)[1], *conv.kernel)

    def weights(weight: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        matrix = skip.matrix(*parts)
        matrix = np.pad(matrix, ((0, 0), (0, extra - matrix.shape[1])))
        return np.concatenate((weight, at_tap(conv.kernel, centre, matrix)), axis=1)

    weight = draft.weight(
        f"{conv.node.name}.weight", shape, weights, conv.weight, *skip.weights, like=conv.weight
    )
    bias = carried_bias(draft, skip)
    inputs = (source, weight, *((bias,) if bias else ()))
    output = skip.add.outputs[0]
    draft.node(f"{conv.node.name}.wide", "Conv", inputs, draft.shape(output), into=output, **conv.attributes)
