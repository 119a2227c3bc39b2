"""How many parameters a network has: what training could have changed, each stored tensor once.

Counted are constants that take part in arithmetic: weights, biases, PReLU slopes, scale and shift of a
normalization, embedding tables, and the constants of Add, Sub, Mul and Div. Not counted are running
statistics, quantization scales and zero points, shapes, clip bounds, exponents, and *one-element* constants
of Add, Sub, Mul and Div: a residual scale of 0.1 or a range of 127.5 is written down, not learned. A tensor
whose name starts with "frozen." is counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from latencylab.graph import Node, Tensor

FROZEN_PREFIX: Final = "frozen."

_MICROSOFT: Final = "com.microsoft"

# Where an operator reads what was learned: input positions by (domain, operator).
_LEARNED: Final[Mapping[tuple[str, str], tuple[int, ...]]] = MappingProxyType(
    {
        **dict.fromkeys((("", "Conv"), ("", "ConvTranspose"), ("", "CausalConvWithState")), (1, 2)),
        ("", "DeformConv"): (1, 3),
        ("", "ConvInteger"): (1,),
        ("", "QLinearConv"): (3, 8),
        ("", "MatMul"): (0, 1),
        ("", "MatMulInteger"): (0, 1),
        ("", "QLinearMatMul"): (0, 3),
        ("", "Gemm"): (0, 1, 2),
        ("", "Attention"): (0, 1, 2),
        ("", "PRelu"): (1,),
        # Inputs 3 and 4 are running statistics.
        ("", "BatchNormalization"): (1, 2),
        ("", "InstanceNormalization"): (1, 2),
        ("", "GroupNormalization"): (1, 2),
        ("", "LayerNormalization"): (1, 2),
        ("", "RMSNormalization"): (1,),
        ("", "SimplifiedLayerNormalization"): (1,),
        ("", "RNN"): (1, 2, 3),
        ("", "GRU"): (1, 2, 3),
        ("", "LSTM"): (1, 2, 3, 7),
        **{(_MICROSOFT, op): (1, 2) for op in ("FusedConv", "NhwcConv", "NhwcFusedConv", "Attention")},
        **{(_MICROSOFT, op): (1, 2) for op in ("QAttention", "GroupNorm")},
        **{(_MICROSOFT, op): (0, 1) for op in ("FusedMatMul", "TransposeMatMul", "MatMulIntegerToFloat")},
        **{(_MICROSOFT, op): (1,) for op in ("BiasGelu", "FastGelu", "BiasAdd", "MatMulNBits")},
        (_MICROSOFT, "QLinearConv"): (3, 8),
        (_MICROSOFT, "FusedGemm"): (0, 1, 2),
        (_MICROSOFT, "QGemm"): (0, 3, 6),
        (_MICROSOFT, "DynamicQuantizeMatMul"): (1, 4),
        (_MICROSOFT, "MultiHeadAttention"): (3,),
        (_MICROSOFT, "SkipLayerNormalization"): (2, 3, 4),
        (_MICROSOFT, "SkipSimplifiedLayerNormalization"): (2, 3),
    }
)

# Where a constant may be learned or written down: it counts if it has more than one element and holds real
# numbers (integers of index width are shape arithmetic).
_OPERANDS: Final[Mapping[tuple[str, str], tuple[int, ...]]] = MappingProxyType(
    {
        **{("", op): (0, 1) for op in ("Add", "Sub", "Mul", "Div")},
        **{(_MICROSOFT, op): (0, 3) for op in ("QLinearAdd", "QLinearMul")},
        ("", "Gather"): (0,),
    }
)

# A constant is still the same parameter behind these.
_TRANSPARENT: Final = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "Cast", "Identity", "Sign"}
    | {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile", "Slice"}
)


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Elements of the stored tensors that arithmetic reads; `frozen` are apart, not part of `trainable`."""

    trainable: int
    frozen: int


def count(graph: Graph) -> ParameterCount:
    """Parameters of a network, its bodies (If, Loop, Scan) included."""
    found = dict(_parameters(graph, scope="", outer={}))
    frozen = sum(size for (_, name), size in found.items() if name.startswith(FROZEN_PREFIX))
    return ParameterCount(trainable=sum(found.values()) - frozen, frozen=frozen)


def _parameters(
    graph: Graph, scope: str, outer: Mapping[str, Tensor]
) -> Iterator[tuple[tuple[str, str], int]]:
    """Scope, name and elements of every parameter; two bodies may use one name for tensors of their own."""
    for node in graph.nodes:
        for tensor in _learned(graph, node):
            yield ("" if tensor.name in outer else scope, tensor.name), _elements(node, tensor)
        for key, value in node.attributes.items():
            if isinstance(value, Graph):
                inner = f"{scope}/{node.outputs[0]}/{key}"
                yield from _parameters(value, inner, {**outer, **graph.tensors})


def _learned(graph: Graph, node: Node) -> Iterator[Tensor]:
    operator = ("" if node.domain == "ai.onnx" else node.domain, node.op_type)
    for index in _positions(node, operator):
        if (tensor := _stored(graph, node, index)) is not None:
            yield tensor
    for index in _OPERANDS.get(operator, ()):
        tensor = _stored(graph, node, index)
        if tensor is not None and tensor.elements > 1 and _is_real(graph.tensors[node.inputs[index]]):
            yield tensor


def _positions(node: Node, operator: tuple[str, str]) -> tuple[int, ...]:
    return tuple(range(len(node.inputs))) if operator == ("", "Einsum") else _LEARNED.get(operator, ())


def _stored(graph: Graph, node: Node, index: int) -> Tensor | None:
    """Find the constant that reaches this input, looking through what only respells it."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    producer = graph.producers.get(name)
    while producer is not None and producer.op_type in _TRANSPARENT and producer.inputs:
        name = producer.inputs[0]
        producer = graph.producers.get(name)
    tensor = graph.tensors.get(name)
    return tensor if tensor is not None and tensor.is_constant else None


def _is_real(tensor: Tensor) -> bool:
    return dtypes.is_float(tensor.dtype) or dtypes.is_quantized(tensor.dtype)


def _elements(node: Node, tensor: Tensor) -> int:
    # MatMulNBits packs several weights into a stored byte.
    if node.op_type == "MatMulNBits":
        return prod(int(node.attributes[size]) for size in ("K", "N"))
    return tensor.elements
