"""BBCU: the basic binary convolution unit, stacked between real convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._edsr_frame import stages
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.1


def bbcu(net: Net, image: Value, *, scale: int, channels: int = 64, units: int = 32) -> Value:
    """BBCU-L: only the body is binary; the bilinear image is added at the end."""
    x = net.leaky_relu(net.conv(image, channels), _SLOPE)
    for _ in range(units):
        x = _unit(net, x)
    for stage in stages(scale):
        x = net.depth_to_space(net.conv(x, channels * stage**2), stage)
        x = net.leaky_relu(x, _SLOPE)
    x = net.conv(net.leaky_relu(net.conv(x, channels), _SLOPE), image.channels, gain=0.1)
    return net.add(x, net.resize(image, scale, "linear"))


def _unit(net: Net, x: Value) -> Value:
    """The input plus RPReLU(alpha * bconv(Sign(x + b0))); RPReLU shifts on both sides of a PReLU."""
    binary = net.binary_conv(net.sign(_shifted(net, x)), x.channels)
    scaled = net.mul(binary, net.per_channel("alpha", x.channels, 0.01))
    return net.add(_shifted(net, net.prelu(_shifted(net, scaled))), x)


def _shifted(net: Net, x: Value) -> Value:
    return net.add(x, net.per_channel("shift", x.channels, 0.0))


FAMILY = Family(
    write=bbcu,
    citation="Xia et al., ICLR 2023, arXiv:2210.00405",
    variants={"bbcu_l": {}},
)
