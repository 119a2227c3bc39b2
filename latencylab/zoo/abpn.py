"""ABPN: anchor-based plain net, and its kin that vary the anchor: NCNet and a late concatenated skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def abpn(net: Net, image: Value, *, scale: int, channels: int = 28, blocks: int = 4) -> Value:
    """A plain trunk predicts what nearest upsampling (the anchor: tiled input, DCR shuffle) gets wrong."""
    out = image.channels * scale**2
    anchor = net.tile_channels(image, scale**2)
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.relu(net.conv(x, out))
    x = net.add(net.conv(x, out, gain=1.0), anchor)
    return net.clip(net.depth_to_space(x, scale, "DCR"), 0, 255)


FAMILY = Family(
    write=abpn,
    citation="Du et al., CVPRW 2021, arXiv:2105.09750",
    variants={"abpn": {}, "abpn_m6c40": {"channels": 40, "blocks": 6}},
)
