"""edge-SR: one convolution, one shuffle, and a choice between what they propose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def edge_sr_max(net: Net, image: Value, *, scale: int, channels: int = 1, kernel: int = 3) -> Value:
    """The largest of `channels` proposals."""
    x = _proposals(net, image, scale, channels, kernel)
    return net.reduce("Max", x, 1)


def edge_sr_tm(net: Net, image: Value, *, scale: int, channels: int = 1, kernel: int = 3) -> Value:
    """Template matching: a softmax over `channels` keys weighs as many values."""
    x = _proposals(net, image, scale, 2 * channels, kernel)
    values, keys = net.split(x, channels, channels)
    weights = net.op("Softmax", keys, axis=1)
    return net.reduce("Sum", net.mul(values, weights), 1)


def _proposals(net: Net, image: Value, scale: int, count: int, kernel: int) -> Value:
    filtered = net.conv(image, count * scale**2, kernel, bias=False, gain=1.0)
    return net.depth_to_space(filtered, scale)


_CITATION = "Navarrete Michelini et al., WACV 2022, arXiv:2108.10335"

FAMILIES = (
    Family(write=edge_sr_max, citation=_CITATION, variants={"edge_sr_max_y": {"colours": 1}}),
    Family(write=edge_sr_tm, citation=_CITATION, variants={"edge_sr_tm_y": {"colours": 1}}),
)
