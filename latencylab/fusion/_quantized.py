"""The integer form of a float operator between DequantizeLinear and QuantizeLinear.

The two conversions annotate: a compiler for integers runs the operator on the quantized tensors themselves.
What was between DequantizeLinear and QuantizeLinear may be a short chain (Conv, Relu): its inner tensors take
the type of the result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.fusion._match import Match, Refusal, renamed
from latencylab.fusion._settings import is_setting
from latencylab.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.fusion._rewriter import WorkingGraph
    from latencylab.graph import Node, Tensor

QUANTIZE: Final = "QuantizeLinear"
DEQUANTIZE: Final = "DequantizeLinear"

# These move elements and change no value, so that they commute with a conversion of every element.
MOVES: Final = frozenset(
    {
        "DepthToSpace",
        "SpaceToDepth",
        "Transpose",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Slice",
        "Split",
    }
    | {"Gather", "Tile", "Expand", "ChannelReplicate", "MaxPool"}
)

# Quantizers put a pair on every edge they can; longer float chains are islands, not annotations.
_LONGEST_CHAIN: Final = 8


def integer_form(
    graph: WorkingGraph, quantize: Node, has_integer_kernel: Callable[[str], bool]
) -> Match | Refusal | None:
    """Return the next step towards the integer form of what computes the input of a QuantizeLinear.

    A chain is rewritten one node at a time, from its inputs on; the last one swallows the QuantizeLinear.
    """
    last = graph.producers.get(quantize.inputs[0])
    if last is None or last.op_type == QUANTIZE or not _is_float(graph, quantize.inputs[0]):
        return None
    if last.op_type == DEQUANTIZE:
        return Match(
            (quantize,), renamed(quantize, {quantize.inputs[0]: last.inputs[0]}), note="requantization"
        )
    first, end = _first(graph, last, has_integer_kernel, _LONGEST_CHAIN), _last(graph, last)
    if isinstance(first, Refusal):
        return first
    return end if first is last or isinstance(end, Refusal) else _inner(graph, first, quantize)


def _first(
    graph: WorkingGraph, node: Node, has_integer_kernel: Callable[[str], bool], depth: int
) -> Node | Refusal:
    """Walk up a chain to a node whose inputs are all quantized; refuse if the chain touches a float."""
    if not has_integer_kernel(node.op_type):
        return Refusal(f"{node.op_type} has no integer kernel here: a float island", node)
    if any(isinstance(value, Graph) for value in node.attributes.values()):
        return Refusal("its body computes in float", node)
    first = node
    for name in node.reads:
        if graph.tensors[name].is_constant or not _is_float(graph, name):
            continue
        source = graph.producers.get(name)
        if source is not None and source.op_type == DEQUANTIZE:
            continue
        if source is None or depth == 0 or graph.sole_reader(name) is not node or len(source.writes) > 1:
            return Refusal(f"its input {name} is not quantized", node)
        deeper = _first(graph, source, has_integer_kernel, depth - 1)
        if isinstance(deeper, Refusal):
            return deeper
        first = deeper if first is node else first
    return first


def _last(graph: WorkingGraph, node: Node) -> Match | Refusal:
    """Rewrite the node that writes what is quantized: it writes the quantized tensors themselves."""
    quantizers: list[Node] = []
    for name in node.writes:
        if _is_float(graph, name) and (graph.readers(name) or name in graph.kept):
            reader = graph.sole_reader(name)
            if reader is None or reader.op_type != QUANTIZE:
                return Refusal("its output is read in float too", node)
            quantizers.append(reader)
    names = {quantizer.inputs[0]: quantizer.outputs[0] for quantizer in quantizers}
    inputs, tensors = _quantized_inputs(graph, node, graph.tensors[quantizers[0].outputs[0]].dtype)
    return Match((node, *quantizers), renamed(node, names | inputs), tensors)


def _inner(graph: WorkingGraph, node: Node, quantize: Node) -> Match:
    """Rewrite a node inside a chain: what it writes takes the type of the chain's result."""
    dtype = graph.tensors[quantize.outputs[0]].dtype
    inputs, tensors = _quantized_inputs(graph, node, dtype)
    written = tuple(replace(graph.tensors[name], dtype=dtype) for name in node.writes)
    return Match((node,), renamed(node, inputs), (*tensors, *written))


def _quantized_inputs(
    graph: WorkingGraph, node: Node, dtype: str
) -> tuple[dict[str, str], tuple[Tensor, ...]]:
    """Names of the tensors behind a DequantizeLinear, and of float parameters, quantized like the result."""
    names: dict[str, str] = {}
    parameters: list[Tensor] = []
    for step in (node, *node.epilogue):
        for index, name in enumerate(step.inputs):
            source = graph.producers.get(name)
            if source is not None and source.op_type == DEQUANTIZE:
                names[name] = source.inputs[0]
                parameters += scaled_per_channel(graph, *source.inputs[:2])
            elif name and _is_parameter(graph, step, index):
                names[name] = f"{name}:{dtype}"
                parameters.append(replace(graph.tensors[name], name=names[name], dtype=dtype))
    return names, tuple(parameters)


def scaled_per_channel(graph: WorkingGraph, name: str, scale: str) -> tuple[Tensor, ...]:
    """The weight with a mark, if it has one scale a channel; () otherwise. Its scales are lost on the way."""
    weight = graph.tensors[name]
    is_marked = weight.is_constant and len(weight.shape) > 1 and graph.tensors[scale].elements > 1
    return (replace(weight, is_per_channel=True),) if is_marked else ()


def _is_parameter(graph: WorkingGraph, node: Node, index: int) -> bool:
    """Whether a constant was left in float although the operator streams it (the slopes of PRelu)."""
    tensor = graph.tensors[node.inputs[index]]
    return tensor.is_constant and dtypes.is_float(tensor.dtype) and not is_setting(node, index, tensor)


def _is_float(graph: WorkingGraph, name: str) -> bool:
    return dtypes.is_float(graph.tensors[name].dtype)
