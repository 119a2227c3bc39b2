"""Feature maps get the width that the device's convolution engine works in: the next wider, or narrower.

Up: zero filters and zero weights, the same function; what it buys are channels to train, nearly free of
charge. Down: another, smaller network, whose quality training must
show; it is proposed where at least two thirds of the channels stay.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np

from latencylab import units
from latencylab.rewrites._draft import Draft
from latencylab.rewrites._widths import Widths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change
    from latencylab.rewrites._convolution import Convolution

RULE = "align_channels"
_LEAST_SHARE: Final = 2 / 3
_FEWEST: Final = 8
"""Maps narrower than this are bottlenecks or images: their width is their purpose."""


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:
    """One change for each width and each width next to it that the device likes."""
    widths = Widths(graph)
    steps = sorted(set(_steps(profile)))
    found: list[Change] = []
    for width, names in widths.free.items():
        targets = {target for step in steps for target in (width // step * step, ceil(width / step) * step)}
        sensible = (t for t in sorted(targets - {width}) if _LEAST_SHARE * width <= t <= 2 * width)
        if width >= _FEWEST:
            found.extend(_change(widths, names, width, target) for target in sensible)
    return tuple(found)


def _steps(profile: DeviceProfile) -> Iterator[int]:
    """Numbers of channels that fill the convolution engine."""
    dtype = profile.deployment_dtype
    engine = profile.engines.get(profile.engine_for("Conv", dtype))
    if engine is not None:
        yield from (engine.input_channel_align.value, engine.output_channel_align.value)
        if engine.split == "output_channels":
            yield engine.count.value * engine.output_channel_align.value


def _change(widths: Widths, names: frozenset[str], width: int, target: int) -> Change:
    draft = Draft(widths.graph, RULE)
    _Resizing(draft, widths, names, target).write()
    maps = f"the {width}-channel maps"
    if target < width:
        text = f"narrow {maps} to {target}: fewer channels, whose quality training has to show"
        return draft.change(text, "retrain", is_smaller=True)
    return draft.change(
        f"widen {maps} to {target}: room for {units.counted(target - width, 'more channel')}", "exact"
    )


class _Resizing:
    """Writes every node that reads or writes a map of the width in question."""

    def __init__(self, draft: Draft, widths: Widths, names: frozenset[str], width: int) -> None:
        self.draft, self.widths, self.names, self.width = draft, widths, names, width
        self.renamed: dict[str, str] = {}

    def write(self) -> None:
        """Write them in the graph's order."""
        for node in self.draft.graph.nodes:
            if self.names.intersection((*node.inputs, *node.outputs)):
                conv = self.widths.convolutions.get(node.name)
                self._conv(conv) if conv else self._other(node)
                self.draft.touched.append(node)

    def _conv(self, conv: Convolution) -> None:
        stem = conv.node.name
        ins = self.width if conv.source in self.names else conv.in_channels
        outs = self.width if conv.output in self.names else conv.out_channels
        shape = (outs, ins, *conv.kernel)
        source = self.renamed.get(conv.source, conv.source)
        inputs = [source, self._resized(f"{stem}.weight", conv.weight, shape)]
        if conv.bias:
            inputs.append(self._resized(f"{stem}.bias", conv.bias, (outs,)))
        self._node(conv.node, inputs, outs)

    def _other(self, node: Node) -> None:
        inputs = [self.renamed.get(name, name) for name in node.inputs]
        if node.op_type == "PRelu" and self.draft.graph.tensors[node.inputs[1]].elements > 1:
            inputs[1] = self._resized(f"{node.name}.slope", node.inputs[1], (self.width, 1, 1))
        self._node(node, inputs, self.width)

    def _node(self, node: Node, inputs: list[str], channels: int) -> None:
        output = node.outputs[0]
        before = self.draft.shape(output)
        into = "" if output in self.names else output
        shape = (before[0], channels, *before[2:])
        stem = f"{node.name}.aligned"
        name = self.draft.node(stem, node.op_type, inputs, shape, into=into, **node.attributes)
        if not into:
            self.renamed[output] = name

    def _resized(self, stem: str, name: str, shape: tuple[int, ...]) -> str:
        """Weights cut off or filled up with zeros."""

        def compute(values: np.ndarray) -> np.ndarray:
            values = values.reshape((-1, *shape[1:])) if values.ndim < len(shape) else values
            result = np.zeros(shape, values.dtype)
            common = tuple(slice(min(a, b)) for a, b in zip(shape, values.shape, strict=True))
            result[common] = values[common]
            return result

        return self.draft.weight(stem, shape, compute, name, like=name)
