"""The activation behind a DepthToSpace moves in front of it; a Clip is spelled so that it folds.

What works element by element commutes with a permutation of the elements, so behind the last convolution the
activation is worth the same, and there a device folds it into the convolution. Min and Max with constant
bounds become a Clip, a Clip from zero without an upper bound a Relu: the spellings that compilers fold.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from latencylab.rewrites._convolution import POINTWISE, is_private
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "foldable_clip"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for activations to move, one for Clips to spell anew."""
    return (*_moved(graph), *_respelled(graph))


def _moved(graph: Graph) -> tuple[Change, ...]:
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        shuffle = graph.producers.get(node.inputs[0]) if node.op_type in POINTWISE else None
        if shuffle is None or shuffle.op_type != "DepthToSpace" or not is_private(graph, node.inputs[0]):
            continue
        if node.op_type != "PRelu" or graph.tensors[node.inputs[1]].elements == 1:
            _swap(draft, shuffle, node)
    if not draft:
        return ()
    shuffle, node = draft.touched[:2]
    text = (
        f"move {node.op_type} {node.name} in front of the DepthToSpace, where it folds into the convolution"
    )
    return (draft.change(text, "exact"),)


def _swap(draft: Draft, shuffle: Node, node: Node) -> None:
    source, target = shuffle.inputs[0], node.outputs[0]
    inputs = (source, *node.inputs[1:])
    folded = draft.node(f"{node.name}.early", node.op_type, inputs, draft.shape(source), **node.attributes)
    attributes = {key: shuffle.attributes[key] for key in ("blocksize", "mode") if key in shuffle.attributes}
    name = f"{shuffle.name}.late"
    draft.node(name, "DepthToSpace", (folded,), draft.shape(target), into=target, **attributes)
    draft.touched += [shuffle, node]


def _respelled(graph: Graph) -> tuple[Change, ...]:
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        if node.op_type == "Clip" and (node.parts or _is_relu(graph, node)):
            _respell(draft, node)
    if not draft:
        return ()
    return (draft.change(f"spell {draft.touched[0].name} as one Clip or Relu", "exact"),)


def _respell(draft: Draft, node: Node) -> None:
    op_type = "Relu" if _is_relu(draft.graph, node) else "Clip"
    inputs = node.inputs[:1] if op_type == "Relu" else node.inputs
    target = node.outputs[0]
    draft.node(f"{node.name}.{op_type.lower()}", op_type, inputs, draft.shape(target), into=target)
    draft.touched.append(node)


def _is_relu(graph: Graph, clip: Node) -> bool:
    bounds = [-inf, inf]
    for index, name in enumerate(clip.inputs[1:3]):
        values = graph.tensors[name].values if name else (bounds[index],)
        if not values:
            return False
        bounds[index] = float(values[0])
    # Exporters write "no upper bound" as the largest number of the type.
    return bounds[0] == 0 and bounds[1] > 3e38
