"""The vocabulary zoo networks are written in: `net.relu(net.conv(x, 28))`.

Weights are He-scaled, so that activations keep their size through convolution and ReLU; the last convolution
of a residual branch takes a small `gain`, so that a sum over many branches keeps it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import numpy as np

from latencylab.errors import LatencyLabError
from latencylab.zoo import _spellings
from latencylab.zoo._graph_writer import GraphWriter, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from latencylab.zoo._spellings import Spelling

__all__ = ["Kernel", "Net", "Value"]

RELU_GAIN = 2.0
BIAS_STD = 0.01


class Geometry(TypedDict, total=False):
    """How a convolution moves over its input; the default is stride 1 with an output of the input's size."""

    stride: int
    groups: int
    dilation: int
    padding: int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights (and bias) of a convolution, kept apart so that several convolutions can share them."""

    weight: Value
    bias: Value | None = None
    is_binary: bool = False


class Net(GraphWriter):
    """A network being written; `spelling` chooses how pixel shuffle and repeats are spelled."""

    def __init__(self, name: str, *, weights: bool = True, spelling: Spelling = "clean") -> None:
        super().__init__(name, weights=weights)
        self.spelling = spelling

    # Convolutions and matrix products

    def conv(
        self,
        x: Value,
        channels: int,
        kernel: int | tuple[int, int] = 3,
        *,
        bias: bool = True,
        gain: float = RELU_GAIN,
        **geometry: Unpack[Geometry],
    ) -> Value:
        """2-D convolution with `same` padding unless told otherwise."""
        groups = geometry.get("groups", 1)
        if x.channels % groups or channels % groups:
            raise LatencyLabError(f"{x.channels} -> {channels} channels do not divide into {groups} groups")
        shared = self.kernel(x.channels // groups, channels, kernel, bias=bias, gain=gain)
        return self.convolve(x, shared, **geometry)

    def kernel(
        self,
        in_channels: int,
        channels: int,
        size: int | tuple[int, int],
        *,
        bias: bool = True,
        gain: float = RELU_GAIN,
    ) -> Kernel:
        """Weights for `convolve`; `in_channels` of one group."""
        shape = (channels, in_channels, *_pair(size))
        weight = self.noise("conv.weight", shape, sqrt(gain / prod(shape[1:])))
        return Kernel(weight, self.noise("conv.bias", (channels,), BIAS_STD) if bias else None)

    def convolve(self, x: Value, kernel: Kernel, **geometry: Unpack[Geometry]) -> Value:
        """Convolve with given weights; what is shared counts once as parameters and every time as MACs."""
        channels, in_per_group, *size = kernel.weight.shape
        stride, dilation = geometry.get("stride", 1), geometry.get("dilation", 1)
        reach = [dilation * (k - 1) for k in size]
        pads = _pair(geometry.get("padding", (reach[0] // 2, reach[1] // 2)))
        spatial = [(n + 2 * p - r - 1) // stride + 1 for n, p, r in zip(x.spatial, pads, reach, strict=True)]
        shape = _positive("Conv", (x.shape[0], channels, *spatial))
        self._count(prod(shape) * in_per_group * prod(size), is_binary=kernel.is_binary)
        attributes: dict[str, Any] = {"kernel_shape": size, "pads": [*pads, *pads], "strides": [stride] * 2}
        attributes |= {"dilations": [dilation] * 2, "group": geometry.get("groups", 1)}
        inputs = (x, kernel.weight, *((kernel.bias,) if kernel.bias else ()))
        return self.op("Conv", *inputs, shape=shape, **attributes)

    def split_conv(self, x: Value, channels: int, groups: int, kernel: int = 3) -> Value:
        """A grouped convolution in disguise: Split, one Conv a piece, Concat."""
        if x.channels % groups or channels % groups:
            raise LatencyLabError(f"{x.channels} -> {channels} channels do not divide into {groups} groups")
        pieces = self.split(x, *[x.channels // groups] * groups)
        return self.cat(*(self.conv(piece, channels // groups, kernel) for piece in pieces))

    def binary_conv(self, x: Value, channels: int, kernel: int = 3, *, bias: bool = False) -> Value:
        """Convolution with weights of +-1, padded with zeros like its published kin."""
        weight = self.signs("binary.weight", (channels, x.channels, kernel, kernel))
        shift = self.noise("binary.bias", (channels,), BIAS_STD) if bias else None
        return self.convolve(x, Kernel(weight, shift, is_binary=True))

    def frozen_conv(
        self, x: Value, matrix: NDArray[np.float32], bias: Sequence[float] | None = None
    ) -> Value:
        """1x1 convolution that no training changes: mean shifts, anchors. `matrix` is [out, in]."""
        shape = (*matrix.shape, 1, 1)
        weight = self.learned("conv.weight", shape, lambda: matrix.reshape(shape), frozen=True)
        values = np.asarray(bias, np.float32)
        shift = (
            self.learned("conv.bias", values.shape, lambda: values, frozen=True) if bias is not None else None
        )
        return self.convolve(x, Kernel(weight, shift))

    def conv_transpose(
        self, x: Value, channels: int, kernel: int, stride: int, *, bias: bool = True, gain: float = 1.0
    ) -> Value:
        """Transposed convolution whose output is exactly `stride` times as large."""
        # stride*n = stride*(n-1) - 2*pad + kernel + output_padding
        pad = (kernel - 1) // 2
        output_padding = stride - kernel + 2 * pad
        shape = (x.shape[0], channels, *(n * stride for n in x.spatial))
        weight_shape = (x.channels, channels, kernel, kernel)
        # Each output is reached by kernel/stride taps along an axis.
        fan_in = x.channels * max(1.0, (kernel / stride) ** 2)
        weight = self.noise("convtranspose.weight", weight_shape, sqrt(gain / fan_in))
        inputs = [x, weight, *([self.noise("convtranspose.bias", (channels,), BIAS_STD)] if bias else [])]
        self._count(x.elements * channels * kernel**2)
        attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        attributes["output_padding"] = [output_padding] * 2
        return self.op("ConvTranspose", *inputs, shape=shape, **attributes)

    def linear(self, x: Value, features: int, *, bias: bool = True, gain: float = 1.0) -> Value:
        """Fully connected layer over [batch, features]."""
        self._count(x.elements * features)
        weight = self.noise("gemm.weight", (features, x.shape[1]), sqrt(gain / x.shape[1]))
        inputs = [x, weight, *([self.noise("gemm.bias", (features,), BIAS_STD)] if bias else [])]
        return self.op("Gemm", *inputs, shape=(x.shape[0], features), transB=1)

    def batch_norm(self, x: Value, gamma: float = 1.0) -> Value:
        """Batch normalization in inference form, with statistics that change nothing."""
        per_channel = (x.channels,)
        learned = self.fill("bn.gamma", per_channel, gamma), self.fill("bn.beta", per_channel, 0)
        statistics = self.statistics("bn.mean", per_channel, 0), self.statistics("bn.var", per_channel, 1)
        return self.op("BatchNormalization", x, *learned, *statistics, shape=x.shape)

    # Activations

    def relu(self, x: Value) -> Value:
        """max(x, 0)."""
        return self.op("Relu", x)

    def leaky_relu(self, x: Value, alpha: float) -> Value:
        """The value x where it is positive, alpha*x elsewhere."""
        return self.op("LeakyRelu", x, alpha=alpha)

    def prelu(self, x: Value) -> Value:
        """Leaky ReLU with a learned slope per channel."""
        return self.op("PRelu", x, self.fill("prelu.slope", (x.channels, 1, 1), 0.25))

    def tanh(self, x: Value) -> Value:
        """Hyperbolic tangent."""
        return self.op("Tanh", x)

    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + exp(-x))."""
        return self.op("Sigmoid", x)

    def sign(self, x: Value) -> Value:
        """-1, 0 or +1: the activation of a binary network."""
        return self.op("Sign", x)

    def clip(self, x: Value, low: float, high: float) -> Value:
        """Clamp to [low, high]."""
        return self.op(
            "Clip", x, self.constant(low, "float32"), self.constant(high, "float32"), shape=x.shape
        )

    # Element-wise arithmetic

    def add(self, a: Value, b: Value | float) -> Value:
        """Sum, broadcast."""
        return self.op("Add", a, self._operand(b))

    def sub(self, a: Value, b: Value | float) -> Value:
        """Difference, broadcast."""
        return self.op("Sub", a, self._operand(b))

    def mul(self, a: Value, b: Value | float) -> Value:
        """Product, broadcast."""
        return self.op("Mul", a, self._operand(b))

    def div(self, a: Value, b: Value | float) -> Value:
        """Quotient, broadcast."""
        return self.op("Div", a, self._operand(b))

    def per_channel(self, role: str, channels: int, value: float) -> Value:
        """Learned constant [1, channels, 1, 1] to add or to multiply with."""
        return self.fill(role, (1, channels, 1, 1), value)

    # Channels and layout

    def cat(self, *values: Value) -> Value:
        """Concatenate along the channels."""
        channels = sum(value.channels for value in values)
        shape = (values[0].shape[0], channels, *values[0].spatial)
        return self.op("Concat", *values, shape=shape, axis=1)

    def split(self, x: Value, *channels: int) -> tuple[Value, ...]:
        """Cut the channels into pieces of these widths."""
        if min(channels) < 1 or sum(channels) != x.channels:
            raise LatencyLabError(f"{x.channels} channels do not split into {channels}")
        shapes = [(x.shape[0], n, *x.spatial) for n in channels]
        return self.multi_op("Split", x, self.constant(channels), shapes=shapes, axis=1)

    def first_channels(self, x: Value, channels: int) -> Value:
        """Slice off what follows the first `channels` channels."""
        bounds = [self.constant([n]) for n in (0, channels, 1)]
        return self.op("Slice", x, *bounds, shape=(x.shape[0], channels, *x.spatial))

    def reshape(self, x: Value, *shape: int) -> Value:
        """Reinterpret the elements in order."""
        return self.op("Reshape", x, self.constant(shape), shape=shape)

    def transpose(self, x: Value, *perm: int) -> Value:
        """Permute the axes."""
        return self.op("Transpose", x, shape=[x.shape[axis] for axis in perm], perm=perm)

    def depth_to_space(self, x: Value, scale: int, mode: Literal["CRD", "DCR"] = "CRD") -> Value:
        """Pixel shuffle; CRD is PyTorch's order of channels, DCR TensorFlow's."""
        if x.channels % scale**2:
            raise LatencyLabError(f"{x.channels} channels do not fold into {scale}x{scale} pixels")
        return _spellings.depth_to_space(self, x, scale, mode)

    def tile_channels(self, x: Value, times: int) -> Value:
        """Copies after one another, abcabcabc: nearest upsampling when DepthToSpace is DCR."""
        return _spellings.tile_channels(self, x, times)

    def repeat_channels(self, x: Value, times: int) -> Value:
        """Each repeated (repeat_interleave), aaabbbccc: nearest upsampling when DepthToSpace is CRD."""
        return _spellings.repeat_channels(self, x, times)

    # Resampling and reduction

    def resize(self, x: Value, scale: int, mode: Literal["nearest", "linear", "cubic"]) -> Value:
        """Interpolate to `scale` times the size, with PyTorch's conventions."""
        scales = self.constant([1, 1, scale, scale], "float32")
        shape = (*x.shape[:2], *(n * scale for n in x.spatial))
        return self.op("Resize", x, None, scales, shape=shape, **_RESIZE[mode])

    def resize_like(self, x: Value, target: Value, mode: Literal["nearest", "linear", "cubic"]) -> Value:
        """Interpolate to the height and width of `target`."""
        shape = (*x.shape[:2], *target.spatial)
        return self.op("Resize", x, None, None, self.constant(shape), shape=shape, **_RESIZE[mode])

    def pool(
        self, kind: Literal["Max", "Average"], x: Value, kernel: int, stride: int, padding: int = 0
    ) -> Value:
        """Max or average pooling over square windows."""
        spatial = [(n + 2 * padding - kernel) // stride + 1 for n in x.spatial]
        shape = _positive(f"{kind}Pool", (*x.shape[:2], *spatial))
        attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [padding] * 4}
        return self.op(f"{kind}Pool", x, shape=shape, **attributes)

    def global_average_pool(self, x: Value) -> Value:
        """Mean over the image, kept as a 1x1 image."""
        return _spellings.global_average_pool(self, x)

    def reduce(self, kind: Literal["Mean", "Max", "Sum"], x: Value, *axes: int) -> Value:
        """Reduce over `axes`, which stay as extents of 1."""
        shape = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
        return self.op(f"Reduce{kind}", x, self.constant(axes), shape=shape, keepdims=1)

    def _operand(self, value: Value | float) -> Value:
        return value if isinstance(value, Value) else self.constant(value, "float32")

    def _count(self, macs: int, *, is_binary: bool = False) -> None:
        self.macs += macs
        self.binary_macs += macs if is_binary else 0


_RESIZE: dict[str, dict[str, Any]] = {
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "linear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "cubic": {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75},
}


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _positive(op_type: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape) < 1:
        raise LatencyLabError(f"{op_type} would have the empty output {shape}: the image is too small")
    return shape
