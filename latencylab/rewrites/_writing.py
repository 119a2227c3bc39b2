"""Changes applied to an ONNX file: the one part of the rewrites that needs onnx, and the weights' values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, version_converter

from latencylab.errors import ModelError
from latencylab.rewrites._change import inserted, living

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from latencylab.graph import Node
    from latencylab.rewrites._change import Change

_OLDEST_OPSET = 11
"""Clip takes its bounds as inputs, and DepthToSpace its mode, from here on."""
_NEW_OPSET = 13


def written(model: ModelProto, changes: Sequence[Change]) -> ModelProto:
    """Return a copy of the model with the changes applied, one after the other.

    Raises ModelError where a weight's values are not in the model.
    """
    result = _prepared(model)
    for change in changes:
        _apply(result, change)
    return result


def _prepared(model: ModelProto) -> ModelProto:
    """Copy the model, its functions inlined, in an operator set that has what the rules write."""
    from onnx import inliner

    opset = next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), 0)
    if model.functions:
        model = inliner.inline_local_functions(model)
    if opset < _OLDEST_OPSET:
        return version_converter.convert_version(model, _NEW_OPSET)
    result = ModelProto()
    result.CopyFrom(model)
    return result


def _apply(model: ModelProto, change: Change) -> None:
    graph = model.graph
    constants = _Constants(model)
    new = [_tensor(weight.tensor.name, constants.computed(weight)) for weight in change.weights]
    known = {name for node in graph.node for name in node.output} | {i.name for i in graph.initializer}
    for tensor in change.tensors:
        if tensor.is_constant and tensor.name not in known:
            values = np.array(tensor.values, tensor.dtype).reshape(tensor.shape)
            new.append(_tensor(tensor.name, values))
    taken = known.intersection(tensor.name for tensor in new)
    if taken:
        raise ModelError(
            f"the model has a tensor called {min(taken)!r} already, which {change.rule} would add"
        )
    nodes = inserted(graph.node, [_node(node) for node in change.added], lambda node: node.output)
    nodes = living(nodes, [o.name for o in graph.output], _reads, lambda node: node.output)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(new)
    _drop_unread(model)


def _drop_unread(model: ModelProto) -> None:
    """Drop the initializers and the shapes of what is no longer there."""
    graph = model.graph
    read = {name for node in graph.node for name in _reads(node)} | {o.name for o in graph.output}
    written_names = {name for node in graph.node for name in node.output}
    for field, names in ((graph.initializer, read), (graph.value_info, written_names | read)):
        kept = [item for item in field if item.name in names]
        del field[:]
        field.extend(kept)


def _reads(node: NodeProto) -> Iterator[str]:
    """Names a node reads, those that its subgraphs capture included."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)
            yield from (output.name for output in graph.output)


def _node(node: Node) -> NodeProto:
    return helper.make_node(
        node.op_type, node.inputs, node.outputs, node.name, domain=node.domain or None, **node.attributes
    )


def _tensor(name: str, values: NDArray[Any]) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


class _Constants:
    """Values of a model's constants: initializers, Constant nodes, and what is computed from those alone."""

    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._producers = {name: node for node in model.graph.node for name in node.output}

    def computed(self, weight: Any) -> NDArray[Any]:
        """Values of a constant that a change adds."""
        sources = [self.value(name) for name in weight.sources]
        dtype = helper.tensor_dtype_to_np_dtype(_kind(weight.tensor.dtype))
        values = np.asarray(weight.compute(*sources))
        if values.shape != weight.tensor.shape:
            raise AssertionError(f"{weight.tensor.name}: {values.shape} instead of {weight.tensor.shape}")
        return values.astype(dtype)

    def value(self, name: str) -> NDArray[Any]:
        """Values of a constant; raises ModelError where they are not in the file."""
        tensor = self._initializers.get(name)
        if tensor is not None:
            return _array(tensor)
        node = self._producers.get(name)
        if node is None:
            raise ModelError(f"the values of {name!r} are not in the model")
        return self._evaluated(node, name)

    def _evaluated(self, node: NodeProto, name: str) -> NDArray[Any]:
        from onnx.reference import ReferenceEvaluator

        feeds = {source: self.value(source) for source in filter(None, node.input)}
        bare = helper.make_graph(
            [node],
            "constant",
            [
                helper.make_tensor_value_info(s, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                for s, a in feeds.items()
            ],
            [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None)],
        )
        model = helper.make_model(bare, opset_imports=self._model.opset_import)
        results = cast("list[NDArray[Any]]", ReferenceEvaluator(model).run([name], feeds))
        return results[0]


def _array(tensor: TensorProto) -> NDArray[Any]:
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(f"the values of {tensor.name!r} lie in another file, which is not loaded")
    return numpy_helper.to_array(tensor)


def _kind(dtype: str) -> int:
    return int(
        TensorProto.DataType.Value({"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper()))
    )
