"""Bicubic++: works at half the input's resolution and makes up for it in the last shuffle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.1


def bicubicpp(net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 2) -> Value:
    """A strided convolution, two plain ones, a skip, and a shuffle of 2 * scale."""
    head = net.leaky_relu(net.conv(image, channels, stride=2, bias=False), _SLOPE)
    x = head
    for _ in range(blocks):
        x = net.leaky_relu(net.conv(x, channels, bias=False), _SLOPE)
    shuffle = 2 * scale
    x = net.conv(net.add(x, head), image.channels * shuffle**2, bias=False, gain=1.0)
    return net.depth_to_space(x, shuffle)


FAMILY = Family(
    write=bicubicpp,
    citation="Bilecen and Ayazoglu, CVPRW 2023, arXiv:2305.02126",
    variants={"bicubicpp": {}},
)
