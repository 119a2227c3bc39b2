"""FSRCNN: shrink, map, expand, and a 9x9 transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def fsrcnn(
    net: Net, image: Value, *, scale: int, features: int = 56, shrunk: int = 12, mappings: int = 4
) -> Value:
    """(d, s, m) = (56, 12, 4) in the paper."""
    x = net.prelu(net.conv(image, features, 5))
    x = net.prelu(net.conv(x, shrunk, 1))
    for _ in range(mappings):
        x = net.prelu(net.conv(x, shrunk))
    x = net.prelu(net.conv(x, features, 1))
    return net.conv_transpose(x, image.channels, 9, scale)


FAMILY = Family(
    write=fsrcnn,
    citation="Dong et al., ECCV 2016, arXiv:1608.00367",
    variants={"fsrcnn": {}, "fsrcnn_y": {"colours": 1}},
)
