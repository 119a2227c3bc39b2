"""XLSR: extremely lightweight quantization-robust network of small and grouped convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value

_BRANCHES = 4


def xlsr(
    net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 3, split_groups: bool = False
) -> Value:
    """Four narrow branches, group blocks, and one side branch; features meet by Concat, never by Add.

    split_groups: grouped convolutions as Split, four convolutions, Concat, for targets that lack them.
    """
    branches = [net.relu(net.conv(image, channels // _BRANCHES)) for _ in range(_BRANCHES)]
    x = net.conv(net.cat(*branches), channels, 1)
    for _ in range(blocks):
        x = net.conv(net.relu(_grouped(net, x, split=split_groups)), channels, 1)
    side = net.conv(image, channels // 2)
    x = net.relu(net.conv(net.cat(x, side), channels, 1))
    x = net.depth_to_space(net.conv(x, image.channels * scale**2), scale, "DCR")
    return net.clip(x, 0, 1)


def _grouped(net: Net, x: Value, *, split: bool) -> Value:
    if split:
        return net.split_conv(x, x.channels, _BRANCHES)
    return net.conv(x, x.channels, groups=_BRANCHES)


FAMILY = Family(
    write=xlsr,
    citation="Ayazoglu, CVPRW 2021, arXiv:2105.10288",
    variants={"xlsr": {}},
)
