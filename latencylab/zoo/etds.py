"""ETDS as deployed: equivalently transformed dual streams, one plain stream without Add or Concat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value

_ALIGNMENT = 4


def etds(net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 4) -> Value:
    """The tail is rounded up to a multiple of 4 channels (28 at x3) and sliced back."""
    out = image.channels * scale**2
    tail = -(-out // _ALIGNMENT) * _ALIGNMENT
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.relu(net.conv(x, tail))
    x = net.relu(net.conv(x, tail, 1))
    if tail != out:
        x = net.first_channels(x, out)
    return net.depth_to_space(x, scale)


FAMILY = Family(
    write=etds,
    citation="Chao et al., CVPR 2023",
    variants={
        "etds_t": {"blocks": 5, "channels": 16},
        "etds_s": {"blocks": 4, "channels": 32},
        "etds_m": {"blocks": 6, "channels": 32},
        "etds_l": {"blocks": 7, "channels": 48},
    },
)
