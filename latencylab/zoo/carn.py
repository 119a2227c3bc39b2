"""CARN: cascading residual network; every stage sees all earlier ones through Concat and a 1x1 one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from latencylab.zoo._edsr_frame import upsampler
from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from latencylab.zoo._builder import Kernel, Net, Value


_STAGES = 3


def carn(
    net: Net, image: Value, *, scale: int, channels: int = 64, groups: int = 1, shared: bool = False
) -> Value:
    """Cascades of residual units in a cascade of blocks; the mobile form groups its units and shares them."""
    head = net.conv(image, channels)
    block = partial(_block, net, groups=groups, shared=shared)
    x = _cascade(net, head, [block] * _STAGES)
    x = upsampler(net, x, scale, groups=groups, activation=net.relu)
    return net.conv(x, image.channels, gain=1.0)


def _cascade(net: Net, x: Value, stages: Sequence[Callable[[Value], Value]]) -> Value:
    seen = x
    for stage in stages:
        seen = net.cat(seen, stage(x))
        x = net.relu(net.conv(seen, x.channels, 1))
    return x


def _block(net: Net, x: Value, *, groups: int, shared: bool) -> Value:
    different = 1 if shared else _STAGES
    kernels = [_unit_kernels(net, x.channels, groups) for _ in range(different)] * (_STAGES // different)
    return _cascade(net, x, [partial(_unit, net, kernels=each, groups=groups) for each in kernels])


def _unit_kernels(net: Net, channels: int, groups: int) -> tuple[Kernel, ...]:
    """Two 3x3 convolutions; grouped ones need a 1x1 to mix their groups."""
    if groups == 1:
        return net.kernel(channels, channels, 3), net.kernel(channels, channels, 3, gain=0.5)
    grouped = [net.kernel(channels // groups, channels, 3) for _ in range(2)]
    return *grouped, net.kernel(channels, channels, 1, gain=0.5)


def _unit(net: Net, x: Value, *, kernels: tuple[Kernel, ...], groups: int) -> Value:
    y = net.relu(net.convolve(x, kernels[0], groups=groups))
    y = net.convolve(y, kernels[1], groups=groups)
    if groups > 1:
        y = net.convolve(net.relu(y), kernels[2])
    return net.relu(net.add(y, x))


FAMILY = Family(
    write=carn,
    citation="Ahn et al., ECCV 2018, arXiv:1803.08664",
    variants={"carn": {}, "carn_m": {"groups": 4, "shared": True}},
)
