"""Object detectors with published NPU latencies: Ultralytics' YOLOv5 and YOLOv8, batch normalization folded.

With post-processing the graph ends as their exporters write it: the head's sigmoids and boxes decoded and
concatenated (no suppression). Without it, it ends at the head's convolutions, as vendors' samples cut it.
SiLU is spelled Sigmoid and Mul, as exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.zoo._builder import Net, Value

ANCHORS = 3
STRIDES = (8, 16, 32)
# YOLOv8 predicts each side of a box as a distribution over this many distances.
DISTANCES = 16


class _Plan(NamedTuple):
    """Widths of the five resolutions, and how deep the blocks at the middle ones are."""

    widths: tuple[int, ...]
    depth: float

    def repeats(self, count: int) -> int:
        return max(round(count * self.depth), 1)


def yolov5(
    net: Net,
    image: Value,
    *,
    width_multiple: float = 0.5,
    depth_multiple: float = 0.33,
    classes: int = 80,
    postprocess: bool = True,
) -> Value | tuple[Value, ...]:
    """Release 6.x: CSP backbone, spatial pyramid, two-way feature pyramid, anchors at three resolutions."""
    plan = _Plan(tuple(round(n * width_multiple) for n in (64, 128, 256, 512, 1024)), depth_multiple)
    features = _backbone(net, _stem(net, image, plan.widths[0], 6), plan, _csp, (3, 6, 9, 3))
    pyramid = _pyramid(net, features, plan, _csp, lateral=True)
    heads = [net.conv(x, ANCHORS * (classes + 5), 1) for x in pyramid]
    return _decode_anchors(net, heads, classes) if postprocess else tuple(heads)


def yolov8(
    net: Net,
    image: Value,
    *,
    width_multiple: float = 0.5,
    depth_multiple: float = 0.33,
    classes: int = 80,
    postprocess: bool = True,
) -> Value | tuple[Value, ...]:
    """C2f backbone and pyramid; separate branches for boxes (as distributions) and classes."""
    plan = _Plan(tuple(round(n * width_multiple) for n in (64, 128, 256, 512, 1024)), depth_multiple)
    features = _backbone(net, _stem(net, image, plan.widths[0], 3), plan, _c2f, (3, 6, 6, 3))
    pyramid = _pyramid(net, features, plan, _c2f, lateral=False)
    boxes, scores = _separate_heads(net, pyramid, classes)
    if not postprocess:
        return *boxes, *scores
    return _decode_distances(net, boxes, scores)


def _stem(net: Net, image: Value, channels: int, kernel: int) -> Value:
    """First convolution, at half resolution."""
    return _conv(net, image, channels, kernel, stride=2, padding=2 if kernel == 6 else 1)


def _silu(net: Net, x: Value) -> Value:
    return net.mul(x, net.sigmoid(x))


def _conv(
    net: Net, x: Value, channels: int, kernel: int = 1, *, stride: int = 1, padding: int | None = None
) -> Value:
    pad = kernel // 2 if padding is None else padding
    return _silu(net, net.conv(x, channels, kernel, stride=stride, padding=pad))


def _csp(net: Net, x: Value, channels: int, repeats: int, is_residual: bool) -> Value:
    """C3 of YOLOv5: half of the channels pass through bottlenecks, half go around them."""
    half = channels // 2
    deep = _conv(net, x, half)
    for _ in range(repeats):
        deep = _bottleneck(net, deep, 1, is_residual)
    return _conv(net, net.cat(deep, _conv(net, x, half)), channels)


def _c2f(net: Net, x: Value, channels: int, repeats: int, is_residual: bool) -> Value:
    """C2f of YOLOv8: every bottleneck's output is kept and concatenated."""
    pieces = list(net.split(_conv(net, x, channels), channels // 2, channels // 2))
    for _ in range(repeats):
        pieces.append(_bottleneck(net, pieces[-1], 3, is_residual))
    return _conv(net, net.cat(*pieces), channels)


def _bottleneck(net: Net, x: Value, first_kernel: int, is_residual: bool) -> Value:
    y = _conv(net, _conv(net, x, x.channels, first_kernel), x.channels, 3)
    return net.add(x, y) if is_residual else y


def _backbone(
    net: Net, x: Value, plan: _Plan, block: Callable[..., Value], repeats: tuple[int, ...]
) -> tuple[Value, Value, Value]:
    """Features at strides 8, 16 and 32, the last through the spatial pyramid."""
    features = []
    for channels, count in zip(plan.widths[1:], repeats, strict=True):
        x = block(net, _conv(net, x, channels, 3, stride=2), channels, plan.repeats(count), True)
        features.append(x)
    return features[1], features[2], _spatial_pyramid(net, x)


def _spatial_pyramid(net: Net, x: Value) -> Value:
    """SPPF: three 5x5 max pools in a row, all kept."""
    pooled = [_conv(net, x, x.channels // 2)]
    for _ in range(3):
        pooled.append(net.pool("Max", pooled[-1], 5, 1, padding=2))
    return _conv(net, net.cat(*pooled), x.channels)


def _pyramid(
    net: Net,
    features: tuple[Value, Value, Value],
    plan: _Plan,
    block: Callable[..., Value],
    *,
    lateral: bool,
) -> tuple[Value, Value, Value]:
    """Top down, then bottom up; `lateral` narrows each level by a 1x1 convolution before it is upsampled."""
    fine, middle, coarse = features
    depth = plan.repeats(3)
    top = _conv(net, coarse, middle.channels) if lateral else coarse
    x = block(net, net.cat(net.resize(top, 2, "nearest"), middle), middle.channels, depth, False)
    waist = _conv(net, x, fine.channels) if lateral else x
    low = block(net, net.cat(net.resize(waist, 2, "nearest"), fine), fine.channels, depth, False)
    x = net.cat(_conv(net, low, fine.channels, 3, stride=2), waist)
    mid = block(net, x, middle.channels, depth, False)
    x = net.cat(_conv(net, mid, middle.channels, 3, stride=2), top)
    return low, mid, block(net, x, coarse.channels, depth, False)


def _decode_anchors(net: Net, heads: list[Value], classes: int) -> Value:
    """Boxes of all resolutions as [1, boxes, 5 + classes]."""
    fields = classes + 5
    decoded = []
    for head, stride in zip(heads, STRIDES, strict=True):
        x = net.reshape(head, 1, ANCHORS, fields, *head.spatial)
        x = _boxes(net, net.sigmoid(net.transpose(x, 0, 1, 3, 4, 2)), stride)
        decoded.append(net.reshape(x, 1, x.elements // fields, fields))
    count = sum(x.shape[1] for x in decoded)
    return net.op("Concat", *decoded, shape=(1, count, fields), axis=1)


def _boxes(net: Net, x: Value, stride: int) -> Value:
    """Turn offsets [1, anchors, height, width, fields] into centres and sizes in pixels."""
    *cell, fields = x.shape
    sizes = (2, 2, fields - 4)
    shapes = [(*cell, size) for size in sizes]
    centre, extent, rest = net.multi_op("Split", x, net.constant(sizes), shapes=shapes, axis=4)
    grid, anchors = net.statistics("grid", centre.shape, 0.0), net.statistics("anchors", centre.shape, 1.0)
    centre = net.mul(net.add(net.mul(centre, 2.0), grid), float(stride))
    square = net.op("Pow", net.mul(extent, 2.0), net.constant(2.0, "float32"))
    return net.op("Concat", centre, net.mul(square, anchors), rest, shape=x.shape, axis=4)


def _separate_heads(net: Net, pyramid: tuple[Value, ...], classes: int) -> tuple[list[Value], list[Value]]:
    """Per resolution: 64 channels of box distances, and one channel a class."""
    finest = pyramid[0].channels
    box_width = max(16, finest // 4, 4 * DISTANCES)
    class_width = max(finest, min(classes, 100))
    boxes, scores = [], []
    for x in pyramid:
        y = _conv(net, _conv(net, x, box_width, 3), box_width, 3)
        boxes.append(net.conv(y, 4 * DISTANCES, 1))
        y = _conv(net, _conv(net, x, class_width, 3), class_width, 3)
        scores.append(net.conv(y, classes, 1))
    return boxes, scores


def _decode_distances(net: Net, boxes: list[Value], scores: list[Value]) -> Value:
    """Boxes of all resolutions as [1, 4 + classes, boxes]; a distance is the mean of its distribution."""
    joined = [net.cat(box, score) for box, score in zip(boxes, scores, strict=True)]
    channels = joined[0].channels
    flat = [net.reshape(x, 1, channels, x.elements // channels) for x in joined]
    count = sum(x.shape[2] for x in flat)
    x = net.op("Concat", *flat, shape=(1, channels, count), axis=2)
    distances, score = net.split(x, 4 * DISTANCES, channels - 4 * DISTANCES)
    x = net.transpose(net.reshape(distances, 1, 4, DISTANCES, count), 0, 2, 1, 3)
    mean = net.conv(net.op("Softmax", x, axis=1), 1, 1, bias=False)
    near, far = net.split(net.reshape(mean, 1, 4, count), 2, 2)
    anchors = net.statistics("anchors", (1, 2, count), 0.0)
    low, high = net.sub(anchors, near), net.add(anchors, far)
    box = net.cat(net.div(net.add(low, high), 2.0), net.sub(high, low))
    return net.cat(net.mul(box, net.statistics("strides", (1, count), 8.0)), net.sigmoid(score))


FAMILIES = (
    Family(
        yolov5,
        "Jocher et al., ultralytics/yolov5 v6.2",
        {"yolov5s": {}, "yolov5m": {"width_multiple": 0.75, "depth_multiple": 0.67}},
        scales=(),
        input={"height": 640, "width": 640},
    ),
    Family(
        yolov8,
        "Jocher et al., ultralytics 8",
        {"yolov8s": {}},
        scales=(),
        input={"height": 640, "width": 640},
    ),
)
