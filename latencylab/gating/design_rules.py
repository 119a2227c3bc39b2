"""Design rules: what no latency says. A rule's docstring is the rule; a violation names node and reason.

A profile brings the rules its device implies; the configuration adds others, or changes their level.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from latencylab import dtypes, units
from latencylab.gating.subject import Subject, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from latencylab.gating.config import DesignRule
    from latencylab.graph import Graph, MetaNode, Node

    Rule = Callable[[Subject, DesignRule], Iterator[Violation]]

# A residual block of the networks this tool is for spans two or three kernels; longer skips are what
# "long" means in XLSR (arXiv 2105.10288). A convention of ours: `max_nodes` says otherwise.
USUAL_SKIP_NODES: Final = 4
# Stride and kernel that VIP9000 cores take alone (Synaptics SyNAP manual, npu_operators.rst).
_FAST_STRIDE, _FAST_KERNEL = 1, 15

_CONVOLUTIONS: Final = frozenset({"Conv", "ConvTranspose"})
# Operators that pass values on as they are: the activation before them is the last one.
_MOVEMENT: Final = frozenset(
    {
        "Cast",
        "ChannelReplicate",
        "Concat",
        "DepthToSpace",
        "DequantizeLinear",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
_BOUNDED: Final = frozenset({"Clip", "HardSigmoid", "Sigmoid", "Softmax", "Tanh"})


def per_tensor_weights(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """Weights are quantized with one scale a tensor, not one a channel.

    Seen only in a file that is quantized (QDQ or QOperator); a float file leaves it to the quantizer.
    """
    graph = subject.graph
    for node in graph.nodes:
        index = _weight_scale_index(node, graph)
        scale = graph.tensors.get(node.inputs[index]) if index is not None else None
        if scale is not None and scale.elements > 1:
            user = _reader(node, graph)
            yield Violation(
                user.name, user.op_type, f"its weights have {scale.elements} scales, one a channel"
            )


def _weight_scale_index(node: Node, graph: Graph) -> int | None:
    """Find which input of a node is the scale of a weight (a constant of two axes or more)."""
    data, scale = {"DequantizeLinear": (0, 1), "QLinearConv": (3, 4), "QLinearMatMul": (3, 4)}.get(
        node.op_type, (0, 0)
    )
    if not scale or len(node.inputs) <= scale:
        return None
    weight = graph.tensors.get(node.inputs[data])
    return scale if weight is not None and weight.is_constant and len(weight.shape) > 1 else None


def _reader(node: Node, graph: Graph) -> Node:
    """Return the operator that uses a dequantized weight; a fused spelling is its own."""
    readers = graph.consumers.get(node.outputs[0], ()) if node.op_type == "DequantizeLinear" else ()
    return readers[0] if readers else node


def no_float(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """No kernel computes in floating point where the deployment type is an integer: no float island."""
    if dtypes.is_float(subject.profile.deployment_dtype):
        return
    for kernel in subject.kernels:
        if dtypes.is_float(kernel.dtype) and not kernel.is_layout:
            yield Violation(kernel.name, kernel.kind, f"computes in {kernel.dtype} on {kernel.engine}")


def main_engines(subject: Subject, rule: DesignRule) -> Iterator[Violation]:
    """No operator leaves the device's main engines (option `engines`: runs elsewhere than on these)."""
    if rule.engines is None:
        reasons = {fallback.kernel: fallback.reason for fallback in subject.estimate.fallbacks}
        for kernel in subject.kernels:
            if kernel.name in reasons:
                yield Violation(kernel.name, kernel.kind, f"runs on {kernel.engine}: {reasons[kernel.name]}")
        return
    for kernel in subject.kernels:
        if kernel.latency_s and kernel.engine not in rule.engines and not kernel.is_layout:
            yield Violation(kernel.name, kernel.kind, f"runs on {kernel.engine}")


def short_skips(subject: Subject, rule: DesignRule) -> Iterator[Violation]:
    """No tensor waits while more than `max_nodes` meta-nodes run (default 4)."""
    limit = rule.max_nodes or USUAL_SKIP_NODES
    for skip in subject.skips():
        if skip.nodes > limit:
            size = units.byte_count(skip.tensor.size_bytes)
            text = f"reads {size} of {skip.source}, kept while {units.counted(skip.nodes, 'meta-node')} run"
            yield Violation(skip.target.name, skip.target.kind, text)


