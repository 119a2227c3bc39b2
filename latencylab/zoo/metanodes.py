"""The study's meta-nodes: one tiny graph each, at the 28 channels and 360x640 of ABPN's trunk (x3 to 1080p).

`colours` sets the width of the input, so that any of them can be asked at another: `metanode_add?colours=32`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo import _spellings
from latencylab.zoo._channel_attention import channel_attention, contrast
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from latencylab.zoo._builder import Net, Value

    Writer = Callable[[Net, Value], Value | tuple[Value, ...]]

_C = 28
_RGB = 3
_SCALE = 3
_SHUFFLED = _RGB * _SCALE**2
_REDUCTION = 4


def _separable(net: Net, x: Value) -> Value:
    return net.conv(net.conv(x, x.channels, groups=x.channels), x.channels, 1)


def _with_other(net: Net, x: Value) -> tuple[Value, Value]:
    """The input and a second one like it."""
    return x, net.input("other", x.shape)


def _anchor(net: Net, x: Value) -> Value:
    """ABPN's image-space residual: the image tiled and added."""
    tiled = net.tile_channels(x, _SCALE**2)
    return net.add(net.input("features", tiled.shape), tiled)


def _binary(net: Net, x: Value) -> Value:
    return net.binary_conv(net.sign(x), x.channels)


def _residual(net: Net, x: Value) -> Value:
    return net.add(net.conv(net.relu(net.conv(x, x.channels)), x.channels), x)


def _conv_shuffle(net: Net, x: Value, kernel: int) -> Value:
    return net.depth_to_space(net.conv(x, _SHUFFLED, kernel), _SCALE)


# Name -> channels of the input, and what is written behind it.
_TABLE: Mapping[str, tuple[int, Writer]] = {
    "conv3x3_3_28": (_RGB, lambda net, x: net.conv(x, _C)),
    "conv3x3_28_28": (_C, lambda net, x: net.conv(x, x.channels)),
    "conv3x3_relu": (_C, lambda net, x: net.relu(net.conv(x, x.channels))),
    "conv3x3_stride2": (_C, lambda net, x: net.conv(x, x.channels, stride=2)),
    "conv3x3_groups4": (_C, lambda net, x: net.conv(x, x.channels, groups=4)),
    "conv3x3_depthwise": (_C, lambda net, x: net.conv(x, x.channels, groups=x.channels)),
    "conv1x1_28_28": (_C, lambda net, x: net.conv(x, x.channels, 1)),
    "conv5x5_28_28": (_C, lambda net, x: net.conv(x, x.channels, 5)),
    "separable_conv": (_C, _separable),
    "relu": (_C, lambda net, x: net.relu(x)),
    "clip": (_C, lambda net, x: net.clip(x, 0, 1)),
    "leaky_relu": (_C, lambda net, x: net.leaky_relu(x, 0.1)),
    "prelu": (_C, lambda net, x: net.prelu(x)),
    "tanh": (_C, lambda net, x: net.tanh(x)),
    "sigmoid": (_C, lambda net, x: net.sigmoid(x)),
    "add": (_C, lambda net, x: net.add(*_with_other(net, x))),
    "mul": (_C, lambda net, x: net.mul(*_with_other(net, x))),
    "concat": (_C, lambda net, x: net.cat(*_with_other(net, x))),
    "concat_9x3": (_RGB, lambda net, x: net.tile_channels(x, _SCALE**2)),
    "anchor_residual": (_RGB, _anchor),
    "split": (_C, lambda net, x: net.split(x, x.channels // 2, x.channels - x.channels // 2)),
    "slice": (_C, lambda net, x: net.first_channels(x, x.channels - 1)),
    "pool_attention": (_C, lambda net, x: channel_attention(net, x, net.global_average_pool(x), _REDUCTION)),
    "std_attention": (_C, lambda net, x: channel_attention(net, x, contrast(net, x), _REDUCTION)),
    "batch_norm": (_C, lambda net, x: net.batch_norm(x)),
    "sign_binary_conv": (_C, _binary),
    "depth_to_space_crd": (_SHUFFLED, lambda net, x: net.depth_to_space(x, _SCALE, "CRD")),
    "depth_to_space_dcr": (_SHUFFLED, lambda net, x: net.depth_to_space(x, _SCALE, "DCR")),
    "depth_to_space_reshaped": (_SHUFFLED, lambda net, x: _spellings.unfolded(net, x, _SCALE, "CRD")),
    "conv3x3_depth_to_space": (_C, lambda net, x: _conv_shuffle(net, x, 3)),
    "conv1x1_depth_to_space": (_C, lambda net, x: _conv_shuffle(net, x, 1)),
    "resize_nearest": (_RGB, lambda net, x: net.resize(x, _SCALE, "nearest")),
    "resize_bilinear": (_RGB, lambda net, x: net.resize(x, _SCALE, "linear")),
    "resize_bicubic": (_RGB, lambda net, x: net.resize(x, _SCALE, "cubic")),
    "conv_transpose9x9": (_C, lambda net, x: net.conv_transpose(x, _RGB, 9, _SCALE)),
    "residual_block": (_C, _residual),
}

FAMILIES = tuple(
    Family(
        write=write,
        citation="meta-node study of ABPN, Du et al., CVPRW 2021, arXiv:2105.09750",
        variants={f"metanode_{name}": {"colours": channels}},
        scales=(),
    )
    for name, (channels, write) in _TABLE.items()
)
