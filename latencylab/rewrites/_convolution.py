"""Convolutions as the rules see them, and what can be done to their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latencylab import dtypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from latencylab.graph import Graph, Node

    Array = NDArray[Any]

POINTWISE = frozenset({"Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "Elu", "Gelu"})
"""Activations: element by element, whatever lies around it."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """A 2-D Conv with constant float weights. pads: begin of both axes, then end of both."""

    node: Node
    source: str
    weight: str
    bias: str
    weight_shape: tuple[int, ...]
    groups: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]

    @property
    def output(self) -> str:
        """The tensor it writes."""
        return self.node.outputs[0]

    @property
    def out_channels(self) -> int:
        """Channels it writes."""
        return self.weight_shape[0]

    @property
    def in_channels(self) -> int:
        """Channels it reads."""
        return self.weight_shape[1] * self.groups

    @property
    def kernel(self) -> tuple[int, int]:
        """Extents of its kernel."""
        return self.weight_shape[2], self.weight_shape[3]

    @property
    def centre(self) -> tuple[int, int] | None:
        """The tap under which an output lies, where input and output lie on one grid; else None."""
        if self.strides != (1, 1):
            return None
        reach = [d * (k - 1) for d, k in zip(self.dilations, self.kernel, strict=True)]
        keeps_size = all(self.pads[i] + self.pads[i + 2] == reach[i] for i in range(2))
        on_tap = all(self.pads[i] % self.dilations[i] == 0 for i in range(2))
        if not (keeps_size and on_tap):
            return None
        return self.pads[0] // self.dilations[0], self.pads[1] // self.dilations[1]

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of a Conv of the same geometry."""
        return geometry(self.kernel, self.pads, self.strides, self.dilations, self.groups)

    def is_like(self, other: Convolution) -> bool:
        """Whether both move over their inputs in the same way."""
        return (self.strides, self.dilations, self.groups) == (other.strides, other.dilations, other.groups)


def geometry(
    kernel: tuple[int, int],
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    strides: tuple[int, int] = (1, 1),
    dilations: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> dict[str, Any]:
    """Attributes of a Conv."""
    return {
        "kernel_shape": kernel,
        "pads": pads,
        "strides": strides,
        "dilations": dilations,
        "group": groups,
    }


def convolution(graph: Graph, node: Node | None) -> Convolution | None:
    """Read a Conv; None for anything else, for learned-at-run-time weights and for other ranks than 2-D."""
    if node is None or node.op_type != "Conv" or node.domain:
        return None
    weight = graph.tensors[node.inputs[1]]
    bias = node.inputs[2] if len(node.inputs) > 2 else ""
    pads = _pads(graph, node)
    is_usable = weight.is_constant and dtypes.is_float(weight.dtype) and not weight.is_sign
    if (
        len(weight.shape) != 4
        or pads is None
        or not is_usable
        or (bias and not graph.tensors[bias].is_constant)
    ):
        return None
    return Convolution(
        node=node,
        source=node.inputs[0],
        weight=weight.name,
        bias=bias,
        weight_shape=weight.shape,
        groups=int(node.attributes.get("group", 1)),
        strides=_pair(node.attributes.get("strides", (1, 1))),
        dilations=_pair(node.attributes.get("dilations", (1, 1))),
        pads=pads,
    )


def _pads(graph: Graph, node: Node) -> tuple[int, int, int, int] | None:
    """Explicit pads; "SAME" is made explicit from the shapes."""
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode in {"NOTSET", "VALID"}:
        top, left, bottom, right = node.attributes.get("pads", (0, 0, 0, 0)) if mode == "NOTSET" else (0,) * 4
        return int(top), int(left), int(bottom), int(right)
    kernel = graph.tensors[node.inputs[1]].shape[2:]
    before, after = graph.tensors[node.inputs[0]].shape[2:], graph.tensors[node.outputs[0]].shape[2:]
    strides = _pair(node.attributes.get("strides", (1, 1)))
    dilations = _pair(node.attributes.get("dilations", (1, 1)))
    sums = [
        max(0, (o - 1) * s + d * (k - 1) + 1 - i)
        for o, s, d, k, i in zip(after, strides, dilations, kernel, before, strict=True)
    ]
    small, large = [p // 2 for p in sums], [p - p // 2 for p in sums]
    begin, end = (small, large) if mode == "SAME_UPPER" else (large, small)
    return begin[0], begin[1], end[0], end[1]


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def is_channelwise(graph: Graph, name: str, channels: int) -> bool:
    """Whether a constant holds one value for all channels, or one for each."""
    tensor = graph.tensors[name]
    per_channel = tensor.shape[-3:] == (channels, 1, 1)
    return tensor.is_constant and (tensor.elements == 1 or (per_channel and tensor.elements == channels))


def reader(graph: Graph, name: str) -> Node | None:
    """The only node that reads a tensor; None where there are several, or where it leaves the network."""
    readers = graph.consumers.get(name, ())
    is_sole = len(readers) == 1 and sum(read == name for read in readers[0].inputs) == 1
    return readers[0] if is_sole and name not in graph.outputs else None


def is_private(graph: Graph, name: str) -> bool:
    """Whether exactly one node reads a tensor."""
    return reader(graph, name) is not None


def at_tap(kernel: tuple[int, int], tap: tuple[int, int], matrix: Array) -> Array:
    """Weights that apply a matrix [out, in] to one position of the kernel and ignore the others."""
    weight = np.zeros((*matrix.shape, *kernel), matrix.dtype)
    weight[:, :, tap[0], tap[1]] = matrix
    return weight


def block_diagonal(first: Array, second: Array) -> Array:
    """Weights that apply the first to the first channels and the second to the rest."""
    outs, ins = first.shape[0] + second.shape[0], first.shape[1] + second.shape[1]
    weight = np.zeros((outs, ins, *first.shape[2:]), first.dtype)
    weight[: first.shape[0], : first.shape[1]] = first
    weight[first.shape[0] :, first.shape[1] :] = second
    return weight


def replicate_matrix(channels: int, times: int, *, is_interleaved: bool) -> Array:
    """[channels * times, channels]: copies of all channels in turn, or (interleaved) of each in a row."""
    one = np.eye(channels)
    return np.repeat(one, times, axis=0) if is_interleaved else np.tile(one, (times, 1))
