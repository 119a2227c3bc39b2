"""Matrix products: M x N x K multiply-accumulates for every matrix of the broadcast batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import mac_work, optional, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs


@costs("MatMul", "MatMulInteger")
@costs("MatMulInteger16", "MatMulIntegerToFloat", domain=MICROSOFT)
def matmul(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x inner size, whatever is broadcast."""
    left = present(inputs, 0)
    return mac_work(outputs[0].elements * left.shape[-1], node, left, present(inputs, 1))


@costs("QLinearMatMul")
def quantized_matmul(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x inner size."""
    left = present(inputs, 0)
    return mac_work(outputs[0].elements * left.shape[-1], node, left, present(inputs, 3))


@costs("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_matmul(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x inner size; 7 arithmetic an element to find the range of A and quantize it."""
    left = present(inputs, 0)
    return Work(macs=outputs[0].elements * left.shape[-1], arithmetic_ops=7 * left.elements)


@costs("MatMulNBits", "MatMulBnb4", domain=MICROSOFT)
def packed_matmul(node: Node, _inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x inner size; 2 arithmetic a weight to unpack it."""
    inner, columns = int(node.attributes["K"]), int(node.attributes["N"])
    return Work(macs=outputs[0].elements * inner, arithmetic_ops=2 * inner * columns)


@costs("FusedMatMul", "TransposeMatMul", "FusedMatMulActivation", domain=MICROSOFT)
def fused_matmul(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x inner size; 1 arithmetic an output element to scale by alpha, 1 for an activation."""
    left = present(inputs, 0)
    inner = left.shape[-2 if node.attributes.get("transA", 0) and len(left.shape) > 1 else -1]
    passes = (node.attributes.get("alpha", 1.0) != 1.0) + bool(node.attributes.get("activation"))
    elements = outputs[0].elements
    return mac_work(elements * inner, node, left, present(inputs, 1)) + Work(arithmetic_ops=passes * elements)


@costs("Gemm")
@costs("GemmFloat8", domain=MICROSOFT)
def gemm(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: M x N x K; 1 arithmetic an output element to scale by alpha, 1 by beta (C starts the sum)."""
    left = present(inputs, 0)
    inner = left.shape[0 if node.attributes.get("transA", 0) else 1]
    scaled_c = optional(inputs, 2) is not None and node.attributes.get("beta", 1.0) != 1.0
    passes = (node.attributes.get("alpha", 1.0) != 1.0) + scaled_c
    elements = outputs[0].elements
    return mac_work(elements * inner, node, left, present(inputs, 1)) + Work(arithmetic_ops=passes * elements)


@costs("FusedGemm", domain=MICROSOFT)
def fused_gemm(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """Gemm, and 1 arithmetic an output element for its activation."""
    return gemm(node, inputs, outputs) + Work(arithmetic_ops=outputs[0].elements)


@costs("QGemm", domain=MICROSOFT)
def quantized_gemm(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: M x N x K."""
    left = present(inputs, 0)
    inner = left.shape[0 if node.attributes.get("transA", 0) else 1]
    return mac_work(outputs[0].elements * inner, node, left, present(inputs, 3))


@costs("AffineGrid")
def affine_grid(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: every grid coordinate is a row of theta times the homogeneous position."""
    return Work(macs=outputs[0].elements * present(inputs, 0).shape[-1])


@costs("Det")
def determinant(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """LU factors of every n x n matrix: 2 n^3 / 3 arithmetic and n^2 / 2 divisions."""
    *_, size = (tensor := present(inputs, 0)).shape
    matrices = tensor.elements // max(1, size * size)
    return Work(arithmetic_ops=-(-2 * size**3 // 3), division_ops=-(-(size**2) // 2)) * matrices
