"""Convolutions with nothing between them become one: in a row, and side by side into an Add.

In a row: the second kernel's taps each apply the first kernel. Exact where the second pads nothing (a 1x1
behind a 3x3, as linear blocks are trained) or the first is 1x1 without bias; otherwise the outermost rows and
columns differ, because the second read zeros where the first would have gone on. Side by side on one input:
the weights add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latencylab import units
from latencylab.rewrites._convolution import Convolution, convolution, geometry, is_private
from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph, Node
    from latencylab.rewrites._change import Change

RULE = "collapse_linear"
_Pair = tuple[Convolution, Convolution]


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for exact collapses in a row, one for approximate ones, one for parallel convolutions."""
    rows = list(_in_a_row(graph))
    exact = [pair for pair in rows if _is_exact(pair)]
    approximate = [pair for pair in rows if not _is_exact(pair)]
    found = [_serial(graph, exact, "exact"), _serial(graph, approximate, "approximate"), _parallel(graph)]
    return tuple(change for change in found if change is not None)


def _in_a_row(graph: Graph) -> Iterator[_Pair]:
    """Pairs that share no convolution; a longer row collapses by and by."""
    taken: set[str] = set()
    for node in graph.nodes:
        second = convolution(graph, node)
        first = convolution(graph, graph.producers.get(second.source)) if second else None
        if first is None or second is None or first.output in taken or not is_private(graph, first.output):
            continue
        plain = all(c.groups == 1 and c.dilations == (1, 1) for c in (first, second))
        if plain and first.strides == (1, 1):
            taken.add(second.output)
            yield first, second


def _is_exact(pair: _Pair) -> bool:
    first, second = pair
    passes_zeros = first.kernel == (1, 1) and not first.bias and not any(first.pads)
    return not any(second.pads) or passes_zeros


def _serial(graph: Graph, pairs: list[_Pair], preserves: str) -> Change | None:
    if not pairs:
        return None
    draft = Draft(graph, RULE)
    for first, second in pairs:
        _write_serial(draft, first, second)
    first, second = pairs[0]
    more = f" (and {units.counted(len(pairs) - 1, 'more pair')})" if len(pairs) > 1 else ""
    text = f"collapse {first.node.name} and {second.node.name} into one convolution{more}"
    if preserves == "exact":
        return draft.change(text, "exact")
    return draft.change(f"{text}; only the outermost pixels differ", "approximate")


def _write_serial(draft: Draft, first: Convolution, second: Convolution) -> None:
    stem, output = second.node.name, second.output
    kernel = tuple(a + b - 1 for a, b in zip(first.kernel, second.kernel, strict=True))
    shape = (second.out_channels, first.in_channels, kernel[0], kernel[1])
    sources = (first.weight, second.weight)
    weight = draft.weight(f"{stem}.weight", shape, composed, *sources, like=second.weight)
    inputs = [first.source, weight]
    bias = _composed_bias(draft, first, second)
    if bias:
        inputs.append(bias)
    pads = tuple(a + b for a, b in zip(first.pads, second.pads, strict=True))
    attributes = geometry((kernel[0], kernel[1]), (pads[0], pads[1], pads[2], pads[3]), second.strides)
    draft.node(f"{stem}.collapsed", "Conv", inputs, draft.shape(output), into=output, **attributes)
    draft.touched += [first.node, second.node]


def _composed_bias(draft: Draft, first: Convolution, second: Convolution) -> str:
    if not first.bias:
        return second.bias
    names = (first.bias, second.weight, *((second.bias,) if second.bias else ()))
    return draft.weight(
        f"{second.node.name}.bias",
        (second.out_channels,),
        lambda b, w, *rest: w.astype(np.float64).sum(axis=(2, 3)) @ b + sum(rest),
        *names,
        like=first.bias,
    )


def composed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Weights of `second` applied to the result of `first`: a full convolution of the two kernels."""
    height, width = first.shape[2:]
    shape = (second.shape[0], first.shape[1], height + second.shape[2] - 1, width + second.shape[3] - 1)
    result = np.zeros(shape, np.float64)
    for y in range(second.shape[2]):
        for x in range(second.shape[3]):
            tap = np.tensordot(second[:, :, y, x].astype(np.float64), first.astype(np.float64), axes=1)
            result[:, :, y : y + height, x : x + width] += tap
    return result


def _parallel(graph: Graph) -> Change | None:
    """Add of two convolutions of one input on one grid."""
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        pair = _sides(graph, node) if node.op_type == "Add" else None
        if pair is not None:
            _write_parallel(draft, node, pair)
    if not draft:
        return None
    first, second = draft.touched[:2]
    return draft.change(
        f"add up the weights of {first.name} and {second.name}, which read one input", "exact"
    )


def _sides(graph: Graph, node: Node) -> _Pair | None:
    first, second = (convolution(graph, graph.producers.get(name)) for name in node.inputs)
    if first is None or second is None or first.source != second.source or first.output == second.output:
        return None
    same = first.is_like(second) and first.out_channels == second.out_channels and first.groups == 1
    aligned = first.centre is not None and second.centre is not None and first.dilations == (1, 1)
    private = is_private(graph, first.output) and is_private(graph, second.output)
    return (first, second) if same and aligned and private else None


def _write_parallel(draft: Draft, add: Node, pair: _Pair) -> None:
    first, second = pair
    before = [max(c.pads[i] for c in pair) for i in range(2)]
    behind = [max(c.kernel[i] - 1 - c.pads[i] for c in pair) for i in range(2)]
    kernel = (before[0] + behind[0] + 1, before[1] + behind[1] + 1)
    pads = (before[0], before[1], behind[0], behind[1])
    shape = (first.out_channels, first.in_channels, *kernel)

    def summed(*weights: np.ndarray) -> np.ndarray:
        total = np.zeros(shape, np.float64)
        for conv, weight in zip(pair, weights, strict=True):
            top, left = before[0] - conv.pads[0], before[1] - conv.pads[1]
            total[:, :, top : top + conv.kernel[0], left : left + conv.kernel[1]] += weight
        return total

    weight = draft.weight(f"{add.name}.weight", shape, summed, first.weight, second.weight, like=first.weight)
    inputs = [first.source, weight]
    biases = [conv.bias for conv in pair if conv.bias]
    if biases:
        name, length = f"{add.name}.bias", (first.out_channels,)
        inputs.append(draft.weight(name, length, lambda *b: sum(b), *biases, like=biases[0]))
    output = add.outputs[0]
    attributes = geometry(kernel, pads)
    draft.node(f"{add.name}.conv", "Conv", inputs, draft.shape(output), into=output, **attributes)
    draft.touched += [first.node, second.node, add]
