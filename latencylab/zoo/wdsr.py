"""WDSR-A: wide activation, so that residual blocks expand before the ReLU and carry a narrow skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_MEAN = 0.5 * 255
_RANGE = 127.5


def wdsr(
    net: Net, image: Value, *, scale: int, channels: int = 32, expansion: int = 4, blocks: int = 16
) -> Value:
    """One convolution of the image, shuffled, is the skip of the whole network. Pixels are 0..255."""
    import numpy as np

    per_colour = (1, image.channels, 1, 1)
    mean = net.learned("mean", per_colour, lambda: np.full(per_colour, _MEAN, np.float32), frozen=True)
    centred = net.div(net.sub(image, mean), _RANGE)
    out = image.channels * scale**2
    x = net.conv(centred, channels)
    for _ in range(blocks):
        wide = net.relu(net.conv(x, channels * expansion))
        x = net.add(net.conv(wide, channels, gain=0.1), x)
    x = net.depth_to_space(net.conv(x, out, gain=0.5), scale)
    skip = net.depth_to_space(net.conv(centred, out, 5, gain=0.5), scale)
    return net.add(net.mul(net.add(x, skip), _RANGE), mean)


FAMILY = Family(
    write=wdsr,
    citation="Yu et al., 2018, arXiv:1808.08718",
    variants={
        "wdsr_a": {},
        # The 75 M row of the XLSR paper; one of several shapes that have this many parameters.
        "wdsr_a_b32c128": {"channels": 128, "expansion": 8, "blocks": 32},
    },
)
