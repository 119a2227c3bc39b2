"""A transposed convolution of stride s becomes a convolution with s x s times the channels, shuffled.

Each of the s x s output phases is an ordinary convolution of the input with its share of the kernel, and a
DepthToSpace puts them side by side. Exact at the edges too, for both read zeros there; it applies where the
output is exactly s times as large as the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latencylab import dtypes
from latencylab.rewrites._convolution import geometry
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "conv_transpose_to_depth_to_space"


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: output s*j + phase reads input j - d through tap s*d + phase + pad, for d in first..last."""

    stride: int
    pad: int
    kernel: int

    @property
    def last(self) -> int:
        """The furthest input before j that is read."""
        return max((self.kernel - 1 - phase - self.pad) // self.stride for phase in range(self.stride))

    @property
    def first(self) -> int:
        """The furthest input behind j that is read, negative."""
        return min(-((phase + self.pad) // self.stride) for phase in range(self.stride))

    @property
    def extent(self) -> int:
        """Taps of the convolution."""
        return self.last - self.first + 1

    def taps(self, phase: int) -> list[tuple[int, int]]:
        """Pairs (tap of the convolution, tap of the transposed one) of an output phase."""
        pairs = []
        for d in range(self.first, self.last + 1):
            tap = self.stride * d + phase + self.pad
            if 0 <= tap < self.kernel:
                pairs.append((self.last - d, tap))
        return pairs


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for all transposed convolutions that fit."""
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        axes = _axes(graph, node) if node.op_type == "ConvTranspose" and not node.domain else None
        if axes is not None:
            _write(draft, node, axes)
    if not draft:
        return ()
    names = ", ".join(node.name for node in draft.touched)
    return (draft.change(f"replace {names} by a convolution and DepthToSpace", "exact"),)


def _axes(graph: Graph, node: Node) -> tuple[_Axis, _Axis] | None:
    """Read the geometry; None where it is no upsampling by equal whole factors."""
    weight, source = graph.tensors[node.inputs[1]], graph.tensors[node.inputs[0]]
    strides = tuple(node.attributes.get("strides", (1, 1)))
    is_plain = int(node.attributes.get("group", 1)) == 1 and set(node.attributes.get("dilations", (1,))) == {
        1
    }
    if len(weight.shape) != 4 or not weight.is_constant or not dtypes.is_float(weight.dtype) or not is_plain:
        return None
    stride = int(strides[0])
    target = graph.tensors[node.outputs[0]].shape
    is_scaled = tuple(stride * extent for extent in source.shape[2:]) == target[2:]
    if len(set(strides)) > 1 or stride < 2 or not is_scaled:
        return None
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in node.attributes:
        return None
    pads = node.attributes.get("pads", (0, 0, 0, 0))
    rows, columns = (_Axis(stride, int(pads[i]), weight.shape[2 + i]) for i in range(2))
    return rows, columns


def _write(draft: Draft, node: Node, axes: tuple[_Axis, _Axis]) -> None:
    source, weight = node.inputs[:2]
    outs, stride, kernel = draft.shape(weight)[1], axes[0].stride, (axes[0].extent, axes[1].extent)
    wide = outs * stride**2
    before = draft.shape(source)
    shape = (wide, before[1], *kernel)
    inputs = [
        source,
        draft.weight(f"{node.name}.weight", shape, lambda w: phases(w, axes), weight, like=weight),
    ]
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = node.inputs[2]
        repeated = draft.weight(
            f"{node.name}.bias", (wide,), lambda b: np.repeat(b, stride**2), bias, like=bias
        )
        inputs.append(repeated)
    pads = (axes[0].last, axes[1].last, -axes[0].first, -axes[1].first)
    attributes = geometry(kernel, pads)
    conv = draft.node(f"{node.name}.conv", "Conv", inputs, (before[0], wide, *before[2:]), **attributes)
    output = node.outputs[0]
    name, whole = f"{node.name}.shuffle", draft.shape(output)
    draft.node(name, "DepthToSpace", (conv,), whole, into=output, blocksize=stride, mode="CRD")
    draft.touched.append(node)


def phases(weight: np.ndarray, axes: tuple[_Axis, _Axis]) -> np.ndarray:
    """Weights [in, out, ky, kx] of the transposed convolution as [out * s * s, in, ...], phases innermost."""
    ins, outs = weight.shape[:2]
    stride = axes[0].stride
    result = np.zeros((outs, stride, stride, ins, axes[0].extent, axes[1].extent), weight.dtype)
    for row in range(stride):
        for column in range(stride):
            for y, ky in axes[0].taps(row):
                for x, kx in axes[1].taps(column):
                    result[:, row, column, :, y, x] = weight[:, :, ky, kx].T
    return result.reshape(outs * stride**2, ins, *result.shape[4:])
