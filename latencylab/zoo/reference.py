"""Graphs behind published latencies that are nobody's product: a peak test, twins, stand-ins.

What is exact, what is a reconstruction and what only stands for something is said in each docstring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab.zoo._family import Family

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from latencylab.zoo._builder import Net, Value

# The image-carrying channels of a twin: three colours, and one so that the width stays a multiple of four.
CARRIED = 4


def pure_convolution(net: Net, image: Value, *, depth: int = 64, kernel: int = 5) -> Value:
    """Exact: the vendor's peak test test_64_128x128_5_132_132, equal convolutions in a row."""
    for _ in range(depth):
        image = net.conv(image, image.channels, kernel, gain=1.0)
    return image


def nv12_to_rgb(net: Net, image: Value, *, out_height: int = 1080, out_width: int = 1920) -> Value:
    """Stand-in for the vendor's convert_nv12 preprocessors, whose graphs are not published.

    The luma plane is `image`; the chroma plane has half its height and width. A plane that is not of the
    output's size is resampled to it (nearest); the three channels are joined and mixed by a 3x3 matrix, whose
    requantization saturates. Resampling is the part with no fast engine: on the VS680 the three published
    times are 7.4 ns for each element it writes.
    """
    batch, _, height, width = image.shape
    chroma = net.input("chroma", (batch, 2, height // 2, width // 2))
    planes = [_nearest(net, plane, out_height, out_width) for plane in (image, chroma)]
    return net.frozen_conv(net.cat(*planes), _YUV_TO_RGB, _YUV_OFFSET)


# ITU-R BT.601, limited range: R, G, B from Y, U, V in 0..255.
_YUV_TO_RGB = np.array([[1.164, 0.0, 1.596], [1.164, -0.392, -0.813], [1.164, 2.017, 0.0]], np.float32)
_YUV_OFFSET = (-222.9, 135.6, -276.8)


def _nearest(net: Net, x: Value, height: int, width: int) -> Value:
    if x.spatial == (height, width):
        return x
    shape = (*x.shape[:2], height, width)
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net.op("Resize", x, None, None, net.constant(shape), shape=shape, **how)


def ecbsr_tensorflow(net: Net, image: Value, *, scale: int, channels: int = 16, blocks: int = 4) -> Value:
    """Exact: ECBSR as the ETDS authors timed it on phones (scripts/test_times/models/ECBSR.py).

    Unlike the PyTorch original it tiles the input (DCR shuffle) and clips at output resolution.
    """
    x = net.prelu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.prelu(net.conv(x, channels))
    x = net.conv(x, image.channels * scale**2, gain=1.0)
    x = net.add(x, net.tile_channels(image, scale**2))
    return _clip_as_exported(net, net.depth_to_space(x, scale, "DCR"))


def abpn_tensorflow(net: Net, image: Value, *, scale: int, channels: int = 28, blocks: int = 4) -> Value:
    """Exact: ABPN as the ETDS authors timed it on phones (scripts/test_times/models/ABPN.py)."""
    out = image.channels * scale**2
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.conv(net.relu(net.conv(x, out)), out, gain=1.0)
    x = net.add(x, net.tile_channels(image, scale**2))
    return _clip_as_exported(net, net.depth_to_space(x, scale, "DCR"))


def espcn_tensorflow(net: Net, image: Value, *, scale: int, first_kernel: int = 3) -> Value:
    """Exact: ESPCN as the ETDS authors timed it (scripts/test_times/models/ESPCN.py).

    Its first kernel is 3x3, although the table counts the 5x5 of the paper.
    """
    x = net.tanh(net.conv(image, 64, first_kernel, gain=1.0))
    x = net.tanh(net.conv(x, 32, gain=1.0))
    x = net.conv(x, image.channels * scale**2, gain=1.0)
    return net.sigmoid(net.depth_to_space(x, scale, "DCR"))


def fsrcnn_tensorflow(net: Net, image: Value, *, scale: int) -> Value:
    """Exact: FSRCNN as the ETDS authors timed it (scripts/test_times/models/FSRCNN.py), clipped."""
    x = net.prelu(net.conv(image, 56, 5))
    x = net.prelu(net.conv(x, 12, 1))
    for _ in range(4):
        x = net.prelu(net.conv(x, 12))
    x = net.prelu(net.conv(x, 56, 1))
    return _clip_as_exported(net, net.conv_transpose(x, image.channels, 9, scale))


def _clip_as_exported(net: Net, x: Value) -> Value:
    """K.clip(x, 0, 255) as TensorFlow Lite receives it: MINIMUM and RELU."""
    return net.relu(net.op("Min", x, net.constant(255.0, "float32"), shape=x.shape))


def ecbsr_twin(net: Net, image: Value, *, scale: int, channels: int = 16, blocks: int = 4) -> Value:
    """Exact: class ECBSRET of the ETDS authors, equal to ECBSR without Add, repeat and clip.

    Four more channels carry the image through the trunk; the last 3x3 adds it, a 1x1 convolution between two
    ReLUs clips at both ends.
    """
    x = net.prelu(net.conv(image, channels + CARRIED))
    for _ in range(blocks):
        x = net.prelu(net.conv(x, channels + CARRIED))
    return _twin_tail(net, x, image.channels * scale**2, scale)


def abpn_twin(net: Net, image: Value, *, scale: int, channels: int = 28, blocks: int = 4) -> Value:
    """Exact: class ABPN_ET of the ETDS authors; see `ecbsr_twin`."""
    x = net.relu(net.conv(image, channels + CARRIED))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels + CARRIED))
    out = image.channels * scale**2
    x = net.relu(net.conv(x, out + (3 if scale == 3 else CARRIED)))
    return _twin_tail(net, x, out, scale)


