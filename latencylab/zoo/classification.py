"""Image classifiers with published NPU latencies, batch normalization folded as they are deployed.

MobileNet v1/v2 and Inception v4 are the TF-slim networks of the TFLite hosted quantized models (1001 classes,
a background class first); ResNet-50 and ShuffleNetV2 are torchvision's (1000 classes); LeNet is Caffe's.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from latencylab.zoo._builder import Net, Value

Kernel = int | tuple[int, int]

# A residual branch ends small, so that a sum over many keeps its size.
BRANCH_GAIN = 0.2


def mobilenet_v1(net: Net, image: Value, *, multiplier: float = 1.0, classes: int = 1001) -> Value:
    """Convolution and 13 depthwise-separable ones; average pool, 1x1 convolution as classifier, softmax."""
    x = _relu6(net, _same(net, image, round(32 * multiplier), stride=2))
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for channels, stride in rows:
        x = _relu6(net, _same(net, x, x.channels, stride=stride, groups=x.channels))
        x = _relu6(net, net.conv(x, round(channels * multiplier), 1))
    logits = net.conv(net.global_average_pool(x), classes, 1)
    return _softmax(net, net.reshape(logits, 1, classes))


def mobilenet_v2(net: Net, image: Value, *, classes: int = 1001) -> Value:
    """17 inverted residuals; ends in logits, as the hosted quantized model does."""
    x = _relu6(net, _same(net, image, 32, stride=2))
    # expansion, channels, repeats, stride of the first
    rows = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for expansion, channels, repeats, first in rows:
        for index in range(repeats):
            x = _inverted_residual(net, x, expansion, channels, first if index == 0 else 1)
    x = _relu6(net, net.conv(x, 1280, 1))
    return net.reshape(net.conv(net.global_average_pool(x), classes, 1), 1, classes)


def _inverted_residual(net: Net, x: Value, expansion: int, channels: int, stride: int) -> Value:
    wide = x.channels * expansion
    y = x if expansion == 1 else _relu6(net, net.conv(x, wide, 1))
    y = _relu6(net, _same(net, y, wide, stride=stride, groups=wide))
    y = net.conv(y, channels, 1, gain=BRANCH_GAIN if x.channels == channels else 1.0)
    return net.add(x, y) if x.shape == y.shape else y


def inception_v4(net: Net, image: Value, *, classes: int = 1001) -> Value:
    """Stem, 4 blocks A, 7 B, 3 C and their reductions; dense layer, softmax."""
    x = _stem(net, image)
    for _ in range(4):
        x = _inception_a(net, x)
    x = _reduction_a(net, x)
    for _ in range(7):
        x = _inception_b(net, x)
    x = _reduction_b(net, x)
    for _ in range(3):
        x = _inception_c(net, x)
    features = net.reshape(net.global_average_pool(x), 1, x.channels)
    return _softmax(net, net.linear(features, classes))


def _chain(net: Net, x: Value, *layers: tuple[int, Kernel]) -> Value:
    """Convolutions of stride 1, the image keeping its size, each with ReLU."""
    for channels, kernel in layers:
        x = net.relu(net.conv(x, channels, kernel))
    return x


def _valid(net: Net, x: Value, channels: int, stride: int = 1) -> Value:
    """3x3 convolution without padding, with ReLU."""
    return net.relu(net.conv(x, channels, 3, stride=stride, padding=0))


def _max_pool(net: Net, x: Value) -> Value:
    return net.pool("Max", x, 3, 2)


def _average_branch(net: Net, x: Value, channels: int) -> Value:
    return _chain(net, net.pool("Average", x, 3, 1, padding=1), (channels, 1))


def _stem(net: Net, x: Value) -> Value:
    x = _chain(net, _valid(net, _valid(net, x, 32, 2), 32), (64, 3))
    x = net.cat(_max_pool(net, x), _valid(net, x, 96, 2))
    short = _valid(net, _chain(net, x, (64, 1)), 96)
    long = _valid(net, _chain(net, x, (64, 1), (64, (1, 7)), (64, (7, 1))), 96)
    x = net.cat(short, long)
    return net.cat(_valid(net, x, 192, 2), _max_pool(net, x))


def _inception_a(net: Net, x: Value) -> Value:
    return net.cat(
        _chain(net, x, (96, 1)),
        _chain(net, x, (64, 1), (96, 3)),
        _chain(net, x, (64, 1), (96, 3), (96, 3)),
        _average_branch(net, x, 96),
    )


def _reduction_a(net: Net, x: Value) -> Value:
    deep = _valid(net, _chain(net, x, (192, 1), (224, 3)), 256, 2)
    return net.cat(_valid(net, x, 384, 2), deep, _max_pool(net, x))


def _inception_b(net: Net, x: Value) -> Value:
    return net.cat(
        _chain(net, x, (384, 1)),
        _chain(net, x, (192, 1), (224, (1, 7)), (256, (7, 1))),
        _chain(net, x, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        _average_branch(net, x, 128),
    )


def _reduction_b(net: Net, x: Value) -> Value:
    short = _valid(net, _chain(net, x, (192, 1)), 192, 2)
    long = _valid(net, _chain(net, x, (256, 1), (256, (1, 7)), (320, (7, 1))), 320, 2)
    return net.cat(short, long, _max_pool(net, x))


def _inception_c(net: Net, x: Value) -> Value:
    wide = _chain(net, x, (384, 1))
    deep = _chain(net, x, (384, 1), (448, (3, 1)), (512, (1, 3)))
    halves = [_chain(net, branch, (256, kernel)) for branch in (wide, deep) for kernel in ((1, 3), (3, 1))]
    return net.cat(_chain(net, x, (256, 1)), *halves, _average_branch(net, x, 256))


def resnet50(net: Net, image: Value, *, classes: int = 1000) -> Value:
    """v1.5, whose bottlenecks stride in their 3x3; ends in logits."""
    x = net.relu(net.conv(image, 64, 7, stride=2))
    x = net.pool("Max", x, 3, 2, padding=1)
    for width, repeats, first in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for index in range(repeats):
            x = _bottleneck(net, x, width, first if index == 0 else 1)
    return net.linear(net.reshape(net.global_average_pool(x), 1, x.channels), classes)


def _bottleneck(net: Net, x: Value, width: int, stride: int) -> Value:
    y = net.relu(net.conv(x, width, 1))
    y = net.relu(net.conv(y, width, 3, stride=stride))
    y = net.conv(y, 4 * width, 1, gain=BRANCH_GAIN)
    shortcut = x if x.shape == y.shape else net.conv(x, 4 * width, 1, stride=stride, gain=1.0)
    return net.relu(net.add(y, shortcut))


def shufflenet_v2(net: Net, image: Value, *, classes: int = 1000) -> Value:
    """Width 1.0; channel shuffles as Reshape-Transpose-Reshape; ends in logits."""
    x = net.pool("Max", net.relu(net.conv(image, 24, 3, stride=2)), 3, 2, padding=1)
    for channels, repeats in [(116, 4), (232, 8), (464, 4)]:
        x = _shuffle(
            net, net.cat(_shuffle_short(net, x, channels // 2), _shuffle_long(net, x, channels // 2, 2))
        )
        for _ in range(repeats - 1):
            kept, worked = net.split(x, channels // 2, channels // 2)
            x = _shuffle(net, net.cat(kept, _shuffle_long(net, worked, channels // 2, 1)))
    x = net.relu(net.conv(x, 1024, 1))
    features = net.reshape(net.reduce("Mean", x, 2, 3), 1, x.channels)
    return net.linear(features, classes)


def _shuffle_short(net: Net, x: Value, channels: int) -> Value:
    depthwise = net.conv(x, x.channels, 3, stride=2, groups=x.channels)
    return net.relu(net.conv(depthwise, channels, 1))


def _shuffle_long(net: Net, x: Value, channels: int, stride: int) -> Value:
    y = net.relu(net.conv(x, channels, 1))
    y = net.conv(y, channels, 3, stride=stride, groups=channels)
    return net.relu(net.conv(y, channels, 1))


def _shuffle(net: Net, x: Value) -> Value:
    """Interleave the two halves of the channels."""
    batch, channels, height, width = x.shape
    halves = net.reshape(x, batch, 2, channels // 2, height, width)
    return net.reshape(net.transpose(halves, 0, 2, 1, 3, 4), *x.shape)


def lenet(net: Net, image: Value) -> Value:
    """LeNet of Caffe's examples (20, 50, 500, 10), the one vendors of this NPU ship as a sample; softmax."""
    x = net.pool("Max", net.conv(image, 20, 5, padding=0), 2, 2)
    x = net.pool("Max", net.conv(x, 50, 5, padding=0), 2, 2)
    x = net.relu(net.linear(net.reshape(x, 1, x.elements), 500))
    return _softmax(net, net.linear(x, 10))


