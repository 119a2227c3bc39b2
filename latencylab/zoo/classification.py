"""Image classifiers that vendors publish latencies for: batch normalization folded, as they are deployed.

MobileNet v1/v2 and Inception v4 are the TF-slim networks of the TFLite hosted quantized models (1001 classes, a
background class first); ResNet-50 and ShuffleNetV2 are torchvision's (1000 classes). All are NCHW here; a device's
deployment layout says how they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._sketch import Sketch

if TYPE_CHECKING:
    from onnx import ModelProto


def mobilenet_v1(width: float = 1.0, size: int = 224, classes: int = 1001) -> ModelProto:
    """MobileNet v1 (Howard et al., arXiv 1704.04861): a convolution and 13 depthwise-separable ones; softmax."""
    net = Sketch(f"mobilenet_v1_{width:g}_{size}")
    x = net.relu6(net.conv(net.input("input", 1, 3, size, size), round(32 * width), 3, stride=2))
    # (channels, stride) of the 13 blocks
    for channels, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        x = net.relu6(net.conv(x, net.shapes[x][1], 3, stride=stride, groups=net.shapes[x][1]))
        x = net.relu6(net.conv(x, round(channels * width), 1))
    # The hosted model classifies with a 1x1 convolution of the pooled map.
    logits = net.conv(net.global_average(x), classes, 1)
    return net.model(net.keep("Softmax", net.reshape(logits, 1, classes), axis=-1))


def mobilenet_v2(size: int = 224, classes: int = 1001) -> ModelProto:
    """MobileNet v2 1.0 (Sandler et al., arXiv 1801.04381): 17 inverted residuals; ends in logits, as hosted."""
    net = Sketch(f"mobilenet_v2_1.0_{size}")
    x = net.relu6(net.conv(net.input("input", 1, 3, size, size), 32, 3, stride=2))
    # (expansion, channels, repeats, stride of the first)
    for expansion, channels, repeats, first in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ]:  # fmt: skip
        for index in range(repeats):
            x = _inverted_residual(net, x, expansion, channels, first if index == 0 else 1)
    x = net.relu6(net.conv(x, 1280, 1))
    logits = net.conv(net.global_average(x), classes, 1)
    return net.model(net.reshape(logits, 1, classes))


def _inverted_residual(net: Sketch, x: str, expansion: int, channels: int, stride: int) -> str:
    wide = net.shapes[x][1] * expansion
    y = x if expansion == 1 else net.relu6(net.conv(x, wide, 1))
    y = net.relu6(net.conv(y, wide, 3, stride=stride, groups=wide))
    y = net.conv(y, channels, 1)
    return net.keep("Add", x, y) if net.shapes[x] == net.shapes[y] else y


def inception_v4(size: int = 299, classes: int = 1001) -> ModelProto:
    """Inception v4 (Szegedy et al., arXiv 1602.07261) as in TF-slim: stem, 4 A, 7 B, 3 C, their reductions; softmax."""
    net = Sketch(f"inception_v4_{size}")
    x = _stem(net, net.input("input", 1, 3, size, size))
    for _ in range(4):
        x = _inception_a(net, x)
    x = _reduction_a(net, x)
    for _ in range(7):
        x = _inception_b(net, x)
    x = _reduction_b(net, x)
    for _ in range(3):
        x = _inception_c(net, x)
    logits = net.dense(net.reshape(net.global_average(x), 1, 1536), classes)
    return net.model(net.keep("Softmax", logits, axis=-1))


Kernel = int | tuple[int, int]


def _chain(net: Sketch, x: str, *layers: tuple[int, Kernel]) -> str:
    """Convolutions of stride 1 and TensorFlow padding, each with ReLU."""
    for channels, kernel in layers:
        x = net.keep("Relu", net.conv(x, channels, kernel))
    return x


def _valid(net: Sketch, x: str, channels: int, *, stride: int = 1) -> str:
    """3x3 convolution without padding, with ReLU."""
    return net.keep("Relu", net.conv(x, channels, 3, stride=stride, pad="valid"))


def _max_pool(net: Sketch, x: str) -> str:
    return net.pool("MaxPool", x, 3, stride=2, pad="valid")


def _average_branch(net: Sketch, x: str, channels: int) -> str:
    return _chain(net, net.pool("AveragePool", x, 3, stride=1), (channels, 1))


def _stem(net: Sketch, x: str) -> str:
    x = _chain(net, _valid(net, _valid(net, x, 32, stride=2), 32), (64, 3))
    x = net.concat(_max_pool(net, x), _valid(net, x, 96, stride=2))
    x = net.concat(
        _valid(net, _chain(net, x, (64, 1)), 96),
        _valid(net, _chain(net, x, (64, 1), (64, (1, 7)), (64, (7, 1))), 96),
    )
    return net.concat(_valid(net, x, 192, stride=2), _max_pool(net, x))


def _inception_a(net: Sketch, x: str) -> str:
    return net.concat(
        _chain(net, x, (96, 1)),
        _chain(net, x, (64, 1), (96, 3)),
        _chain(net, x, (64, 1), (96, 3), (96, 3)),
        _average_branch(net, x, 96),
    )


def _reduction_a(net: Sketch, x: str) -> str:
    deep = _valid(net, _chain(net, x, (192, 1), (224, 3)), 256, stride=2)
    return net.concat(_valid(net, x, 384, stride=2), deep, _max_pool(net, x))


def _inception_b(net: Sketch, x: str) -> str:
    return net.concat(
        _chain(net, x, (384, 1)),
        _chain(net, x, (192, 1), (224, (1, 7)), (256, (7, 1))),
        _chain(net, x, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        _average_branch(net, x, 128),
    )


def _reduction_b(net: Sketch, x: str) -> str:
    shallow = _valid(net, _chain(net, x, (192, 1)), 192, stride=2)
    deep = _valid(net, _chain(net, x, (256, 1), (256, (1, 7)), (320, (7, 1))), 320, stride=2)
    return net.concat(shallow, deep, _max_pool(net, x))


def _inception_c(net: Sketch, x: str) -> str:
    wide = _chain(net, x, (384, 1))
    deep = _chain(net, x, (384, 1), (448, (3, 1)), (512, (1, 3)))
    return net.concat(
        _chain(net, x, (256, 1)),
        *(_chain(net, wide, (256, kernel)) for kernel in [(1, 3), (3, 1)]),
        *(_chain(net, deep, (256, kernel)) for kernel in [(1, 3), (3, 1)]),
        _average_branch(net, x, 256),
    )


def resnet50(size: int = 224, classes: int = 1000) -> ModelProto:
    """ResNet-50 (He et al., arXiv 1512.03385), v1.5: a bottleneck strides in its 3x3; ends in logits."""
    net = Sketch(f"resnet50_{size}")
    x = net.keep("Relu", net.conv(net.input("input", 1, 3, size, size), 64, 7, stride=2, pad=3))
    x = net.pool("MaxPool", x, 3, stride=2, pad=1)
    for width, repeats, first in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for index in range(repeats):
            x = _bottleneck(net, x, width, first if index == 0 else 1)
    return net.model(net.dense(net.reshape(net.global_average(x), 1, 2048), classes))


def _bottleneck(net: Sketch, x: str, width: int, stride: int) -> str:
    y = net.keep("Relu", net.conv(x, width, 1))
    y = net.keep("Relu", net.conv(y, width, 3, stride=stride, pad=1))
    y = net.conv(y, 4 * width, 1)
    is_projected = net.shapes[x] != net.shapes[y]
    shortcut = net.conv(x, 4 * width, 1, stride=stride, pad=0) if is_projected else x
    return net.keep("Relu", net.keep("Add", y, shortcut))


def pure_convolution(depth: int = 64, channels: int = 132, kernel: int = 5, size: int = 128) -> ModelProto:
    """A vendor's peak test: equal convolutions in a row, nothing else (test_64_128x128_5_132_132)."""
    net = Sketch(f"pure_convolution_{depth}_{size}x{size}_{kernel}_{channels}_{channels}")
    x = net.input("input", 1, channels, size, size)
    for _ in range(depth):
        x = net.conv(x, channels, kernel)
    return net.model(x)