def _twin_tail(net: Net, x: Value, out: int, scale: int) -> Value:
    """Two ReLU convolutions that add the image and clip; 27 channels are computed as 28 and cut."""
    even = out + out % 2
    x = net.relu(net.conv(x, even))
    x = net.relu(net.conv(x, even, 1))
    return net.depth_to_space(x if even == out else net.first_channels(x, out), scale)


def ecbsr_twin_tensorflow(
    net: Net, image: Value, *, scale: int, channels: int = 16, blocks: int = 4
) -> Value:
    """Exact: ECBSR's twin as the authors' timing script has it (scripts/test_times/models/ECBSR+ET.py).

    Its trunk is no wider: the image joins it in front of the last 3x3, by a Concat.
    """
    x = net.prelu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.prelu(net.conv(x, channels))
    return _joined_tail(net, x, image, scale)


def abpn_twin_tensorflow(net: Net, image: Value, *, scale: int, channels: int = 28, blocks: int = 4) -> Value:
    """Exact: ABPN's twin as the authors' timing script has it (ABPN+ET.py); see `ecbsr_twin_tensorflow`."""
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        x = net.relu(net.conv(x, channels))
    x = net.relu(net.conv(x, image.channels * scale**2))
    return _joined_tail(net, x, image, scale)


def _joined_tail(net: Net, x: Value, image: Value, scale: int) -> Value:
    """The image beside the trunk's last map, two ReLU convolutions that add it and clip, and the shuffle."""
    out = image.channels * scale**2
    x = net.relu(net.conv(net.cat(image, x), out))
    return net.depth_to_space(net.relu(net.conv(x, out, 1)), scale, "DCR")


def xcat(
    net: Net, image: Value, *, scale: int, channels: int = 32, blocks: int = 3, narrow: int = 8
) -> Value:
    """Reconstruction from the abstract of arXiv:2208.14655, not its graph: widths and depth are ours.

    Heterogeneous groups (a narrow and a wide part of the channels, each convolved apart), joined crosswise,
    so that the wide group works next on what the narrow one made; nearest upsampling as a frozen 1x1
    convolution; pixel shuffle; clipped ReLU.
    """
    x = net.relu(net.conv(image, channels))
    for _ in range(blocks):
        few, many = net.split(x, narrow, channels - narrow)
        few, many = (net.relu(net.conv(part, part.channels)) for part in (few, many))
        x = net.cat(many, few)
    out = image.channels * scale**2
    x = net.conv(x, out, gain=1.0)
    x = net.add(x, net.frozen_conv(image, _nearest_matrix(image.channels, scale)))
    return net.clip(net.depth_to_space(x, scale, "DCR"), 0, 1)


def _nearest_matrix(colours: int, scale: int) -> NDArray[np.float32]:
    """[colours*scale^2, colours]: copies the image scale^2 times."""
    return np.tile(np.eye(colours, dtype=np.float32), (scale**2, 1))


_TIMED = "Chao et al., ETDS, CVPR 2023; ECNUSR/ETDS f20dfee scripts/test_times/models"
_TWIN = "Chao et al., ETDS, CVPR 2023; ECNUSR/ETDS f20dfee core/archs/ir"
_ABPN_SIZES = {"m4c28": {"channels": 28, "blocks": 4}, "m6c40": {"channels": 40, "blocks": 6}}
_ECBSR_SIZES = {
    "m4c16": {"channels": 16, "blocks": 4},
    "m4c32": {"channels": 32, "blocks": 4},
    "m6c40": {"channels": 40, "blocks": 6},
}
_NV12 = {
    f"nv12_1080p_to_rgb_{height}x{width}": {"out_height": height, "out_width": width}
    for height, width in ((1080, 1920), (360, 640), (224, 224))
}

FAMILIES = (
    Family(
        pure_convolution,
        "synaptics-synap/doc 347bc2c manual/benchmark: test_64_128x128_5_132_132",
        {"pure_convolution": {"colours": 132, "height": 128, "width": 128}},
        scales=(),
    ),
    Family(
        nv12_to_rgb,
        "stand-in for synaptics-synap/doc 347bc2c manual/benchmark: convert_nv12",
        _NV12,
        scales=(),
        input={"colours": 1, "height": 1080, "width": 1920},
    ),
    Family(ecbsr_tensorflow, _TIMED, {f"ecbsr_{size}_tf": options for size, options in _ECBSR_SIZES.items()}),
    Family(abpn_tensorflow, _TIMED, {f"abpn_{size}_tf": options for size, options in _ABPN_SIZES.items()}),
    Family(espcn_tensorflow, _TIMED, {"espcn_tf": {}}),
    Family(fsrcnn_tensorflow, _TIMED, {"fsrcnn_tf": {}}),
    Family(ecbsr_twin, _TWIN, {f"ecbsr_{size}_twin": options for size, options in _ECBSR_SIZES.items()}),
    Family(abpn_twin, _TWIN, {f"abpn_{size}_twin": options for size, options in _ABPN_SIZES.items()}),
    Family(
        ecbsr_twin_tensorflow,
        _TIMED,
        {f"ecbsr_{size}_twin_tf": options for size, options in _ECBSR_SIZES.items()},
    ),
    Family(
        abpn_twin_tensorflow,
        _TIMED,
        {f"abpn_{size}_twin_tf": options for size, options in _ABPN_SIZES.items()},
    ),
    Family(
        xcat, "reconstruction after Ayazoglu and Bilecen, ECCVW 2022, arXiv:2208.14655", {"xcat": {}}, (3,)
    ),
)