def _same(net: Net, x: Value, channels: int, *, stride: int, groups: int = 1) -> Value:
    """3x3 convolution padded as TensorFlow does: the odd row and column of a stride of 2 are at the end."""
    batch, in_channels, *spatial = x.shape
    out = [-(-n // stride) for n in spatial]
    total = [max((o - 1) * stride + 3 - n, 0) for o, n in zip(out, spatial, strict=True)]
    kernel = net.kernel(in_channels // groups, channels, 3)
    net.macs += prod((batch, *out, *kernel.weight.shape))
    return net.op(
        "Conv",
        *(value for value in (x, kernel.weight, kernel.bias) if value),
        shape=(batch, channels, *out),
        kernel_shape=[3, 3],
        strides=[stride] * 2,
        pads=[*(t // 2 for t in total), *(t - t // 2 for t in total)],
        group=groups,
    )


def _relu6(net: Net, x: Value) -> Value:
    return net.clip(x, 0, 6)


def _softmax(net: Net, x: Value) -> Value:
    return net.op("Softmax", x, axis=-1)


def _classifier(
    write: Callable[..., Value], citation: str, variants: Mapping[str, Mapping[str, float]], size: int = 224
) -> Family:
    return Family(write, citation, variants, scales=(), input={"height": size, "width": size})


_WIDTHS = {"mobilenet_v1_025": {"multiplier": 0.25}, "mobilenet_v1": {}}
FAMILIES = (
    _classifier(mobilenet_v1, "Howard et al., arXiv:1704.04861", _WIDTHS),
    _classifier(mobilenet_v2, "Sandler et al., arXiv:1801.04381", {"mobilenet_v2": {}}),
    _classifier(inception_v4, "Szegedy et al., arXiv:1602.07261", {"inception_v4": {}}, 299),
    _classifier(resnet50, "He et al., arXiv:1512.03385", {"resnet50": {}}),
    _classifier(shufflenet_v2, "Ma et al., arXiv:1807.11164", {"shufflenet_v2": {}}),
    _classifier(lenet, "Caffe examples/mnist/lenet.prototxt", {"lenet": {"colours": 1}}, 28),
)
