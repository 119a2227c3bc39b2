"""IMDN: information multi-distillation; each block peels channels off by Split and joins them by Concat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._channel_attention import channel_attention, contrast
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


_SLOPE = 0.05
_REDUCTION = 16


def imdn(net: Net, image: Value, *, scale: int, channels: int = 64, blocks: int = 6) -> Value:
    """Distillation blocks with contrast-aware attention, all of their outputs fused at the end."""
    head = net.conv(image, channels)
    outputs = [head]
    for _ in range(blocks):
        outputs.append(_block(net, outputs[-1], attention=True))
    x = net.leaky_relu(net.conv(net.cat(*outputs[1:]), channels, 1), _SLOPE)
    return _tail(net, net.conv(x, channels, gain=0.5), head, image, scale)


def imdn_rtc(net: Net, image: Value, *, scale: int, channels: int = 12, blocks: int = 5) -> Value:
    """The real-time form: narrow, in sequence, without attention."""
    head = net.conv(image, channels)
    x = head
    for _ in range(blocks):
        x = _block(net, x, attention=False)
    return _tail(net, net.conv(x, channels, 1, gain=0.5), head, image, scale)


def _tail(net: Net, x: Value, head: Value, image: Value, scale: int) -> Value:
    return net.depth_to_space(net.conv(net.add(x, head), image.channels * scale**2, gain=1.0), scale)


def _block(net: Net, x: Value, *, attention: bool) -> Value:
    """A quarter of the channels is kept at each of three steps, the rest goes on."""
    kept = x.channels // 4
    distilled, y = [], x
    for _ in range(3):
        y = net.leaky_relu(net.conv(y, x.channels), _SLOPE)
        done, y = net.split(y, kept, x.channels - kept)
        distilled.append(done)
    y = net.cat(*distilled, net.conv(y, kept))
    if attention:
        y = channel_attention(net, y, contrast(net, y), _REDUCTION)
    return net.add(net.conv(y, x.channels, 1, gain=0.5), x)


_CITATION = "Hui et al., ACM MM 2019, arXiv:1909.11856"

FAMILIES = (
    Family(write=imdn, citation=_CITATION, variants={"imdn": {}, "imdn_b4": {"blocks": 4}}),
    Family(write=imdn_rtc, citation=_CITATION, variants={"imdn_rtc": {}}),
)
