"""The activation behind a DepthToSpace moves in front of it; a Clip is spelled so that it folds.

What works element by element commutes with a permutation of the elements, so behind the last convolution the
activation is worth the same, and there a device folds it into the convolution. Min and Max with constant
bounds become a Clip, a Clip from zero without an upper bound a Relu: the spellings that compilers fold.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from latencylab.rewrites._convolution import POINTWISE, reader
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "foldable_clip"
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for activations to move, one for Clips to spell anew."""
    return (*_moved(graph), *_respelled(graph))


def _moved(graph: Graph) -> tuple[Change, ...]:
    draft = Draft(graph, RULE)
    moved = None
    for node in graph.nodes:
        chain = _chain(graph, node) if node.op_type == "DepthToSpace" else ()
        if chain:
            _swap(draft, node, chain)
            moved = moved or chain[-1]
    if moved is None:
        return ()
    text = f"move {moved.op_type} {moved.name} before the DepthToSpace, where it folds into the convolution"
    return (draft.change(text, "exact"),)


def _chain(graph: Graph, shuffle: Node) -> tuple[Node, ...]:
    """What works element by element behind a DepthToSpace, up to the last activation; conversions count."""
    chain: list[Node] = []
    node = reader(graph, shuffle.outputs[0])
    while node is not None and _is_elementwise(graph, node):
        chain.append(node)
        node = reader(graph, node.outputs[0])
    while chain and chain[-1].op_type in _CONVERSIONS:
        chain.pop()
    return tuple(chain)


def _is_elementwise(graph: Graph, node: Node) -> bool:
    """Whether a node treats every element alike, wherever it lies."""
    if node.op_type == "PRelu" or node.op_type in _CONVERSIONS:
        return all(graph.tensors[name].elements == 1 for name in node.inputs[1:] if name)
    return node.op_type in POINTWISE and not node.domain


def _swap(draft: Draft, shuffle: Node, chain: tuple[Node, ...]) -> None:
    name, shape = shuffle.inputs[0], draft.shape(shuffle.inputs[0])
    for node in chain:
        inputs, dtype = (name, *node.inputs[1:]), draft.graph.tensors[node.outputs[0]].dtype
        name = draft.node(f"{node.name}.early", node.op_type, inputs, shape, dtype=dtype, **node.attributes)
    attributes = {key: shuffle.attributes[key] for key in ("blocksize", "mode") if key in shuffle.attributes}
    late, target = f"{shuffle.name}.late", chain[-1].outputs[0]
    draft.node(late, "DepthToSpace", (name,), draft.shape(target), into=target, **attributes)
    draft.touched += [shuffle, *chain]


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
