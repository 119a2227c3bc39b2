"""The same function as different exporters spell it.

clean: one operator of ONNX where there is one. torchscript: what tracing `x.view(...)` leaves behind, shapes
computed at run time (Shape, Gather, Unsqueeze, Concat). dynamo: the same with constant shapes, as
`torch.onnx.export(dynamo=True)` folds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.zoo._builder import Net, Value

Spelling = Literal["clean", "torchscript", "dynamo"]
SPELLINGS: tuple[str, ...] = ("clean", "torchscript", "dynamo")

# Axes of the unfolded [batch, (scale, scale, colours in mode order), height, width].
_PERM = {"CRD": (0, 1, 4, 2, 5, 3), "DCR": (0, 3, 4, 1, 5, 2)}


def depth_to_space(net: Net, x: Value, scale: int, mode: Literal["CRD", "DCR"]) -> Value:
    """DepthToSpace, or Reshape-Transpose-Reshape."""
    if net.spelling != "clean":
        return unfolded(net, x, scale, mode)
    batch, channels, height, width = x.shape
    shape = (batch, channels // scale**2, height * scale, width * scale)
    return net.op("DepthToSpace", x, shape=shape, blocksize=scale, mode=mode)


def unfolded(net: Net, x: Value, scale: int, mode: Literal["CRD", "DCR"]) -> Value:
    """Pixel shuffle as Reshape-Transpose-Reshape in every spelling."""
    batch, channels, height, width = x.shape
    colours = channels // scale**2
    factors = (colours, scale, scale) if mode == "CRD" else (scale, scale, colours)
    axes = _view(net, x, (batch, *factors, height, width), {0: (0, 1), 4: (2, 1), 5: (3, 1)})
    swapped = net.transpose(axes, *_PERM[mode])
    shape = (batch, colours, height * scale, width * scale)
    return _view(net, swapped, shape, {0: (0, 1), 2: (2, scale), 3: (4, scale)})


def global_average_pool(net: Net, x: Value) -> Value:
    """GlobalAveragePool; dynamo decomposes AdaptiveAvgPool2d(1) into ReduceMean."""
    if net.spelling == "dynamo":
        return net.reduce("Mean", x, *range(2, len(x.shape)))
    return net.op("GlobalAveragePool", x, shape=(*x.shape[:2], *(1 for _ in x.spatial)))


def tile_channels(net: Net, x: Value, times: int) -> Value:
    """Concat of copies; traced `x.repeat` is Expand by ones and Tile; dynamo leaves Tile alone."""
    if net.spelling == "clean":
        return net.cat(*[x] * times)
    repeats = (1, times, *(1 for _ in x.spatial))
    shape = (x.shape[0], x.channels * times, *x.spatial)
    if net.spelling == "torchscript":
        x = net.op("Expand", x, net.constant([1] * len(repeats)), shape=x.shape)
    return net.op("Tile", x, net.constant(repeats), shape=shape)


def repeat_channels(net: Net, x: Value, times: int) -> Value:
    """Unsqueeze-Expand-Reshape, in the clean form too: ONNX has no operator that repeats each channel."""
    batch, channels, *spatial = x.shape
    column = net.op("Unsqueeze", x, net.constant([2]), shape=(batch, channels, 1, *spatial))
    shape = (batch, channels, times, *spatial)
    sizes = net.constant(shape) if net.spelling == "clean" else net.constant((1, 1, times, 1, 1))
    expanded = net.op("Expand", column, sizes, shape=shape)
    return _view(net, expanded, (batch, channels * times, *spatial), {0: (0, 1), 2: (3, 1), 3: (4, 1)})


def _view(net: Net, x: Value, shape: Sequence[int], traced: dict[int, tuple[int, int]]) -> Value:
    """Reshape; traced, the extents at the keys are (axis of x, factor) and computed at run time."""
    if net.spelling != "torchscript":
        return net.reshape(x, *shape)
    extents = [
        _traced_extent(net, x, *traced[axis]) if axis in traced else net.constant([extent])
        for axis, extent in enumerate(shape)
    ]
    sizes = net.op("Concat", *extents, shape=(len(shape),), axis=0)
    return net.op("Reshape", x, sizes, shape=shape)


def _traced_extent(net: Net, x: Value, axis: int, factor: int) -> Value:
    """x.size(axis) * factor, as a vector of one element."""
    sizes = net.op("Shape", x, shape=(len(x.shape),))
    extent = net.op("Gather", sizes, net.constant(axis), shape=(), axis=0)
    if factor != 1:
        extent = net.op("Mul", extent, net.constant(factor), shape=())
    return net.op("Unsqueeze", extent, net.constant([0]), shape=(1,))
