"""Which kernel the library picks for a convolution, by shape and element type.

Source: onnxruntime/core/optimizer/nchwc_transformer.cc and core/mlas/lib/convolve.cpp; seen in graphs that
onnxruntime 1.31 optimized.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.graph import MetaNode, Tensor

# A blocked convolution pads its input channels to whole blocks only where they are a multiple of this.
_CHANNEL_STEP: Final = 4


class Variant(Enum):
    """A family of convolution kernels; the value is its name in a profile's tables."""

    DIRECT = "direct"
    POINTWISE = "pointwise"
    FEW_INPUTS = "few_inputs"
    DEPTHWISE = "depthwise"
    GEMM = "gemm"
    INTEGER = "integer"
    INTEGER_DEPTHWISE = "integer_depthwise"

    @property
    def is_blocked(self) -> bool:
        """Whether it writes blocks of channels."""
        return self in _BLOCKED

    @property
    def reads_blocked(self) -> bool:
        """Whether it reads blocks of channels: an image of few channels is read as it is."""
        return self in _BLOCKED and self is not Variant.FEW_INPUTS


_BLOCKED: Final = frozenset({Variant.DIRECT, Variant.POINTWISE, Variant.FEW_INPUTS, Variant.DEPTHWISE})


def variant(meta: MetaNode, block: int) -> Variant:
    """Return the kernel a Conv gets on a core with blocks of `block` channels."""
    weight = weight_of(meta)
    groups = int(meta.node.attributes.get("group", 1))
    if meta.dtype != "float32":
        is_single = weight is not None and groups > 1 and weight.shape[1] == 1
        return Variant.INTEGER_DEPTHWISE if is_single else Variant.INTEGER
    if weight is None or not weight.is_constant or len(weight.shape) != 4:
        return Variant.GEMM
    return _float_variant(weight.shape, groups, block)


def _float_variant(shape: tuple[int, ...], groups: int, block: int) -> Variant:
    out_channels, in_channels, *kernel = shape
    usual = Variant.POINTWISE if kernel == [1, 1] else Variant.DIRECT
    if groups > 1:
        if in_channels == 1 and out_channels == groups:
            return Variant.GEMM if groups % _CHANNEL_STEP else Variant.DEPTHWISE
        fits = in_channels % block == 0 and (out_channels // groups) % block == 0
        return usual if fits else Variant.GEMM
    if in_channels < block:
        return Variant.FEW_INPUTS
    return Variant.GEMM if in_channels % _CHANNEL_STEP else usual


def weight_of(meta: MetaNode) -> Tensor | None:
    """Return the weight of a convolution where it is known."""
    if len(meta.node.inputs) < 2:
        return None
    name = meta.node.inputs[1]
    return next((t for t in (*meta.weights, *meta.inputs) if t.name == name), None)
