"""Writes a change down: nodes, weights and their names, which are new to the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latencylab.graph import Node, Tensor
from latencylab.rewrites._change import Change, Preserves, Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from latencylab.graph import Graph


class Draft:
    """A change in the making. What it adds is typed like the tensor `like`."""

    def __init__(self, graph: Graph, rule: str) -> None:
        self.graph = graph
        self.rule = rule
        self.touched: list[Node] = []
        self._used = {*graph.tensors, *(node.name for node in graph.nodes)}
        self._nodes: list[Node] = []
        self._tensors: dict[str, Tensor] = {}
        self._weights: list[Weight] = []

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, old or new."""
        return self._tensor(name).shape

    def weight(
        self,
        stem: str,
        shape: tuple[int, ...],
        compute: Callable[..., NDArray[Any]],
        *sources: str,
        like: str,
        dtype: str = "",
    ) -> str:
        """Add a constant, typed as stated or like another; `compute` takes the values of `sources`."""
        tensor = Tensor(self._fresh(stem), shape, dtype or self._tensor(like).dtype, is_constant=True)
        self._tensors[tensor.name] = tensor
        self._weights.append(Weight(tensor, sources, compute))
        return tensor.name

    def setting(self, stem: str, values: tuple[int, ...]) -> str:
        """Add a small constant of whole numbers: pads, shapes."""
        name = self._fresh(stem)
        self._tensors[name] = Tensor(name, (len(values),), "int64", is_constant=True, values=values)
        return name

    def zero(self, stem: str, dtype: str) -> str:
        """Add a scalar zero of any type: a zero point."""
        name = self._fresh(stem)
        self._tensors[name] = Tensor(name, (), dtype, is_constant=True, values=(0,))
        return name

    def node(
        self,
        stem: str,
        op_type: str,
        inputs: Iterable[str],
        shape: tuple[int, ...],
        *,
        into: str = "",
        dtype: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node with one output, which takes the place of the existing tensor `into` if one is named.

        dtype: of the output; default: that of the first input.
        """
        inputs = tuple(inputs)
        name = self._fresh(stem)
        output = into or name
        if not into:
            self._tensors[output] = Tensor(output, shape, dtype or self._tensor(inputs[0]).dtype)
        elif self._tensor(into).shape != shape:
            raise AssertionError(f"{self.rule}: {into} would change its shape")
        self._keep_settings(inputs)
        self._nodes.append(Node(name, op_type, inputs, (output,), attributes))
        return output

    def change(self, text: str, preserves: Preserves, *, given: str = "", is_smaller: bool = False) -> Change:
        """Close the draft."""
        names = (part.name for node in self.touched for part in node.sources)
        return Change(
            rule=self.rule,
            text=text,
            nodes=tuple(dict.fromkeys(names)),
            preserves=preserves,
            given=given,
            is_smaller=is_smaller,
            added=tuple(self._nodes),
            tensors=tuple(t for t in self._tensors.values() if not self._is_weight(t)),
            weights=tuple(self._weights),
        )

    def _is_weight(self, tensor: Tensor) -> bool:
        return any(weight.tensor is tensor for weight in self._weights)

    def _keep_settings(self, inputs: tuple[str, ...]) -> None:
        """Constants that the reader made of attributes (bounds of an old Clip) are not in the file."""
        for name in filter(None, inputs):
            tensor = self._tensor(name)
            if tensor.is_constant and tensor.values is not None:
                self._tensors.setdefault(name, tensor)

    def _tensor(self, name: str) -> Tensor:
        return self._tensors.get(name) or self.graph.tensors[name]

    def _fresh(self, stem: str) -> str:
        name, number = stem, 1
        while name in self._used:
            name, number = f"{stem}_{number}", number + 1
        self._used.add(name)
        return name
