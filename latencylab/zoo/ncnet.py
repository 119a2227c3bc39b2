"""NCNet: the anchor of ABPN as a frozen 1x1 convolution, faster on accelerators than a Concat of copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def ncnet(net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 4) -> Value:
    """ABPN with nearest upsampling convolved."""
    import numpy as np

    copies, out = scale**2, image.channels * scale**2
    anchor = net.frozen_conv(image, np.tile(np.eye(image.channels, dtype=np.float32), (copies, 1)))
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.relu(net.conv(x, out))
    x = net.add(net.conv(x, out, gain=1.0), anchor)
    return net.clip(net.depth_to_space(x, scale, "DCR"), 0, 255)


FAMILY = Family(
    write=ncnet,
    citation="Luo et al., ECCVW 2022, arXiv:2208.11609",
    variants={"ncnet": {}},
)
