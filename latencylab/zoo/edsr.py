"""EDSR: residual blocks without batch normalization; the small one is the field's yardstick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._edsr_frame import mean_shift, upsampler
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def edsr(
    net: Net,
    image: Value,
    *,
    scale: int,
    channels: int = 64,
    blocks: int = 16,
    residual_scale: float = 1.0,
    shift_mean: bool = False,
) -> Value:
    """`residual_scale` keeps the wide network trainable; the yardstick has none."""
    head = net.conv(mean_shift(net, image, -1) if shift_mean else image, channels)
    x = head
    for _ in range(blocks):
        x = _block(net, x, residual_scale)
    x = net.add(net.conv(x, channels, gain=1.0), head)
    x = net.conv(upsampler(net, x, scale), image.channels, gain=1.0)
    return mean_shift(net, x, 1) if shift_mean else x


def _block(net: Net, x: Value, residual_scale: float) -> Value:
    y = net.relu(net.conv(x, x.channels))
    if residual_scale == 1:
        return net.add(net.conv(y, x.channels, gain=0.1), x)
    return net.add(net.mul(net.conv(y, x.channels), residual_scale), x)


FAMILY = Family(
    write=edsr,
    citation="Lim et al., CVPRW 2017, arXiv:1707.02921",
    variants={
        "edsr_baseline": {},
        "edsr": {"channels": 256, "blocks": 32, "residual_scale": 0.1, "shift_mean": True},
    },
)
