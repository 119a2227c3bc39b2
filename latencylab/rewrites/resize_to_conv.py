"""A Resize by a whole factor becomes a fixed convolution and a DepthToSpace.

Nearest: a 1x1 convolution that copies channels, exact. Bilinear and bicubic: a 3x3 or 5x5 convolution with
one filter a phase; exact behind a Pad that repeats the edge, as Resize does; without it the outermost pixels
differ.

A nearest Resize added to the output of a DepthToSpace is an anchor: the copies are added in front of the
DepthToSpace instead, at the low resolution, exact as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.rewrites._convolution import at_tap, geometry, is_private, reader, replicate_matrix
from latencylab.rewrites._draft import Draft
from latencylab.rewrites._fixed import fixed_weight, is_quantized
from latencylab.rewrites._resize import Upsampling, upsampling

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "resize_to_conv"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """Propose for each Resize: an anchor where it is a skip, a padded and a plain convolution."""
    found = []
    for node in graph.nodes:
        resize = upsampling(graph, node)
        if resize is None:
            continue
        anchored = _anchor(graph, resize) if resize.copies else None
        if anchored is not None:
            found.append(anchored)
        found.append(_convolved(graph, resize, is_padded=not resize.copies))
        if not resize.copies:
            found.append(_convolved(graph, resize, is_padded=False))
    return tuple(found)


def _convolved(graph: Graph, resize: Upsampling, *, is_padded: bool) -> Change:
    draft = Draft(graph, RULE)
    node, factor, taps = resize.node, resize.factor, resize.shares.shape[1]
    source, output = node.inputs[0], node.outputs[0]
    batch, channels, height, width = draft.shape(source)
    edge = (resize.before, resize.before, taps - 1 - resize.before, taps - 1 - resize.before)
    if is_padded:
        source = _padded(draft, node, edge)
    wide = channels * factor**2
    weight = fixed_weight(
        draft,
        f"{node.name}.weight",
        (wide, channels, taps, taps),
        lambda: _filters(resize, channels),
        source=node.inputs[0],
    )
    attributes = geometry((taps, taps), (0, 0, 0, 0) if is_padded else edge)
    shape = (batch, wide, height, width)
    conv = draft.node(f"{node.name}.conv", "Conv", (source, weight), shape, **attributes)
    _shuffle(draft, node, conv, output, factor)
    draft.touched.append(node)
    text = (
        f"replace the {resize.mode} Resize {node.name} by a fixed {taps}x{taps} convolution and DepthToSpace"
    )
    if is_padded:
        text += " behind a Pad"
    # Interpolation weights are no multiples of 1/127.
    is_exact = resize.copies or (is_padded and not is_quantized(graph, node.inputs[0]))
    return draft.change(text, "exact" if is_exact else "approximate")


def _padded(draft: Draft, node: Node, edge: tuple[int, int, int, int]) -> str:
    """Repeat the outermost pixels, as Resize does where its kernel leaves the image."""
    source = node.inputs[0]
    batch, channels, height, width = draft.shape(source)
    amounts = (0, 0, *edge[:2], 0, 0, *edge[2:])
    pads = draft.setting(f"{node.name}.pads", amounts)
    shape = (batch, channels, height + edge[0] + edge[2], width + edge[1] + edge[3])
    return draft.node(f"{node.name}.pad", "Pad", (source, pads), shape, mode="edge")


def _filters(resize: Upsampling, channels: int) -> np.ndarray:
    """[channels * factor * factor, channels, taps, taps]: each channel on its own, phases innermost."""
    kernel = resize.kernel
    taps = kernel.shape[-1]
    result = np.zeros((channels, resize.factor**2, channels, taps, taps))
    for channel in range(channels):
        result[channel, :, channel] = kernel.reshape(-1, taps, taps)
    return result.reshape(-1, channels, taps, taps)


def _shuffle(draft: Draft, node: Node, source: str, output: str, factor: int) -> None:
    shape = draft.shape(output)
    draft.node(
        f"{node.name}.shuffle", "DepthToSpace", (source,), shape, into=output, blocksize=factor, mode="CRD"
    )


def _anchor(graph: Graph, resize: Upsampling) -> Change | None:
    """Move the Add of a nearest Resize in front of the DepthToSpace on its other side."""
    node, factor = resize.node, resize.factor
    add = reader(graph, node.outputs[0])
    if add is None or add.op_type != "Add":
        return None
    other = next(name for name in add.inputs if name != node.outputs[0])
    shuffle = graph.producers.get(other)
    if shuffle is None or shuffle.op_type != "DepthToSpace" or not is_private(graph, other):
        return None
    if (
        int(shuffle.attributes["blocksize"]) != factor
        or graph.tensors[other].shape != graph.tensors[node.outputs[0]].shape
    ):
        return None
    draft = Draft(graph, RULE)
    mode = str(shuffle.attributes.get("mode", "DCR"))
    copies = _copies(draft, resize, is_interleaved=mode == "CRD")
    low = shuffle.inputs[0]
    total = draft.node(f"{add.name}.early", "Add", (low, copies), draft.shape(low))
    output = add.outputs[0]
    shape = draft.shape(output)
    name = f"{shuffle.name}.late"
    draft.node(name, "DepthToSpace", (total,), shape, into=output, blocksize=factor, mode=mode)
    draft.touched += [shuffle, node, add]
    text = f"add the nearest Resize {node.name} as an anchor in front of {shuffle.name}, at low resolution"
    return draft.change(text, "exact")


def _copies(draft: Draft, resize: Upsampling, *, is_interleaved: bool) -> str:
    source, times = resize.node.inputs[0], resize.factor**2
    batch, channels, height, width = draft.shape(source)
    weight = fixed_weight(
        draft,
        f"{resize.node.name}.weight",
        (channels * times, channels, 1, 1),
        lambda: at_tap((1, 1), (0, 0), replicate_matrix(channels, times, is_interleaved=is_interleaved)),
        source=source,
    )
    shape = (batch, channels * times, height, width)
    return draft.node(f"{resize.node.name}.anchor", "Conv", (source, weight), shape, **geometry((1, 1)))
