"""Builder: walks a graph in order and collects what a device would have to run.

One pass does everything, so that reading is linear; `_ordinary` and `_control` decide what a node becomes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from latencylab.graph import Graph, Node
from latencylab.onnx_reader import _attributes, _control, _ordinary
from latencylab.onnx_reader._order import live_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import GraphProto, NodeProto

    from latencylab.onnx_reader._context import Context
    from latencylab.onnx_reader._order import Step
    from latencylab.onnx_reader._scope import Scope
    from latencylab.onnx_reader._value import Value


class Builder:
    """Collects the nodes of one graph: the network's, or a control-flow body's."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._nodes: list[Node] = []
        self._values: dict[str, Value] = {}
        self._renamed: dict[str, str] = {}

    def walk(self, graph: GraphProto, scope: Scope) -> None:
        """Add a graph's live nodes to this one (a branch taken for certain joins the graph around it)."""
        steps = live_steps(graph, scope.knows)
        for step in steps:
            scope.read_names.update(step.reads)
        scope.read_names.update(output.name for output in graph.output)
        for step in steps:
            self._visit(step, scope)

    def emit(
        self,
        step: Step,
        op_type: str,
        inputs: Sequence[Value | None],
        outputs: Sequence[Value | None],
        attributes: Mapping[str, Any],
    ) -> None:
        """Add a node; constants that its spelling grew get their names here."""
        label = self.context.label(step)
        placed = [
            value if value is None or value.name else self._placed(value, label, index)
            for index, value in enumerate(inputs)
        ]
        for value in (*placed, *outputs):
            if value is not None:
                self._values[value.name] = value
        self._nodes.append(Node(label, op_type, _names(placed), _names(outputs), attributes, step.domain))

    def join(self, value: Value, name: str) -> Value:
        """Copy a constant, an input or another output to a graph output, by an Identity."""
        joined = value._replace(name=name, is_constant=False, array=None)
        label = self.context.unique_label(f"Identity_{name}")
        self._values.update({value.name: value, name: joined})
        self._nodes.append(Node(label, "Identity", (value.name,), (name,)))
        return joined

    def rename(self, value: Value, name: str) -> Value:
        """Let the node that writes a value write it under a graph output's name."""
        self._renamed[value.name] = name
        self._values[name] = value._replace(name=name)
        return self._values[name]

    def graph(self, name: str, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
        """What was collected, without the nodes that folding made superfluous."""
        self._values.update((value.name, value) for value in (*inputs, *outputs))
        nodes = _needed(self._with_new_names(), _names(outputs))
        names = [*_names(inputs), *_names(outputs)]
        for node in nodes:
            names += node.inputs
            names += node.outputs
        tensors = {name: self._values[name].tensor() for name in dict.fromkeys(names) if name}
        return Graph(name, nodes, tensors, _names(inputs), _names(outputs))

    def _visit(self, step: Step, scope: Scope) -> None:
        is_standard = step.domain == ""
        if is_standard and step.op_type == "Constant":
            scope.bind(step.outputs[0], _constant(step.node, scope))
        elif is_standard and step.op_type in _control.BODIES:
            _control.visit(self, step, scope)
        else:
            _ordinary.visit(self, step, scope)

    def _placed(self, value: Value, label: str, index: int) -> Value:
        return value._replace(name=self.context.fresh(f"{label}.input_{index}"))

    def _with_new_names(self) -> list[Node]:
        if not self._renamed:
            return self._nodes
        new = self._renamed

        def named(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new.get(name, name) for name in names)

        return [replace(node, inputs=named(node.inputs), outputs=named(node.outputs)) for node in self._nodes]


def _constant(node: NodeProto, scope: Scope) -> Value:
    name = scope.name_constant(node.output[0])
    return _attributes.constant_node(name, {attribute.name: attribute for attribute in node.attribute})


def _needed(nodes: Sequence[Node], outputs: Sequence[str]) -> tuple[Node, ...]:
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            needed.discard("")
            kept.append(node)
    return tuple(reversed(kept))


def _names(values: Sequence[Value | None]) -> tuple[str, ...]:
    return tuple(["" if value is None else value.name for value in values])
