"""RCAN: residual groups of residual channel-attention blocks; about two thousand nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._channel_attention import channel_attention
from latencylab.zoo._edsr_frame import mean_shift, upsampler
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_REDUCTION = 16


def rcan(
    net: Net, image: Value, *, scale: int, channels: int = 64, groups: int = 10, blocks: int = 20
) -> Value:
    """Residual in residual: block in group in network."""
    head = net.conv(mean_shift(net, image, -1), channels)
    x = head
    for _ in range(groups):
        x = _group(net, x, blocks)
    x = net.add(net.conv(x, channels, gain=0.5), head)
    x = net.conv(upsampler(net, x, scale), image.channels, gain=1.0)
    return mean_shift(net, x, 1)


def _group(net: Net, x: Value, blocks: int) -> Value:
    y = x
    for _ in range(blocks):
        y = _block(net, y)
    return net.add(net.conv(y, x.channels, gain=0.1), x)


def _block(net: Net, x: Value) -> Value:
    """RCAB: two convolutions, channel attention, and the input."""
    y = net.conv(net.relu(net.conv(x, x.channels)), x.channels, gain=0.2)
    return net.add(channel_attention(net, y, net.global_average_pool(y), _REDUCTION), x)


FAMILY = Family(
    write=rcan,
    citation="Zhang et al., ECCV 2018, arXiv:1807.02758",
    variants={"rcan": {}},
)
