"""RFDN: residual feature distillation; 1x1 convolutions distil where IMDN splits. Won AIM 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family
from latencylab.zoo._spatial_attention import enhanced_spatial_attention

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.05
_ATTENTION_CHANNELS = 12


def rfdn(net: Net, image: Value, *, scale: int, channels: int = 50, blocks: int = 4) -> Value:
    """Blocks in sequence, all of their outputs fused at the end."""
    head = net.conv(image, channels)
    outputs = [head]
    for _ in range(blocks):
        outputs.append(_block(net, outputs[-1]))
    x = net.leaky_relu(net.conv(net.cat(*outputs[1:]), channels, 1), _SLOPE)
    x = net.add(net.conv(x, channels, gain=0.5), head)
    return net.depth_to_space(net.conv(x, image.channels * scale**2, gain=1.0), scale)


def _block(net: Net, x: Value) -> Value:
    """Three times: distil half, refine the whole with a shallow residual; then fuse and attend."""
    half = x.channels // 2
    distilled, y = [], x
    for _ in range(3):
        distilled.append(net.leaky_relu(net.conv(y, half, 1), _SLOPE))
        y = net.leaky_relu(net.add(net.conv(y, x.channels, gain=1.0), y), _SLOPE)
    distilled.append(net.leaky_relu(net.conv(y, half), _SLOPE))
    fused = net.conv(net.cat(*distilled), x.channels, 1)
    return enhanced_spatial_attention(net, fused, _ATTENTION_CHANNELS, convolutions=3)


FAMILY = Family(
    write=rfdn,
    citation="Liu et al., ECCVW 2020, arXiv:2009.11551",
    variants={"rfdn": {}},
)
