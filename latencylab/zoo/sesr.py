"""SESR as deployed: its linear blocks collapsed into plain convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def sesr(net: Net, image: Value, *, scale: int, channels: int = 16, blocks: int = 5) -> Value:
    """A trunk with one short and one long skip; the long one adds 1 channel to scale^2 of them."""
    head = net.conv(net.sub(image, 0.5), channels, 5, bias=False)
    x = head
    for _ in range(blocks):
        x = net.prelu(net.conv(x, channels, bias=False))
    x = net.conv(net.add(x, head), image.channels * scale**2, 5, bias=False, gain=0.1)
    skip = image if image.channels == 1 else net.tile_channels(image, scale**2)
    return net.clip(net.depth_to_space(net.add(x, skip), scale, "DCR"), 0, 1)


FAMILY = Family(
    write=sesr,
    citation="Bhardwaj et al., MLSys 2022, arXiv:2103.09404",
    variants={"sesr_m5_y": {"colours": 1}},
    scales=(2, 4),
)
