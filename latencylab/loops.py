"""The loop nest of a kernel, as tiling and the engines see it: shapes only, no device."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.graph import MetaNode, Node, Tensor

_CONVOLUTIONS: Final = frozenset(
    {"Conv", "ConvTranspose", "FusedConv", "NhwcConv", "QLinearConv", "ConvInteger"}
)
_PRODUCTS: Final = frozenset({"MatMul", "Gemm", "FusedMatMul", "MatMulInteger", "QLinearMatMul", "QGemm"})


@dataclass(frozen=True, slots=True)
class LoopNest:
    """groups x out_channels x rows x columns x in_channels x taps; channels are per group.

    rows, columns: positions computed (output positions; input positions of a transposed convolution), batch
    folded into rows. in_rows, in_columns: extent of the data read for them. kernel_rows, kernel_columns:
    extent of the window, dilation included; 1 where there is none. stride_rows, stride_columns: input step.
    """

    groups: int
    in_channels: int
    out_channels: int
    taps: int
    rows: int
    columns: int
    in_rows: int
    in_columns: int
    kernel_rows: int = 1
    kernel_columns: int = 1
    stride_rows: int = 1
    stride_columns: int = 1

    @property
    def positions(self) -> int:
        """Positions computed, over all rows and columns."""
        return self.rows * self.columns

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole nest, nothing padded."""
        return self.groups * self.out_channels * self.in_channels * self.taps * self.positions

    @property
    def is_strided(self) -> bool:
        """Whether the window skips input positions."""
        return self.stride_rows > 1 or self.stride_columns > 1


def of(meta: MetaNode) -> LoopNest | None:
    """Loop nest of a convolution or matrix product; None for a kernel without MACs."""
    node = meta.node
    tensors = {t.name: t for t in (*meta.inputs, *meta.weights)}
    if meta.kind in _CONVOLUTIONS:
        return _convolution(meta, node, tensors)
    if meta.work.macs:
        return _product(meta, node, tensors)
    return None


def _convolution(meta: MetaNode, node: Node, tensors: dict[str, Tensor]) -> LoopNest | None:
    """Geometry from the weight and the work: an epilogue may have reshaped what the kernel writes."""
    weight = tensors.get(node.inputs[1]) if len(node.inputs) > 1 else None
    data = tensors.get(node.inputs[0])
    if weight is None or data is None:
        return _flat(meta)
    groups = int(node.attributes.get("group", 1))
    transposed = node.op_type == "ConvTranspose"
    kernel = weight.shape[2:]
    out_channels = weight.shape[1] if transposed else weight.shape[0] // groups
    in_channels = weight.shape[0] // groups if transposed else weight.shape[1]
    taps = prod(kernel)
    positions = meta.work.macs // max(1, groups * out_channels * in_channels * taps)
    strides = tuple(node.attributes.get("strides") or (1,) * len(kernel))
    dilations = tuple(node.attributes.get("dilations") or (1,) * len(kernel))
    if transposed:
        # Each input position scatters a window: no stride on the reading side.
        strides, window = (1,) * len(kernel), (1,) * len(kernel)
    else:
        window = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    in_columns = data.shape[-1]
    columns = in_columns if transposed else _columns(meta, node, data, window, strides)
    if columns < 1 or positions % columns:
        return _flat(meta)
    return LoopNest(
        groups=groups,
        in_channels=in_channels,
        out_channels=out_channels,
        taps=taps,
        rows=positions // columns,
        columns=columns,
        in_rows=data.elements // max(1, groups * in_channels * in_columns),
        in_columns=in_columns,
        kernel_rows=window[-2] if len(window) > 1 else 1,
        kernel_columns=window[-1],
        stride_rows=strides[-2] if len(strides) > 1 else 1,
        stride_columns=strides[-1],
    )


def _columns(
    meta: MetaNode, node: Node, data: Tensor, window: tuple[int, ...], strides: tuple[int, ...]
) -> int:
    """Output columns before the epilogue: the output tensor's where it is still a map of this convolution."""
    written = next((t for t in meta.outputs if t.name in node.outputs), None)
    if written is not None:
        return written.shape[-1]
    pads = tuple(node.attributes.get("pads") or ())
    padded = data.shape[-1]
    if len(pads) == 2 * len(window):
        padded += pads[len(window) - 1] + pads[-1]
    elif str(node.attributes.get("auto_pad", "NOTSET")).startswith("SAME"):
        return -(-data.shape[-1] // strides[-1])
    return (padded - window[-1]) // strides[-1] + 1


def _product(meta: MetaNode, node: Node, tensors: dict[str, Tensor]) -> LoopNest:
    """A matrix product is a 1x1 convolution whose positions are the rows of its left operand."""
    right = tensors.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if meta.kind not in _PRODUCTS or right is None or len(right.shape) < 2:
        return _flat(meta)
    transposed = bool(node.attributes.get("transB", 0))
    out_channels, in_channels = (right.shape[-2:]) if transposed else (right.shape[-1], right.shape[-2])
    positions = meta.work.macs // max(1, in_channels * out_channels)
    if positions * in_channels * out_channels != meta.work.macs or not positions:
        return _flat(meta)
    # A right operand that is an activation has its own matrix for each batch entry.
    groups = prod(right.shape[:-2]) if not right.is_constant else 1
    if groups < 1 or positions % groups:
        groups = 1
    rows = positions // groups
    return LoopNest(groups, in_channels, out_channels, 1, rows, 1, rows, 1)


def _flat(meta: MetaNode) -> LoopNest:
    """All that is known is the number of MACs: one channel each way, the rest positions."""
    return LoopNest(1, 1, 1, 1, meta.work.macs, 1, meta.work.macs, 1)
