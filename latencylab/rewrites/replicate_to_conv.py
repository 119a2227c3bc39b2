"""Channels copied (Concat of one tensor, Tile, Expand, repeat-interleave) become a fixed 1x1 convolution.

A convolution of zeros and ones copies channels exactly, and accelerators map it better than the copying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import dtypes
from latencylab.rewrites._convolution import at_tap, geometry, replicate_matrix
from latencylab.rewrites._draft import Draft
from latencylab.rewrites._fixed import fixed_weight

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "replicate_to_conv"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for all replicates of images and maps."""
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        if node.op_type == "ChannelReplicate" and _is_map(graph, node.inputs[0]):
            _write(draft, node)
    if not draft:
        return ()
    first = draft.touched[0]
    text = f"copy the channels of {first.inputs[0]} by a fixed 1x1 convolution"
    return (draft.change(text, "exact"),)


def _is_map(graph: Graph, name: str) -> bool:
    tensor = graph.tensors[name]
    return len(tensor.shape) == 4 and dtypes.is_float(tensor.dtype)


def _write(draft: Draft, node: Node) -> None:
    source, target = node.inputs[0], node.outputs[0]
    channels, times = draft.shape(source)[1], int(node.attributes["times"])
    is_interleaved = bool(node.attributes["interleaved"])
    weight = fixed_weight(
        draft,
        f"{node.name}.weight",
        (channels * times, channels, 1, 1),
        lambda: at_tap((1, 1), (0, 0), replicate_matrix(channels, times, is_interleaved=is_interleaved)),
        source=source,
    )
    shape = draft.shape(target)
    draft.node(f"{node.name}.conv", "Conv", (source, weight), shape, into=target, **geometry((1, 1)))
    draft.touched.append(node)
