"""Counts parameters and MACs straight from the ONNX file: nothing here is shared with the product."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import onnx
from onnx import shape_inference

# Inputs of an operator that hold what was learned; 3 and 4 of BatchNormalization are running statistics.
_LEARNED = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "PRelu": (1,),
    "BatchNormalization": (1, 2),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), (0, 1)),
}
_LITERAL_MAY_STAND_IN = ("Add", "Sub", "Mul", "Div")


@dataclass(frozen=True)
class Counts:
    parameters: int
    frozen: int
    macs: int
    convolution_parameters: int
    binary_parameters: int
    binary_macs: int


def count(model: onnx.ModelProto) -> Counts:
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {t.name: tuple(t.dims) for t in inferred.initializer}
    for info in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[info.name] = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
    stored = {t.name for t in inferred.initializer}
    signs = {node.output[0] for node in inferred.node if node.op_type == "Sign"}
    learned: dict[str, int] = {}
    of_convolutions: dict[str, int] = {}
    of_binaries: dict[str, int] = {}
    macs = binary_macs = 0
    for node in inferred.node:
        for index in _LEARNED.get(node.op_type, ()):
            name = node.input[index] if index < len(node.input) else ""
            if name in stored and not (node.op_type in _LITERAL_MAY_STAND_IN and prod(shapes[name]) == 1):
                learned[name] = prod(shapes[name])
        if node.op_type in ("Conv", "ConvTranspose", "Gemm"):
            of_convolutions |= {n: prod(shapes[n]) for n in node.input[1:]}
            work = _macs(node, shapes)
            macs += work
            if node.input[0] in signs:
                of_binaries[node.input[1]] = prod(shapes[node.input[1]])
                binary_macs += work
    frozen = sum(size for name, size in learned.items() if name.startswith("frozen."))
    return Counts(
        parameters=sum(learned.values()) - frozen,
        frozen=frozen,
        macs=macs,
        convolution_parameters=sum(of_convolutions.values()),
        binary_parameters=sum(of_binaries.values()),
        binary_macs=binary_macs,
    )


def _macs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    source, weight, result = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
    if node.op_type == "ConvTranspose":
        # Weights are [in, out/groups, k, k]; every input element meets all of them but its own axis.
        return prod(source) * prod(weight[1:])
    if node.op_type == "Gemm":
        return prod(source) * result[-1]
    return prod(result) * prod(weight[1:])
