"""Networks to calibrate a processor on: short chains of the kernels a library has, none of them published.

Each writer takes the image and a width factor; chains keep maps as warm in the caches as networks do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.errors import UnknownNameError
from latencylab.zoo._builder import Net, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onnx import ModelProto

    Writer = Callable[[Net, Value, int], "Value | tuple[Value, ...]"]

_RGB = 3


def _chain(net: Net, x: Value, widths: Sequence[int], kernel: int = 3) -> Value:
    """Convolutions one after another, every second with a ReLU."""
    for index, width in enumerate(widths):
        x = net.conv(x, width, kernel)
        x = net.relu(x) if index % 2 else x
    return x


def _narrow(net: Net, x: Value, wide: int) -> Value:
    return _chain(net, x, [8 * wide, 16, 24 * wide, 8, 40, 16 * wide, 12])


def _wide(net: Net, x: Value, wide: int) -> Value:
    return _chain(net, x, [32 * wide, 64, 32 * wide, 48, 27])


def _uneven(net: Net, x: Value, wide: int) -> Value:
    return _chain(net, x, [20 * wide, 36, 28 * wide, 44, 56, 4])


def _large_window(net: Net, x: Value, wide: int) -> Value:
    return _chain(net, _chain(net, x, [16 * wide, 32, 8], 5), [16, 8], 7)


def _pointwise(net: Net, x: Value, wide: int) -> Value:
    return _chain(net, x, [32 * wide, 64, 16, 24 * wide, 8, 48, 96, 12, 32], 1)


def _few_inputs(net: Net, x: Value, wide: int) -> Value:
    shapes = [(8, 3), (16, 3), (24, 3), (32, 3), (64, 3), (16 * wide, 5), (48, 5), (32, 9), (32, 1)]
    return net.conv(net.cat(*(net.conv(net.conv(x, c, k), 8, 1) for c, k in shapes)), 4, 1)


def _residual(net: Net, x: Value, wide: int) -> Value:
    x = net.conv(x, 24 * wide)
    for _ in range(2):
        inner = net.conv(net.relu(net.conv(x, 24 * wide)), 24 * wide, gain=0.1)
        x = net.add(x, inner)
    return net.conv(x, 4, 1)


def _activated(net: Net, x: Value, wide: int) -> Value:
    x = net.leaky_relu(net.conv(x, 16 * wide), 0.1)
    x = net.tanh(net.conv(x, 24))
    x = net.clip(net.conv(x, 32 * wide, 1), 0, 1)
    return net.sigmoid(net.conv(x, 16, 1))


def _signed(net: Net, x: Value, wide: int) -> Value:
    """A PReLU takes as long as signs are hard to foresee: as many channels, and as deep, as in networks."""
    for width in (12 * wide, 20, 16 * wide, 28, 24, 16):
        x = net.prelu(net.conv(x, width))
    return x


def _grouped(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    x = net.conv(net.conv(x, 32 * wide), 64, groups=4)
    x = net.conv(net.conv(x, 64, groups=64), 32, groups=2)
    x = net.conv(net.conv(x, 32, 5, groups=32), 32, groups=8)
    return net.conv(x, 16 * wide, 1), net.conv(net.conv(x, 28), 28, groups=4)


def _unblocked(net: Net, x: Value, wide: int) -> Value:
    x = net.conv(x, 26 * wide)
    x = net.conv(net.conv(x, 30), 26 * wide, 1)
    x = net.add(net.conv(net.relu(net.conv(x, 9)), 9), net.first_channels(x, 9))
    return net.conv(net.conv(x, 18), 50, 1)


def _uneven_unblocked(net: Net, x: Value, wide: int) -> Value:
    """As many channels as networks like that were designed on GPUs: no multiple of four."""
    return _chain(net, _chain(net, x, [50, 46, 50 * wide, 26]), [50, 25], 1)


def _strided(net: Net, x: Value, wide: int) -> Value:
    x = net.conv(net.conv(x, 32 * wide, stride=2), 32)
    return net.conv(net.conv(x, 48 * wide, stride=2), 8)


def _transposed(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    x = net.conv(x, 16 * wide, 1)
    deep = net.conv_transpose(net.conv(x, 50 * wide, 1), 1, 9, 3)
    return (
        deep,
        net.conv_transpose(x, 3, 9, 3),
        net.conv_transpose(x, 8, 4, 2),
        net.conv_transpose(x, 1, 3, 2),
    )


def _elementwise(net: Net, x: Value, wide: int) -> Value:
    x = net.conv(x, 24 * wide, 1)
    y = net.leaky_relu(net.sub(x, 0.25), 0.1)
    y = net.clip(net.mul(y, 0.5), -4, 4)
    y = net.sigmoid(net.add(y, net.per_channel("shift", y.channels, 0.1)))
    y = net.mul(net.tanh(net.div(y, 1.5)), x)
    y = net.batch_norm(net.sign(net.add(y, x)))
    return net.relu(y)


def _blocked_elementwise(net: Net, x: Value, wide: int) -> Value:
    a, b = net.conv(x, 16 * wide, 1), net.conv(x, 16 * wide)
    total, product = net.add(a, b), net.mul(a, b)
    return net.conv(net.cat(total, product, a, b), 8, 1)


def _shuffles(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    a = net.clip(net.depth_to_space(net.conv(x, 27 * wide, 1), 3, "CRD"), 0, 1)
    b = net.depth_to_space(net.conv(x, 48, 1), 4, "DCR")
    c = net.depth_to_space(net.conv(x, 12 * wide, 1), 2, "CRD")
    d = net.depth_to_space(net.conv(x, 27, 1), 3, "DCR")
    e = net.depth_to_space(net.conv(x, 48, 1), 4, "CRD")
    return a, b, c, d, e, net.depth_to_space(net.conv(x, 12, 1), 2, "DCR")


def _resamplings(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    y = net.sub(net.conv(x, 5 * wide, 1), 0.5)
    return net.resize(x, 3, "nearest"), net.resize(y, 2, "linear"), net.resize(x, 2, "cubic")


def _pieces(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    y = net.sub(net.conv(x, 32 * wide, 1), 0.5)
    left, right = net.split(y, y.channels // 4, y.channels - y.channels // 4)
    anchor = net.tile_channels(x, 9)
    return net.cat(right, left), net.first_channels(y, 27), anchor, net.repeat_channels(x, 9)


def _pooled(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    y = net.conv(x, 16 * wide, 1)
    gate = net.sigmoid(net.conv(net.relu(net.conv(net.global_average_pool(y), 8, 1)), y.channels, 1))
    z = net.sub(y, 0.5)
    mean = net.reduce("Mean", z, 2, 3)
    # Between convolutions: channels lie last there in an integer network.
    own_gate = net.sigmoid(net.conv(net.reduce("Mean", y, 2, 3), y.channels, 1))
    gated = net.conv(net.mul(y, own_gate), y.channels, 1)
    return net.mul(z, gate), net.pool("Max", z, 7, 3), net.pool("Max", y, 3, 2, 1), net.mul(z, mean), gated


def _reduced(net: Net, x: Value, wide: int) -> tuple[Value, ...]:
    y = net.sub(net.conv(x, 8 * wide, 1), 0.5)
    soft = net.op("Softmax", y, axis=1)
    few = net.depth_to_space(net.conv(x, 18, 1), 3, "CRD")
    few_soft = net.op("Softmax", few, axis=1)
    single = net.depth_to_space(net.conv(x, 9, 1), 3, "CRD")
    wide_results = net.reduce("Sum", net.mul(soft, y), 1), net.reduce("Max", y, 1)
    few_results = net.reduce("Sum", few_soft, 1), net.reduce("Max", few, 1)
    return *wide_results, *few_results, net.op("Softmax", single, axis=1)


WRITERS: Final[Mapping[str, Writer]] = {
    "narrow": _narrow,
    "wide": _wide,
    "uneven": _uneven,
    "large_window": _large_window,
    "pointwise": _pointwise,
    "few_inputs": _few_inputs,
    "residual": _residual,
    "activated": _activated,
    "signed": _signed,
    "grouped": _grouped,
    "unblocked": _unblocked,
    "uneven_unblocked": _uneven_unblocked,
    "strided": _strided,
    "transposed": _transposed,
    "elementwise": _elementwise,
    "blocked_elementwise": _blocked_elementwise,
    "shuffles": _shuffles,
    "resamplings": _resamplings,
    "pieces": _pieces,
    "pooled": _pooled,
    "reduced": _reduced,
}


def build(writer: str, height: int, width: int, wide: int = 1, *, weights: bool = True) -> ModelProto:
    """Write one of WRITERS for an image of height x width. Raises UnknownNameError for another name."""
    if writer not in WRITERS:
        raise UnknownNameError("microbenchmark", writer, WRITERS)
    net = Net(f"{writer}_{height}x{width}_{wide}", weights=weights)
    outputs = WRITERS[writer](net, net.input("image", (1, _RGB, height, width)), wide)
    return net.model(*(outputs if isinstance(outputs, tuple) else (outputs,)))
