"""RLFN: RFDN without the distillation; won the runtime track of NTIRE 2022."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family
from latencylab.zoo._spatial_attention import enhanced_spatial_attention

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.05
_ATTENTION_CHANNELS = 16


def rlfn(
    net: Net, image: Value, *, scale: int, channels: int = 46, inner: int = 48, blocks: int = 4
) -> Value:
    """Blocks in sequence behind one long skip."""
    head = net.conv(image, channels)
    x = head
    for _ in range(blocks):
        x = _block(net, x, inner)
    x = net.add(net.conv(x, channels, gain=0.5), head)
    return net.depth_to_space(net.conv(x, image.channels * scale**2, gain=1.0), scale)


def _block(net: Net, x: Value, inner: int) -> Value:
    """Three convolutions, the input, and spatial attention."""
    y = x
    for channels in (inner, inner, x.channels):
        y = net.leaky_relu(net.conv(y, channels), _SLOPE)
    y = net.conv(net.add(y, x), x.channels, 1)
    return enhanced_spatial_attention(net, y, _ATTENTION_CHANNELS, convolutions=1)


FAMILY = Family(
    write=rlfn,
    citation="Kong et al., CVPRW 2022, arXiv:2205.07514",
    variants={"rlfn_ntire": {}},
)
