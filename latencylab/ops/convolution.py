"""Convolutions of any rank: grouped, strided, dilated, transposed, quantized, deformable, channels-last.

A bias costs nothing: it is the value the accumulator starts from. Taps that fall on padding count, as every
published MAC count and every convolution engine has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Final

from latencylab.ops._counting import mac_work, optional, present
from latencylab.ops._registry import MICROSOFT, NCHWC, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor
    from latencylab.ops._registry import Inputs, Outputs

_TRANSPOSED: Final = frozenset({"ConvTranspose", "ConvTransposeWithDynamicPads"})
_CHANNELS_LAST: Final = frozenset({"NhwcConv", "NhwcFusedConv"})
_WEIGHT_INDEX: Final = {"QLinearConv": 3}


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """Shape of a convolution; tuples have one entry a spatial axis.

    in_spatial, out_spatial: sizes of the data the operator reads and writes (a transposed one grows).
    """

    batch: int
    groups: int
    in_channels: int
    out_channels: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    transposed: bool

    @property
    def macs(self) -> int:
        """Multiply-accumulates.

        Every output element gathers Cin / groups x kernel products. A transposed convolution scatters
        instead: every input element meets Cout / groups x kernel weights, so it counts at *input* resolution.
        """
        taps = prod(self.kernel)
        if self.transposed:
            per_input = self.out_channels // self.groups * taps
            return self.batch * self.in_channels * prod(self.in_spatial) * per_input
        per_output = self.in_channels // self.groups * taps
        return self.batch * self.out_channels * prod(self.out_spatial) * per_output

    @property
    def is_depthwise(self) -> bool:
        """Whether every input channel is a group of its own."""
        return self.groups == self.in_channels > 1

    @property
    def is_pointwise(self) -> bool:
        """Whether the kernel has a single tap."""
        return prod(self.kernel) == 1


def geometry(node: Node, inputs: Inputs, outputs: Outputs) -> ConvGeometry:
    """Geometry of a node of the convolution family; padding of any kind is already in the output's shape.

    Raises ValueError if the node lacks data or weight, or if their shapes contradict each other.
    """
    data, weight = present(inputs, 0), weight_of(node, inputs)
    transposed = node.op_type in _TRANSPOSED
    batch, in_channels, in_spatial = _axes(node, data)
    _, out_channels, out_spatial = _axes(node, outputs[0])
    groups = int(node.attributes.get("group", 1))
    if groups < 1 or weight.shape[0] % groups or len(weight.shape) != len(data.shape):
        raise ValueError("the weight does not fit the data")
    ones = (1,) * len(in_spatial)
    return ConvGeometry(
        batch=batch,
        groups=groups,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=tuple(node.attributes.get("kernel_shape") or weight.shape[2:]),
        strides=tuple(node.attributes.get("strides") or ones),
        dilations=tuple(node.attributes.get("dilations") or ones),
        in_spatial=in_spatial,
        out_spatial=out_spatial,
        transposed=transposed,
    )


def weight_of(node: Node, inputs: Inputs) -> Tensor:
    """Find the weight: (Cout, Cin / groups, *kernel), or (Cin, Cout / groups, *kernel) when transposed."""
    return present(inputs, _WEIGHT_INDEX.get(node.op_type, 1))


def _axes(node: Node, tensor: Tensor) -> tuple[int, int, tuple[int, ...]]:
    """(batch, channels, spatial sizes) in the node's layout."""
    shape = tensor.shape
    if node.op_type in _CHANNELS_LAST or node.attributes.get("channels_last", 0):
        return shape[0], shape[-1], shape[1:-1]
    return shape[0], shape[1], shape[2:]


@costs("Conv", "ConvTranspose", "ConvInteger", "QLinearConv")
@costs("QLinearConv", "NhwcConv", "ConvTransposeWithDynamicPads", domain=MICROSOFT)
def convolution(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x Cin / groups x kernel; transposed: inputs x Cout / groups x kernel."""
    macs = geometry(node, inputs, outputs).macs
    return mac_work(macs, node, present(inputs, 0), weight_of(node, inputs))


@costs("FusedConv", "NhwcFusedConv", domain=MICROSOFT)
@costs("Conv", domain=NCHWC)
def fused_convolution(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs of the convolution, 1 arithmetic an output element for the activation and for the added map."""
    fused = bool(node.attributes.get("activation")) + (optional(inputs, 3) is not None)
    return convolution(node, inputs, outputs) + Work(arithmetic_ops=fused * outputs[0].elements)


@costs("DeformConv")
def deformable(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs of the convolution; each sample 4 products and 3 sums, 6 for its position, 1 for its mask."""
    shape = geometry(node, inputs, outputs)
    positions = shape.batch * prod(shape.out_spatial) * prod(shape.kernel)
    samples = positions * shape.in_channels
    offset_groups = int(node.attributes.get("offset_group", 1))
    masked = optional(inputs, 4) is not None
    return Work(macs=shape.macs, arithmetic_ops=(7 + masked) * samples + 6 * positions * offset_groups)


@costs("CausalConvWithState")
def causal(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: outputs x kernel (depthwise, 1-D); 1 move for the carried state, Swish where it is fused."""
    elements = outputs[0].elements
    activated = node.attributes.get("activation", "none") != "none"
    return Work(
        macs=elements * present(inputs, 1).shape[-1],
        arithmetic_ops=activated * elements,
        transcendental_ops=activated * elements,
        move_ops=sum(state.elements for state in outputs[1:]),
    )
