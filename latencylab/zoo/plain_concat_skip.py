"""A late Concat of the input where ABPN adds an anchor: the skip that costs no element-wise pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def plain_concat_skip(net: Net, image: Value, *, scale: int, channels: int = 28, blocks: int = 4) -> Value:
    """The last convolution sees the image beside the features and can copy it; widths are ABPN's."""
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.conv(net.cat(x, image), image.channels * scale**2, gain=1.0)
    return net.clip(net.depth_to_space(x, scale, "DCR"), 0, 255)


FAMILY = Family(
    write=plain_concat_skip,
    citation="after entries of the Mobile AI challenges; widths are ours",
    variants={"plain_concat_skip": {}},
)
