"""Channel attention: scale each channel by what a bottleneck makes of one number per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def channel_attention(net: Net, x: Value, pooled: Value, reduction: int) -> Value:
    """The input times Sigmoid(C1(ReLU(C1(pooled)))), C1 a 1x1 convolution; `pooled` is [N, C, 1, 1]."""
    squeezed = net.relu(net.conv(pooled, x.channels // reduction, 1))
    return net.mul(x, net.sigmoid(net.conv(squeezed, x.channels, 1, gain=1.0)))


def contrast(net: Net, x: Value) -> Value:
    """Standard deviation + mean of each channel over the image, as IMDN pools."""
    mean = net.reduce("Mean", x, 2, 3)
    centred = net.sub(x, mean)
    deviation = net.op("Sqrt", net.reduce("Mean", net.mul(centred, centred), 2, 3))
    return net.add(deviation, mean)
