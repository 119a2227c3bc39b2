"""DRRN: one residual unit, its weights shared, unrolled many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def drrn(net: Net, image: Value, *, scale: int, channels: int = 128, units: int = 25) -> Value:
    """B = 1 block of U units on the upsampled image; 2U + 2 convolutions with 4 weight tensors."""
    upsampled = net.resize(image, scale, "cubic")
    first = net.kernel(channels, channels, 3, bias=False)
    # The same weights again and again: anything but a contraction would explode.
    second = net.kernel(channels, channels, 3, bias=False, gain=0.5)
    head = net.conv(net.relu(upsampled), channels, bias=False)
    x = head
    for _ in range(units):
        x = net.add(net.convolve(net.relu(net.convolve(net.relu(x), first)), second), head)
    return net.add(net.conv(net.relu(x), image.channels, bias=False, gain=0.1), upsampled)


FAMILY = Family(
    write=drrn,
    citation="Tai et al., CVPR 2017",
    variants={"drrn_b1u25_y": {"colours": 1}},
)
