"""VDSR: a deep plain network that predicts the residual of bicubic upsampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def vdsr(net: Net, image: Value, *, scale: int, channels: int = 64, layers: int = 20) -> Value:
    """All convolutions run at the output's resolution."""
    upsampled = net.resize(image, scale, "cubic")
    x = upsampled
    for _ in range(layers - 1):
        x = net.relu(net.conv(x, channels))
    return net.add(net.conv(x, image.channels, gain=0.1), upsampled)


FAMILY = Family(
    write=vdsr,
    citation="Kim et al., CVPR 2016, arXiv:1511.04587",
    variants={"vdsr": {}, "vdsr_y": {"colours": 1}},
)
