"""LapSRN: a Laplacian pyramid, doubling features and image level by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._edsr_frame import stages
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.2


def lapsrn(net: Net, image: Value, *, scale: int, channels: int = 64, layers: int = 10) -> Value:
    """Each level upsamples with transposed convolutions and adds a residual to the image."""
    x = net.leaky_relu(net.conv(image, channels, bias=False), _SLOPE)
    for _ in stages(scale):
        for _ in range(layers):
            x = net.leaky_relu(net.conv(x, channels, bias=False), _SLOPE)
        x = net.leaky_relu(net.conv_transpose(x, channels, 3, 2, bias=False), _SLOPE)
        upsampled = net.conv_transpose(image, image.channels, 4, 2, bias=False)
        image = net.add(upsampled, net.conv(x, image.channels, bias=False, gain=0.1))
    return image


FAMILY = Family(
    write=lapsrn,
    citation="Lai et al., CVPR 2017, arXiv:1704.03915",
    variants={"lapsrn_y": {"colours": 1}},
    scales=(2, 4),
)
