"""BAM: bit accumulation, a running sum of full-precision maps in front of every Sign.

A reconstruction from the paper's abstract: its code is not public. The paper counts the re-adding of *every*
earlier map (528 adds an element); the running sum written here needs 48 for the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._edsr_frame import stages
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.1


def bam(net: Net, image: Value, *, scale: int, channels: int = 64, blocks: int = 16) -> Value:
    """Binary residual blocks in an SRResNet frame."""
    head = net.leaky_relu(net.conv(image, channels), _SLOPE)
    x, accumulated = head, head
    for _ in range(blocks):
        y, accumulated = _unit(net, x, accumulated)
        y, accumulated = _unit(net, net.prelu(y), accumulated)
        x = net.add(y, x)
    x = net.add(net.conv(x, channels, gain=0.5), head)
    for stage in stages(scale):
        x = net.depth_to_space(net.conv(x, channels * stage**2), stage)
        x = net.leaky_relu(x, _SLOPE)
    return net.conv(x, image.channels, gain=1.0)


def _unit(net: Net, x: Value, accumulated: Value) -> tuple[Value, Value]:
    """Binary convolution of the sign of all maps so far, rescaled per channel; and those maps' sum."""
    accumulated = net.add(net.batch_norm(x), accumulated)
    binary = net.binary_conv(net.sign(accumulated), x.channels)
    return net.mul(binary, net.per_channel("bam.scale", x.channels, 0.01)), accumulated


FAMILY = Family(
    write=bam,
    citation="Xin et al., ECCV 2020; reconstructed from its abstract",
    variants={"bam": {}},
    scales=(2, 4),
)
