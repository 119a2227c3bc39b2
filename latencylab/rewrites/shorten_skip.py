"""A long skip is shortened: it starts at the nearest earlier map of its shape instead of far back.

What a skip carries is alive all the way: it crowds the on-chip memory, or is stored and read back. The
network has to be trained again; a global residual of feature maps is often worth little in a shallow network.
The skip that carries the image itself stays: it is what makes such networks easy to train.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from latencylab import units
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "shorten_skip"
_LONG = 6
"""Nodes between a skip's ends from which on it is long: two convolutions with their activations are not."""


class _Skip(NamedTuple):
    """A skip from the tensor `far` into an Add; `source` is the map to start from instead."""

    add: Node
    far: str
    source: str
    length: int


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for the skips of each length: how far they reach decides what they cost."""
    place = {name: index for index, node in enumerate(graph.nodes) for name in node.outputs}
    alike: dict[int, list[_Skip]] = {}
    for index, node in enumerate(graph.nodes):
        skip = _skip(graph, node, index, place) if node.op_type == "Add" else None
        if skip is not None:
            alike.setdefault(skip.length, []).append(skip)
    return tuple(_change(graph, skips) for skips in alike.values())


def _skip(graph: Graph, node: Node, index: int, place: dict[str, int]) -> _Skip | None:
    """Read an Add whose inputs were computed far apart, and find a nearer map to add."""
    near, far = sorted(node.inputs, key=lambda name: place.get(name, -1), reverse=True)
    length = index - place.get(far, index)
    if length <= _LONG or near == far or _is_image(graph, far):
        return None
    source = _nearer(graph, near, far)
    return _Skip(node, far, source, length) if source else None


def _is_image(graph: Graph, name: str) -> bool:
    """Whether a tensor is an input, or copied from one without looking at neighbouring pixels."""
    while name not in graph.inputs:
        node = graph.producers.get(name)
        if node is None:
            return False
        is_pointwise = node.op_type != "Conv" or set(graph.tensors[node.inputs[1]].shape[2:]) == {1}
        if not is_pointwise or node.op_type == "Add":
            return False
        name = node.inputs[0]
    return True


def _nearer(graph: Graph, name: str, far: str) -> str:
    """Walk up the main branch to a map of the skip's shape; "" where there is none before its beginning."""
    shape = graph.tensors[far].shape
    while True:
        node = graph.producers.get(name)
        if node is None or not node.inputs or node.inputs[0] == far:
            return ""
        name = node.inputs[0]
        if graph.tensors[name].shape == shape:
            return name


def _change(graph: Graph, skips: list[_Skip]) -> Change:
    draft = Draft(graph, RULE)
    for skip in skips:
        inputs = tuple(skip.source if name == skip.far else name for name in skip.add.inputs)
        output = skip.add.outputs[0]
        draft.node(f"{skip.add.name}.short", "Add", inputs, draft.shape(output), into=output)
        draft.touched.append(skip.add)
    first = skips[0]
    more = f" (and {len(skips) - 1} more like it)" if len(skips) > 1 else ""
    text = f"shorten the skip of {units.counted(first.length, 'node')} into {first.add.name}{more}"
    return draft.change(f"{text}: add {first.source} instead of {first.far}", "retrain")
