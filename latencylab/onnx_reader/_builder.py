"""Builder: walks a graph in order, node by node, and keeps what a device would have to run.

One pass does everything, so that reading is linear: infer the outputs, rewrite the spelling, fold what is known
before the network runs, pass over what computes nothing, emit the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from latencylab.errors import ModelError
from latencylab.graph import Graph, Node
from latencylab.onnx_reader import _attributes, _control, _upper_bound
from latencylab.onnx_reader._fold import RANDOM, fold
from latencylab.onnx_reader._infer import schema
from latencylab.onnx_reader._normalise import normalise
from latencylab.onnx_reader._order import Step, live_steps, shown
from latencylab.onnx_reader._scope import Scope
from latencylab.onnx_reader._text import dimensions, quoted
from latencylab.onnx_reader._value import DTYPES, Partial, Value, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import GraphProto, NodeProto

    from latencylab.onnx_reader._context import Context

_KEEPS_SIGN = frozenset(
    {"Cast", "Flatten", "Identity", "Reshape", "Sign", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
)
_STAYS = RANDOM | {"DequantizeLinear"}
"""Operators kept although their inputs are constant: random ones, and the mark of a quantized weight."""


class Builder:
    """Collects the nodes of one graph: the network's, or a control-flow body's."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.nodes: list[Node] = []
        self.values: dict[str, Value] = {}
        self._renamed: dict[str, str] = {}

    def walk(self, graph: GraphProto, scope: Scope) -> None:
        """Add a graph's live nodes to this one (a branch taken for certain is added to the graph around it)."""
        steps = live_steps(graph, scope.knows)
        scope.read_names.update(name for step in steps for name in step.reads)
        scope.read_names.update(output.name for output in graph.output)
        for step in steps:
            self._visit(step, scope)

    def graph(self, name: str, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
        """What was collected, without the nodes whose results folding made superfluous."""
        for value in (*inputs, *outputs):
            self.values[value.name] = value
        nodes = _needed(self._with_new_names(), [value.name for value in outputs])
        names = [value.name for value in (*inputs, *outputs)]
        names += [name for node in nodes for name in (*node.inputs, *node.outputs) if name]
        tensors = {tensor: self.values[tensor].tensor() for tensor in dict.fromkeys(names)}
        return Graph(name, tuple(nodes), tensors, _names(inputs), _names(outputs))

    def emit(
        self,
        step: Step,
        inputs: Sequence[Value | None],
        outputs: Sequence[Value | None],
        op_type: str,
        attributes: Mapping[str, Any],
    ) -> None:
        """Add a node; constants that its spelling grew get their names here."""
        label = self.context.label(step)
        placed = [self._placed(value, label, index) for index, value in enumerate(inputs)]
        for value in (*placed, *outputs):
            if value is not None:
                self.values[value.name] = value
        domain = self.context.domain(step.node)
        self.nodes.append(Node(label, op_type, _names(placed), _names(outputs), attributes, domain))

    def rename(self, value: Value, name: str) -> Value:
        """Let the node that writes a value write it under a graph output's name."""
        self._renamed[value.name] = name
        self.values[name] = replace(value, name=name)
        return self.values[name]

    def _with_new_names(self) -> list[Node]:
        if not self._renamed:
            return self.nodes
        new = self._renamed

        def named(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new.get(name, name) for name in names)

        return [replace(node, inputs=named(node.inputs), outputs=named(node.outputs)) for node in self.nodes]

    def join(self, output: str, value: Value) -> Value:
        """An Identity from a value to a graph output of another name."""
        joined = replace(value, name=output, is_constant=False, array=None)
        label = self.context.unique_label(f"Identity_{output}")
        self.values.update({value.name: value, output: joined})
        self.nodes.append(Node(label, "Identity", (value.name,), (output,)))
        return joined

    def _placed(self, value: Value | None, label: str, index: int) -> Value | None:
        if value is None or value.name:
            return value
        return replace(value, name=self.context.fresh(f"{label}.input_{index}"))

    def _visit(self, step: Step, scope: Scope) -> None:
        node = step.node
        domain = self.context.domain(node)
        if domain == "" and node.op_type == "Constant":
            scope.bind(node.output[0], self._constant(node))
        elif domain == "" and node.op_type in _control.BODIES:
            _control.visit(self, step, scope)
        else:
            self._plain(step, scope, domain)

    def _constant(self, node: NodeProto) -> Value:
        name = self.context.fresh(node.output[0])
        return _attributes.constant_node(name, {attribute.name: attribute for attribute in node.attribute})

    def _plain(self, step: Step, scope: Scope, domain: str) -> None:
        node = step.node
        inputs = tuple(scope.lookup(name) if name else None for name in node.input)
        spelling, attributes = self.context.attributes(node)
        partials = self.context.inference.outputs(node, domain, spelling, attributes, inputs)
        op_type = node.op_type
        if domain == "":
            op_type, inputs, attributes = normalise(op_type, self.context.opset, inputs, attributes)
        if domain == "" and self._passes_through(op_type, node, inputs, attributes, scope):
            scope.bind(node.output[0], inputs[0])  # type: ignore[arg-type]
            return
        arrays = fold(op_type, inputs, attributes, partials) if domain == "" else None
        is_constant = self._is_constant(step, domain, inputs, scope, arrays is not None)
        outputs = self._outputs(step, scope, partials, inputs)
        for index, value in enumerate(outputs):
            if value is None:
                continue
            array = arrays[index] if arrays is not None and index < len(arrays) else None
            shape = array.shape if array is not None else value.shape
            sign = is_constant and op_type in _KEEPS_SIGN and _is_sign(op_type, inputs)
            outputs[index] = replace(value, array=array, shape=shape, is_constant=is_constant, is_sign=sign)
            scope.bind(node.output[index], outputs[index])
        if not is_constant:
            self.emit(step, inputs, outputs, op_type, attributes)

    def _passes_through(
        self,
        op_type: str,
        node: NodeProto,
        inputs: Sequence[Value | None],
        attributes: Mapping[str, Any],
        scope: Scope,
    ) -> bool:
        """Whether the node does nothing at inference, so that its readers may read its input."""
        if not inputs or inputs[0] is None or not node.output:
            return False
        if op_type == "Identity":
            return True
        if op_type == "Cast":
            return DTYPES.get(attributes.get("to", 0)) == inputs[0].dtype
        if op_type != "Dropout" or any(name in scope.read_names for name in node.output[1:] if name):
            return False
        training = inputs[2] if len(inputs) > 2 else None
        return training is None or (training.array is not None and not training.array.any())

    def _is_constant(
        self, step: Step, domain: str, inputs: Sequence[Value | None], scope: Scope, is_folded: bool
    ) -> bool:
        """Whether the node runs once, at load time; one that writes a graph output stays to write it."""
        if any(name in scope.kept for name in step.node.output):
            return False
        if is_folded:
            return True
        is_known = schema(step.node.op_type, self.context.inference.opsets.get(domain, 1), domain) is not None
        pure = is_known and step.node.op_type not in _STAYS
        return pure and all(value is None or value.is_constant for value in inputs)

    def _outputs(
        self, step: Step, scope: Scope, partials: Sequence[Partial], inputs: Sequence[Value | None]
    ) -> list[Value | None]:
        return [
            self._output(step, scope, name, partial, inputs) if name else None
            for name, partial in zip(step.node.output, partials, strict=True)
        ]

    def _output(
        self, step: Step, scope: Scope, name: str, partial: Partial, inputs: Sequence[Value | None]
    ) -> Value | None:
        """The value of one output; what inference left open comes from the file, then from an upper bound."""
        if not partial.is_complete:
            partial = merged(partial, scope.declared.get(name))
        if not partial.is_complete:
            partial = self._bounded(step, partial, inputs)
        if not partial.is_complete and partial.container is not None:
            shape = tuple(1 if d is None else d for d in partial.shape or ())
            partial = partial._replace(shape=shape, dtype=partial.dtype or "float32")
        if not partial.is_complete:
            if name not in scope.read_names:
                return None
            raise ModelError(self._why_unknown(step, name, partial))
        assert partial.shape is not None and partial.dtype is not None  # noqa: S101, PT018 - for the type checker
        shape = tuple(int(d) for d in partial.shape if d is not None)
        check_size(name, shape, shown(step.node))
        return Value(self.context.fresh(name), partial.dtype, shape, container=partial.container)

    def _bounded(self, step: Step, partial: Partial, inputs: Sequence[Value | None]) -> Partial:
        shape = _upper_bound.shape(step.node.op_type, partial, inputs)
        if shape is None:
            return partial
        self.context.assume(
            f"{shown(step.node)}: the size of its output depends on the data; the largest, {dimensions(shape)}, is assumed"
        )
        return partial._replace(shape=shape)

    def _why_unknown(self, step: Step, name: str, partial: Partial) -> str:
        node, domain = step.node, self.context.domain(step.node)
        what = f"the {'shape' if partial.dtype else 'type'} of {quoted(name)}"
        if schema(node.op_type, self.context.inference.opsets.get(domain, 1), domain) is None:
            of = f" of domain {quoted(domain)}" if domain else ""
            return f"{shown(node)}: unknown operator{of}, and the file does not give {what} (add it as value_info)"
        known = dimensions(partial.shape) if partial.shape is not None else "nothing"
        return f"{shown(node)}: {what} cannot be inferred ({known} is known): it depends on the data, or is undeclared"


def merged(partial: Partial, declared: Partial | None) -> Partial:
    """Inference first, the file's declaration where it left something open."""
    if declared is None:
        return partial
    shape = partial.shape if partial.shape is not None else declared.shape
    if shape is not None and declared.shape is not None and len(shape) == len(declared.shape):
        shape = tuple(d if d is not None else other for d, other in zip(shape, declared.shape, strict=True))
    return Partial(partial.dtype or declared.dtype, shape, partial.container or declared.container)


def _is_sign(op_type: str, inputs: Sequence[Value | None]) -> bool:
    return op_type == "Sign" or (inputs[0] is not None and inputs[0].is_sign)


def _needed(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if any(name in needed for name in node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _names(values: Sequence[Value | None]) -> tuple[str, ...]:
    return tuple("" if value is None else value.name for value in values)
