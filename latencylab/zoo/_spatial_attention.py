"""ESA, the enhanced spatial attention that RFDN and RLFN share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def enhanced_spatial_attention(net: Net, x: Value, channels: int, *, convolutions: int) -> Value:
    """Scale x by a mask computed on a map a sixth of its size, and on x itself through one 1x1 convolution.

    channels: width of the mask's branch; convolutions: 3x3 ones behind the pooling, ReLU between them.
    """
    reduced = net.conv(x, channels, 1)
    small = net.pool("Max", net.conv(reduced, channels, stride=2, padding=0), 7, 3)
    small = net.conv(small, channels)
    for _ in range(convolutions - 1):
        small = net.conv(net.relu(small), channels)
    mask = net.add(net.resize_like(small, x, "linear"), net.conv(reduced, channels, 1))
    return net.mul(x, net.sigmoid(net.conv(mask, x.channels, 1, gain=1.0)))
