"""A plain stack of convolutions with nothing to fuse but ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def pureconv24(net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 3) -> Value:
    """No skip, no Concat, no Clip."""
    out = image.channels * scale**2
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.relu(net.conv(x, out))
    x = net.relu(net.conv(x, out, 1))
    return net.depth_to_space(x, scale, "DCR")


FAMILY = Family(
    write=pureconv24,
    citation="entry of the Mobile AI challenge on quantized super-resolution",
    variants={"pureconv24": {}},
)
