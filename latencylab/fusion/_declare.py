"""A float network treated as a quantized one: the third spelling, beside QDQ and QOperator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.fusion._settings import is_setting
from latencylab.graph import Graph, Tensor

if TYPE_CHECKING:
    from latencylab.graph import Node

_CHANGED: Final = frozenset({"float16", "float32", "float64"})
_QUANTIZED: Final = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
    | {"ConvInteger", "MatMulInteger", "QGemm", "QAttention"}
)
_BIASED: Final = frozenset({"Conv", "ConvTranspose", "Gemm"})
_BIAS_INDEX: Final = 2


def declare_dtype(graph: Graph, dtype: str) -> Graph:
    """Return the graph with every float activation and weight of type `dtype`, as if it had been quantized.

    Biases of convolutions become int32, as accumulators have it; settings (clip bounds, scales, single
    numbers) stay what they are, and so does every tensor that is no plain float. A graph that is quantized
    already (QDQ or QOperator) says itself what its types are: it is returned unchanged.
    """
    if any(_is_quantized(node) for node in graph.nodes):
        return graph
    fixed, biases = _exceptions(graph, dtype)
    tensors = {
        name: _declared(tensor, "int32" if name in biases else dtype)
        for name, tensor in graph.tensors.items()
        if tensor.dtype in _CHANGED and name not in fixed
    }
    nodes = tuple(_with_bodies(node, dtype) for node in graph.nodes)
    return replace(graph, nodes=nodes, tensors={**graph.tensors, **tensors})


def _is_quantized(node: Node) -> bool:
    return node.op_type in _QUANTIZED or node.op_type.startswith("QLinear")


def _exceptions(graph: Graph, dtype: str) -> tuple[set[str], set[str]]:
    """Names of the settings, and of the biases, in one pass."""
    fixed: set[str] = set()
    biases: set[str] = set()
    for node in graph.nodes:
        for index, tensor in enumerate(graph.inputs_of(node)):
            if tensor is None or not tensor.is_constant:
                continue
            if is_setting(node, index, tensor):
                fixed.add(tensor.name)
            elif index == _BIAS_INDEX and node.op_type in _BIASED and len(tensor.shape) == 1:
                biases.add(tensor.name)
    return fixed, biases if dtypes.is_quantized(dtype) else set()


def _declared(tensor: Tensor, dtype: str) -> Tensor:
    # What `dataclasses.replace` does, several times as fast.
    return Tensor(tensor.name, tensor.shape, dtype, tensor.is_constant, tensor.values, tensor.is_sign)


def _with_bodies(node: Node, dtype: str) -> Node:
    """Return the node with the bodies of its subgraphs declared too; itself if it has none."""
    bodies = {name: value for name, value in node.attributes.items() if isinstance(value, Graph)}
    if not bodies:
        return node
    declared = {name: declare_dtype(body, dtype) for name, body in bodies.items()}
    return replace(node, attributes={**node.attributes, **declared})
