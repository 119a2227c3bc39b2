"""QuickSRNet: a VGG-like trunk of convolutions with ReLU1, made for int8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from latencylab.zoo._builder import Net, Value


def quicksrnet(
    net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 2, input_skip: bool = False
) -> Value:
    """Activations are clipped to [0, 1]; the large model adds a 1x1 convolution of the input."""
    x = net.clip(net.conv(image, channels), 0, 1)
    for _ in range(blocks):
        x = net.clip(net.conv(x, channels), 0, 1)
    out = image.channels * scale**2
    x = net.conv(x, out)
    if input_skip:
        x = net.add(x, net.conv(image, out, 1))
    return net.depth_to_space(net.clip(x, 0, 1), scale)


FAMILY = Family(
    write=quicksrnet,
    citation="Berger et al., CVPRW 2023, arXiv:2303.04336",
    variants={
        "quicksrnet_small": {"channels": 32, "blocks": 2},
        "quicksrnet_medium": {"channels": 32, "blocks": 5},
        "quicksrnet_large": {"channels": 64, "blocks": 11, "input_skip": True},
    },
)
