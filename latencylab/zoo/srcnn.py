"""SRCNN: three convolutions on the bicubically upsampled image; the first of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def srcnn(net: Net, image: Value, *, scale: int) -> Value:
    """9-1-5."""
    x = net.resize(image, scale, "cubic")
    x = net.relu(net.conv(x, 64, 9))
    x = net.relu(net.conv(x, 32, 1))
    return net.conv(x, image.channels, 5, gain=1.0)


FAMILY = Family(
    write=srcnn,
    citation="Dong et al., ECCV 2014, arXiv:1501.00092",
    variants={"srcnn": {}, "srcnn_y": {"colours": 1}},
)