def bounded_output(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """The last activation is bounded on both sides: Clip, Sigmoid, Tanh, Softmax, or Min with Max.

    An unbounded output quantizes badly: XLSR lost 5.39 dB with a linear one and 0.28 dB with a clipped one.
    """
    graph = subject.graph
    for output in graph.outputs:
        if output in graph.producers:
            yield from _unbounded_ends(graph, output)


def _unbounded_ends(graph: Graph, output: str) -> Iterator[Violation]:
    waiting, seen = [output], set[str]()
    while waiting:
        node = graph.producers.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op_type in _MOVEMENT:
            waiting += [name for name in node.inputs if name]
        elif not _is_bounded(node, graph):
            yield Violation(node.name, node.op_type, f"feeds {output} without bounds on both sides")


def _is_bounded(node: Node, graph: Graph) -> bool:
    if node.op_type == "Clip":
        return len([name for name in node.inputs if name]) == 3
    other = {"Min": "Max", "Max": "Min"}.get(node.op_type)
    if other is None:
        return node.op_type in _BOUNDED
    inner = (graph.producers.get(name) for name in node.inputs)
    return any(step is not None and step.op_type in {other, "Relu"} for step in inner)


def opset(subject: Subject, rule: DesignRule) -> Iterator[Violation]:
    """The file's operator set lies between `min_opset` and `max_opset`: what the vendor's converter takes."""
    found = subject.network.opset
    if rule.min_opset is not None and found < rule.min_opset:
        yield Violation("ai.onnx", "opset", f"opset {found} is older than {rule.min_opset}")
    if rule.max_opset is not None and found > rule.max_opset:
        yield Violation("ai.onnx", "opset", f"opset {found} is newer than {rule.max_opset}")


def no_layout_change(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """Nothing only rearranges data: no Transpose in the file, no layout change that the device must add."""
    for kernel in subject.kernels:
        if kernel.latency_s and (kernel.is_layout or kernel.kind == "Transpose"):
            whose = "added by the device" if kernel.is_layout else "in the file"
            yield Violation(kernel.name, kernel.kind, f"{whose}, {units.milliseconds(kernel.latency_s)} ms")


def conv_fast_path(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """Convolutions have stride 1 and a kernel of at most 15 × 15, which the convolution cores take alone."""
    for meta in subject.meta_nodes:
        if meta.kind == "Conv":
            stride = max(meta.node.attributes.get("strides") or (1,))
            kernel = _kernel_shape(meta)
            if stride > _FAST_STRIDE or max(kernel, default=1) > _FAST_KERNEL:
                yield Violation(meta.name, meta.kind, f"stride {stride}, kernel {'×'.join(map(str, kernel))}")


def _kernel_shape(meta: MetaNode) -> tuple[int, ...]:
    weights = max(meta.weights, key=lambda tensor: prod(tensor.shape), default=None)
    return weights.shape[2:] if weights is not None else ()


def no_resize(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """No Resize: upsampling is a convolution and a DepthToSpace."""
    yield from _of_type(subject, "Resize", "resizes")


def no_prelu(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """No PReLU, whose slopes keep it from folding into a convolution's requantization."""
    yield from _of_type(subject, "PRelu", "applies a PReLU to")


def no_transposed_convolution(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """No transposed convolution."""
    yield from _of_type(subject, "ConvTranspose", "scatters into")


def replicated_skip(subject: Subject, _: DesignRule) -> Iterator[Violation]:
    """No skip that replicates the image's channels before it is added."""
    yield from _of_type(subject, "ChannelReplicate", "writes copies into")


def _of_type(subject: Subject, op_type: str, verb: str) -> Iterator[Violation]:
    for meta, step in subject.steps():
        if step.op_type == op_type:
            size = units.byte_count(meta.outputs[0].size_bytes) if meta.outputs else "nothing"
            yield Violation(meta.name, meta.kind, f"{verb} {size}")


RULES: Final[Mapping[str, Rule]] = {
    rule.__name__: rule
    for rule in (
        bounded_output,
        conv_fast_path,
        main_engines,
        no_float,
        no_layout_change,
        no_prelu,
        no_resize,
        no_transposed_convolution,
        opset,
        per_tensor_weights,
        replicated_skip,
        short_skips,
    )
}
