"""ECBSR as deployed: its edge-oriented blocks re-parameterised into plain 3x3 convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def ecbsr(net: Net, image: Value, *, scale: int, channels: int = 16, blocks: int = 4) -> Value:
    """A plain PReLU trunk plus the input, each channel repeated: nearest upsampling by a CRD shuffle."""
    x = net.prelu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.prelu(net.conv(x, channels))
    x = net.conv(x, image.channels * scale**2, gain=1.0)
    return net.depth_to_space(net.add(x, net.repeat_channels(image, scale**2)), scale)


FAMILY = Family(
    write=ecbsr,
    citation="Zhang et al., ACM MM 2021",
    variants={
        "ecbsr_m4c16": {"blocks": 4, "channels": 16},
        "ecbsr_m4c32": {"blocks": 4, "channels": 32},
        "ecbsr_m6c40": {"blocks": 6, "channels": 40},
    },
)
