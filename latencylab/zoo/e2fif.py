"""E2FIF: a binary network in which a full-precision skip spans every binary convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.1


def e2fif(net: Net, image: Value, *, scale: int, channels: int = 64, blocks: int = 16) -> Value:
    """Head and tail are real, the body binary."""
    head = net.conv(image, channels)
    x = head
    for _ in range(blocks):
        x = _unit(net, net.leaky_relu(_unit(net, x), _SLOPE))
    x = net.conv(net.add(x, head), image.channels * scale**2, gain=1.0)
    return net.depth_to_space(x, scale)


def _unit(net: Net, x: Value) -> Value:
    """The input plus BN(binary convolution); the small gamma is what training makes of sums of +-1."""
    binary = net.binary_conv(net.sign(x), x.channels, bias=True)
    return net.add(net.batch_norm(binary, gamma=0.02), x)


FAMILY = Family(
    write=e2fif,
    citation="Song et al., 2022, arXiv:2207.06893",
    variants={"e2fif": {}},
)
