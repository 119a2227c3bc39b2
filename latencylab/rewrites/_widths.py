"""Which maps of a network share a width, and can be widened or narrowed: those between convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.rewrites._convolution import POINTWISE, Convolution, convolution, is_channelwise

if TYPE_CHECKING:
    from latencylab.graph import Graph, Node

_SAME_WIDTH = (POINTWISE - {"PRelu"}) | {"MaxPool", "AveragePool", "GlobalAveragePool"}
_JOINED = frozenset({"Add", "Sub", "Mul", "Max", "Min"})


class Widths:
    """Free widths of a network's feature maps.

    convolutions: those whose weights can change with the widths around them, by node name.
    free: width -> names of the maps that have it and may have another one, all at once.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.convolutions: dict[str, Convolution] = {}
        self._parent: dict[str, str] = {}
        self._fixed: set[str] = {*graph.inputs, *graph.outputs}
        for node in graph.nodes:
            self._read(node)
        self.free = self._classes()

    def _read(self, node: Node) -> None:
        conv = convolution(self.graph, node)
        activations = [name for name in node.reads if not self.graph.tensors[name].is_constant]
        if conv is not None and conv.groups == 1 and len(self.graph.consumers[conv.weight]) == 1:
            self.convolutions[node.name] = conv
        elif self._keeps_width(node, activations):
            for name in activations:
                self._join(name, node.outputs[0])
        else:
            self._fixed.update(activations, node.outputs)

    def _keeps_width(self, node: Node, activations: list[str]) -> bool:
        """Whether every channel of the output comes from the same channel of the inputs, all resizable."""
        if node.domain or len(node.outputs) != 1:
            return False
        tensors = self.graph.tensors
        if node.op_type == "PRelu":
            shape = tensors[node.outputs[0]].shape
            return len(shape) == 4 and is_channelwise(self.graph, node.inputs[1], shape[1])
        if node.op_type in _SAME_WIDTH:
            return True
        shape = tensors[node.outputs[0]].shape
        constants = [tensors[name] for name in node.inputs if name and tensors[name].is_constant]
        is_scalar = all(tensor.elements == 1 for tensor in constants)
        same = all(len(s := tensors[name].shape) == 4 and s[1] == shape[1] for name in activations)
        return node.op_type in _JOINED and is_scalar and same

    def _root(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        while parent != name:
            self._parent[name] = self._parent[parent]
            name, parent = parent, self._parent[parent]
        return name

    def _join(self, first: str, second: str) -> None:
        self._parent[self._root(first)] = self._root(second)

    def _classes(self) -> dict[int, frozenset[str]]:
        fixed = {self._root(name) for name in self._fixed}
        found: dict[int, set[str]] = {}
        for node in self.graph.nodes:
            for name in node.outputs:
                if name and self._root(name) not in fixed and len(self.graph.tensors[name].shape) == 4:
                    found.setdefault(self.graph.tensors[name].shape[1], set()).add(name)
        return {width: frozenset(names) for width, names in sorted(found.items())}
