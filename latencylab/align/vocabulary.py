"""What onnxruntime's kernels stand for: which operators of the file one of them covers.

onnxruntime's fusions are read off its private operators: FusedConv is a Conv with what its attributes and
inputs say behind it, QLinearAdd an Add between quantized tensors, Gelu five operators in a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.graph import Node
    from latencylab.measurement import OptimizedNode

REORDERS: Final = frozenset({"ReorderInput", "ReorderOutput", "MemcpyFromHost", "MemcpyToHost"})
"""Kernels that no file holds: they only move data into another layout or another memory."""

QUANTIZERS: Final = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
"""Kernels that only convert between real numbers and integers, whether the file asks for them or not."""

INSERTED: Final = {
    "Transpose": "layout",
    "Reshape": "layout",
    "Cast": "quantization",
    **dict.fromkeys(QUANTIZERS, "quantization"),
}
"""What a kernel of this type is when the file holds no node for it."""

_PREFIX: Final = re.compile(r"^(QLinear|Fused|Nhwc|DynamicQuantize)(?=[A-Z])")
_SUFFIX: Final = re.compile(r"(_token_\d+|_nchwc|_bn|_quant|/duplicated|/QuickGeluFusion/)$")
_SYNONYMS: Final = {
    "Conv": ("Conv", "BatchNormalization"),  # a BatchNormalization between blocked layers becomes a Conv
    "ConvInteger": ("Conv",),
    "MatMulIntegerToFloat": ("MatMul",),
    "QGemm": ("Gemm", "MatMul"),
    "Gemm": ("Gemm", "MatMul"),
    "TransposeMatMul": ("MatMul",),
    "Upsample": ("Upsample", "Resize"),
    "Resize": ("Resize", "Upsample"),
    "Reshape": ("Reshape", "Flatten", "Squeeze", "Unsqueeze"),
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """The operators of the file inside a kernel.

    roots: types its main operator may have. before, after: types of what it takes in ahead of and behind it,
    each at most once a mention.
    """

    roots: tuple[str, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


_COMPOSITES: Final = {
    "Gelu": Pattern(("Gelu", "Erf"), ("Div", "Mul"), ("Add", "Mul", "Mul")),
    "BiasGelu": Pattern(("Gelu", "Erf"), ("Add", "Div", "Mul"), ("Add", "Mul", "Mul")),
    "FastGelu": Pattern(("Gelu", "Tanh"), ("Pow", "Mul", "Mul", "Add"), ("Add", "Mul", "Mul")),
    "QuickGelu": Pattern(("Sigmoid",), ("Mul",), ("Mul",)),
    "LayerNormalization": Pattern(
        ("LayerNormalization", "Sqrt"),
        ("Add", "ReduceMean", "Pow", "Sub", "ReduceMean"),
        ("Div", "Mul", "Add"),
    ),
    "HardSwish": Pattern(("HardSwish", "HardSigmoid"), (), ("Mul",)),
}


def pattern_of(node: OptimizedNode) -> Pattern:
    """Return what a kernel covers."""
    if node.op_type in _COMPOSITES:
        return _COMPOSITES[node.op_type]
    plain = _PREFIX.sub("", node.op_type)
    after = ("Add",) if takes_a_sum(node) else ()
    activation = str(node.attributes.get("activation", ""))
    return Pattern(_SYNONYMS.get(plain, (plain,)), after=(*after, activation) if activation else after)


def takes_a_sum(node: OptimizedNode) -> bool:
    """Whether a kernel is a convolution that adds its fourth input (a quantized one has scales there)."""
    return node.op_type in {"Conv", "FusedConv", "NhwcFusedConv"} and len(node.inputs) > 3


def written_before_blocking(name: str) -> Iterator[str]:
    """Yield the tensor a blocked kernel is named after: it bears its output's name, not its node's."""
    for candidate in names_behind(name):
        if candidate.endswith("_nchwc"):
            yield from names_behind(candidate.removesuffix("_nchwc"))


def names_behind(name: str) -> Iterator[str]:
    """Yield names a kernel's name may come from: its own, then with one suffix after the other removed."""
    while name:
        yield name
        shorter = _SUFFIX.sub("", name)
        if shorter == name:
            return
        name = shorter


_TELLING: Final = ("kernel_shape", "strides", "group", "dilations", "perm", "to", "blocksize", "mode")


def conflicts(kernel: OptimizedNode, node: Node) -> bool:
    """Whether a kernel cannot stand for a node, by the attributes both have."""
    ours, theirs = kernel.attributes, node.attributes
    if node.op_type == "BatchNormalization" and kernel.op_type == "Conv":
        return "kernel_shape" in ours  # a Conv made of a BatchNormalization declares none
    return any(key in ours and key in theirs and ours[key] != theirs[key] for key in _TELLING)
