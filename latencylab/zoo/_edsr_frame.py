"""What the networks of the EDSR code base share: the mean shift at both ends and the upsampling tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.zoo._builder import Net, Value

# Mean colour of DIV2K, of 1; grey for one channel.
_MEAN = {3: (0.4488, 0.4371, 0.4040)}
_GREY = 0.5


def mean_shift(net: Net, x: Value, sign: Literal[-1, 1]) -> Value:
    """Subtract (-1) or add (+1) the mean colour, as a frozen 1x1 convolution: it runs, so its MACs count."""
    import numpy as np

    mean = _MEAN.get(x.channels, (_GREY,) * x.channels)
    return net.frozen_conv(x, np.eye(x.channels, dtype=np.float32), [sign * colour for colour in mean])


def upsampler(
    net: Net, x: Value, scale: int, *, groups: int = 1, activation: Callable[[Value], Value] | None = None
) -> Value:
    """Convolve to scale^2 times the channels and shuffle; powers of two go in stages of 2.

    `activation` acts between the convolution and the shuffle, where it costs the same on fewer pixels.
    """
    for stage in stages(scale):
        y = net.conv(x, x.channels * stage**2, gain=1.0 if activation is None else 2.0, groups=groups)
        x = net.depth_to_space(activation(y) if activation else y, stage)
    return x


def stages(scale: int) -> tuple[int, ...]:
    """4 -> (2, 2), 3 -> (3,)."""
    is_power_of_two = scale & (scale - 1) == 0
    return (2,) * (scale.bit_length() - 1) if is_power_of_two else (scale,)
