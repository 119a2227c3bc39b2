"""ESPCN: the network that introduced pixel shuffle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def espcn(net: Net, image: Value, *, scale: int) -> Value:
    """Two Tanh layers and a sub-pixel convolution."""
    x = net.tanh(net.conv(image, 64, 5, gain=1.0))
    x = net.tanh(net.conv(x, 32, gain=1.0))
    x = net.conv(x, image.channels * scale**2, gain=1.0)
    return net.sigmoid(net.depth_to_space(x, scale))


FAMILY = Family(
    write=espcn,
    citation="Shi et al., CVPR 2016, arXiv:1609.05158",
    variants={"espcn": {}, "espcn_y": {"colours": 1}},
)
