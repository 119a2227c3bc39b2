"""Where maps change their layout: blocks of channels for float convolutions, channels last for integer ones.

A blocked convolution writes blocks; what cannot read blocks gets its channels back by a ReorderOutput, and a
blocked convolution that reads plain channels gets a ReorderInput, once a map. A residual is added inside
the convolution only where both operands are blocked. Integer convolutions read channels last; the Transposes
stand where a map leaves or enters a stretch of kernels that work either way.

Source: onnxruntime/core/optimizer/nchwc_transformer.cc, nhwc_transformer.cc and transpose_optimization/;
seen in graphs that onnxruntime 1.31 optimized.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from latencylab import ops, order
from latencylab.cpu.choice import Variant, variant
from latencylab.graph import MetaNode, Node, Tensor
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import Core
    from latencylab.graph import Graph

PREFIX: Final = "layout:reorder:"
REORDER_INPUT: Final = "ReorderInput"
REORDER_OUTPUT: Final = "ReorderOutput"
TRANSPOSE: Final = "Transpose"
# Attribute of a kernel that the library runs on channels last, as the library itself spells it.
CHANNELS_LAST: Final = "channels_last"
# Kernels that exist for blocked maps too, and stay blocked where all they read is blocked.
_BLOCK_WISE: Final = frozenset({"Relu", "Sigmoid", "Tanh", "Swish", "Add", "Sum", "Mul", "Concat"})
_SAME_SHAPE: Final = frozenset({"Add", "Sum", "Mul"})
_POOLS: Final = frozenset({"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"})
# What follows a residual inside a blocked convolution; anything else becomes a kernel of its own.
_AFTER_SUM: Final = frozenset({"Relu", "Sigmoid", "Tanh"})
# Kernels that work on either layout of an integer network; moves of whole maps are not among them.
_EITHER_WAY: Final = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "Add", "Sub", "Mul", "Div", "Concat", "Split", "Slice", "Resize"}
    | {
        "Relu",
        "Clip",
        "LeakyRelu",
        "PRelu",
        "Sigmoid",
        "Tanh",
        "HardSigmoid",
        "HardSwish",
        "Swish",
        "Gelu",
        "Sqrt",
    }
    | {
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "ReduceMean",
        "Exp",
        "Neg",
        "Abs",
        "Pow",
        "Min",
        "Max",
        "Sign",
    }
)


def with_reorders(metas: tuple[MetaNode, ...], graph: Graph, core: Core) -> tuple[MetaNode, ...]:
    """Insert the layout kernels that the library inserts; convolutions get the padded maps they write."""
    blocked = _Blocked(graph, core.blocked_channels.value)
    for meta in metas:
        blocked.add(meta)
    result = blocked.finished()
    if any(meta.kind == "Conv" and meta.dtype in core.channels_last for meta in result):
        result = _channels_last(result, graph, frozenset(core.channels_last))
    return order.kernels_ordered(result)


class _Blocked:
    """Walks the meta-nodes in order and knows every map's blocked and plain form."""

    def __init__(self, graph: Graph, block: int) -> None:
        self._graph, self._block = graph, block
        self._out: list[MetaNode] = []
        self._blocked: dict[str, Tensor] = {}  # written in blocks, or reordered into them
        self._plain: dict[str, Tensor] = {}  # reordered back
        self._written: set[str] = set()  # written in blocks

    def add(self, meta: MetaNode) -> None:
        """Append a meta-node, behind the reorders it needs, in as many kernels as it takes."""
        kind = variant(meta, self._block) if meta.kind == "Conv" else None
        if kind is not None and kind.is_blocked:
            self._convolution(meta, kind)
        elif self._stays_blocked(meta):
            self._append(meta, self._in_blocks, is_blocked=True)
        else:
            self._append(meta, self._in_plain, is_blocked=False)

    def finished(self) -> tuple[MetaNode, ...]:
        """Return all kernels, the network's outputs in plain channels."""
        for name in self._graph.outputs:
            if name in self._written:
                self._in_plain(self._graph.tensors[name])
        return tuple(self._out)

    def _convolution(self, meta: MetaNode, kind: Variant) -> None:
        main, rest = self._split(meta)
        data = main.node.inputs[0]
        reads = {t.name: t for t in main.inputs}
        renamed = {}
        for name, tensor in reads.items():
            wants_blocks = kind.reads_blocked or name != data
            renamed[name] = self._in_blocks(tensor) if wants_blocks else self._in_plain(tensor)
        self._out.append(self._rewritten(main, renamed, is_blocked=True))
        for step in rest:
            self._follower(step)

    def _split(self, meta: MetaNode) -> tuple[MetaNode, tuple[MetaNode, ...]]:
        """Part a convolution from what the blocked kernel does not take in behind it."""
        steps = meta.node.epilogue
        at = next((i for i, step in enumerate(steps) if step.op_type in {"Add", "Sum"}), len(steps))
        if at < len(steps):
            own = {output for step in (meta.node, *steps) for output in step.outputs}
            others = [name for name in steps[at].inputs if name not in own]
            if all(name in self._written for name in others):
                at += 1
                at += at < len(steps) and steps[at].op_type in _AFTER_SUM
        if at == len(steps):
            return meta, ()
        return _divided(meta, at, self._graph)

    def _follower(self, step: MetaNode) -> None:
        """Append what was fused behind a convolution and is not after all: another one may take a sum in."""
        taker = self._taker(step) if step.kind in {"Add", "Sum"} else None
        if taker is None:
            self.add(step)
            return
        self._out.remove(taker)
        self._append(_with_sum(taker, step), self._in_plain, is_blocked=False)

    def _taker(self, step: MetaNode) -> MetaNode | None:
        """Find an unblocked convolution without an epilogue whose output this sum alone reads."""
        names = {t.name for t in step.inputs if t.name not in self._written}
        for meta in reversed(self._out):
            is_plain = meta.kind == "Conv" and not meta.node.epilogue and meta.dtype == "float32"
            if (
                is_plain
                and meta.outputs[0].name in names
                and len(self._graph.consumers.get(meta.outputs[0].name, ())) <= 1
            ):
                return meta
        return None

    def _stays_blocked(self, meta: MetaNode) -> bool:
        maps = meta.inputs
        if meta.kind in _POOLS and maps:
            return (
                maps[0].dtype == "float32" and len(maps[0].shape) == 4 and maps[0].shape[1] % self._block == 0
            )
        if meta.kind in {"BatchNormalization", "Resize"} and maps[0].name in self._written:
            return meta.kind == "BatchNormalization" or _is_blocked_resize(meta)
        if meta.kind not in _BLOCK_WISE or meta.weights or not all(t.name in self._written for t in maps):
            return False
        if meta.kind in _SAME_SHAPE:
            return len(maps) > 1 and len({t.shape for t in maps}) == 1
        if meta.kind == "Concat":
            is_by_channels = int(meta.node.attributes.get("axis", 0)) in {1, -3}
            return is_by_channels and all(t.shape[1] % self._block == 0 for t in maps)
        return True

    def _append(self, meta: MetaNode, form: object, *, is_blocked: bool) -> None:
        renamed = {t.name: form(t) for t in meta.inputs}  # type: ignore[operator]
        self._out.append(self._rewritten(meta, renamed, is_blocked=is_blocked))

    def _in_blocks(self, tensor: Tensor) -> Tensor:
        if tensor.name not in self._blocked:
            self._blocked[tensor.name] = self._reordered(tensor, REORDER_INPUT, _padded(tensor, self._block))
        return self._blocked[tensor.name]

    def _in_plain(self, tensor: Tensor) -> Tensor:
        if tensor.name not in self._written:
            return tensor
        if tensor.name not in self._plain:
            blocked = self._blocked[tensor.name]
            self._plain[tensor.name] = self._reordered(blocked, REORDER_OUTPUT, tensor)
        return self._plain[tensor.name]

    def _reordered(self, source: Tensor, op_type: str, target: Tensor) -> Tensor:
        kernel = layout_kernel(source, op_type, target)
        self._out.append(kernel)
        return kernel.outputs[0]

    def _rewritten(self, meta: MetaNode, renamed: dict[str, Tensor], *, is_blocked: bool) -> MetaNode:
        meta = reading(meta, renamed)
        if not is_blocked:
            return meta
        outputs = []
        for tensor in meta.outputs:
            self._written.add(tensor.name)
            self._blocked[tensor.name] = replace(_padded(tensor, self._block), name=tensor.name)
            outputs.append(self._blocked[tensor.name])
        return replace(meta, outputs=tuple(outputs))


def _is_blocked_resize(meta: MetaNode) -> bool:
    """Whether a resize of blocked maps exists: by whole factors, linear or to the nearest element below."""
    source, target = meta.inputs[0].shape, meta.outputs[0].shape
    attributes = meta.node.attributes
    if len(source) != 4 or any(t % s for s, t in zip(source, target, strict=True)):
        return False
    if attributes.get("mode", "nearest") == "linear":
        return True
    is_floor = attributes.get("nearest_mode", "round_prefer_floor") == "floor"
    is_plain = attributes.get("coordinate_transformation_mode", "half_pixel") == "asymmetric"
    return bool(is_floor and is_plain)


def _padded(tensor: Tensor, block: int) -> Tensor:
    """The map with whole blocks of channels; anything but a 4-D map stays as it is."""
    if len(tensor.shape) != 4:
        return tensor
    batch, channels, *extent = tensor.shape
    return replace(tensor, shape=(batch, -(-channels // block) * block, *extent))


def layout_kernel(source: Tensor, op_type: str, target: Tensor) -> MetaNode:
    """A kernel that the library adds: `source` in, a map of the shape of `target` out."""
    name = f"{PREFIX}{op_type}:{target.name}"
    output = replace(target, name=f"{name}:out")
    node = Node(name, op_type, (source.name,), (output.name,))
    work = Work(move_ops=output.elements)
    return MetaNode(name, "LayoutConversion", node, source.dtype, (source,), (), (output,), work)


def reading(meta: MetaNode, renamed: dict[str, Tensor]) -> MetaNode:
    """Let a meta-node read other tensors; what is named as before may have another shape."""
    inputs = tuple(renamed.get(t.name, t) for t in meta.inputs)
    if inputs == meta.inputs:
        return meta
    names = {old: new.name for old, new in renamed.items()}
    epilogue = tuple(_renamed(step, names) for step in meta.node.epilogue)
    return replace(meta, node=replace(_renamed(meta.node, names), epilogue=epilogue), inputs=inputs)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    return replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))


def _divided(meta: MetaNode, at: int, graph: Graph) -> tuple[MetaNode, tuple[MetaNode, ...]]:
    """Part a fused meta-node behind `at` steps of its epilogue; later steps become meta-nodes."""
    steps = meta.node.epilogue
    later = {step.name for step in steps[at:]}
    parts = tuple(node for node in meta.node.sources if node.name not in later)
    main = replace(meta.node, parts=parts, epilogue=steps[:at])
    sources = {node.name: node for node in meta.node.sources}
    rest = tuple(_single(step, sources, meta, graph) for step in steps[at:])
    outputs = tuple(_tensor(name, meta, graph) for name in main.writes)
    read = set(main.reads)
    work = meta.work
    for step in rest:
        work = _less(work, step.work)
    alone = replace(
        meta,
        node=main,
        inputs=tuple(t for t in meta.inputs if t.name in read),
        weights=tuple(t for t in meta.weights if t.name in read),
        outputs=outputs,
        work=work,
    )
    return alone, rest


def _single(step: Node, sources: dict[str, Node], meta: MetaNode, graph: Graph) -> MetaNode:
    node = replace(step, parts=(sources[step.name],)) if step.name in sources else step
    tensors = [_tensor(name, meta, graph) for name in node.reads]
    outputs = tuple(_tensor(name, meta, graph) for name in node.writes)
    return MetaNode(
        name=step.name or f"{step.op_type}:{outputs[0].name}",
        kind=step.op_type,
        node=node,
        dtype=meta.dtype,
        inputs=tuple(t for t in tensors if not t.is_constant),
        weights=tuple(t for t in tensors if t.is_constant),
        outputs=outputs,
        work=ops.work(node, tuple(_optional(name, meta, graph) for name in node.inputs), outputs),
    )


def _optional(name: str, meta: MetaNode, graph: Graph) -> Tensor | None:
    return _tensor(name, meta, graph) if name else None


def _tensor(name: str, meta: MetaNode, graph: Graph) -> Tensor:
    found = graph.tensors.get(name)
    return found if found is not None else replace(meta.outputs[0], name=name)


def _less(work: Work, other: Work) -> Work:
    return work + other * -1 if other != ZERO else work


def _with_sum(conv: MetaNode, step: MetaNode) -> MetaNode:
    """Fuse a sum behind a convolution."""
    epilogue = replace(step.node, parts=())
    node = replace(conv.node, epilogue=(epilogue,), parts=(*conv.node.sources, *step.node.sources))
    own = conv.outputs[0].name
    inputs = (*conv.inputs, *(t for t in step.inputs if t.name != own))
    return replace(conv, node=node, inputs=inputs, outputs=step.outputs, work=conv.work + step.work)


def _channels_last(metas: tuple[MetaNode, ...], graph: Graph, types: frozenset[str]) -> tuple[MetaNode, ...]:
    """Insert Transposes where a map enters or leaves the kernels that work on channels last."""
    runs_last = _runs_last(metas, types)
    result: list[MetaNode] = []
    made: dict[tuple[str, bool], Tensor] = {}
    is_last: dict[str, bool] = {}
    for meta, wants in zip(metas, runs_last, strict=True):
        renamed = {}
        for tensor in _maps(meta):
            if is_last.get(tensor.name, False) != wants:
                renamed[tensor.name] = _transposed(tensor, wants, made, result)
        result.append(_marked(reading(meta, renamed), wants))
        is_last.update((t.name, wants) for t in meta.outputs)
    for name in graph.outputs:
        if is_last.get(name, False) and _has_layout(graph.tensors[name]):
            _transposed(graph.tensors[name], False, made, result)
    return tuple(result)


def _marked(meta: MetaNode, is_last: bool) -> MetaNode:
    """Say of a kernel that it works on channels last; shapes stay those of the file."""
    if not is_last or meta.kind not in {"Concat", "ReduceMean"}:
        return meta
    return replace(meta, node=replace(meta.node, attributes={**meta.node.attributes, CHANNELS_LAST: 1}))


def _transposed(
    tensor: Tensor, is_last: bool, made: dict[tuple[str, bool], Tensor], result: list[MetaNode]
) -> Tensor:
    key = (tensor.name, is_last)
    if key not in made:
        kernel = layout_kernel(tensor, TRANSPOSE, tensor)
        result.append(kernel)
        made[key] = kernel.outputs[0]
    return made[key]


def _runs_last(metas: tuple[MetaNode, ...], types: frozenset[str]) -> list[bool]:
    """Which kernels work on channels last: integer convolutions, and what between them works either way."""
    wanted = _wanted(metas, types)
    is_last: dict[str, bool] = {}
    result = []
    for meta in metas:
        runs = _is_integer_conv(meta, types)
        if not runs and meta.kind in _EITHER_WAY and any(t.name in wanted for t in meta.outputs):
            runs = any(is_last.get(t.name, False) for t in meta.inputs)
        is_last.update((t.name, runs) for t in meta.outputs)
        result.append(runs)
    return result


def _wanted(metas: tuple[MetaNode, ...], types: frozenset[str]) -> set[str]:
    """Maps that an integer convolution reads, directly or through kernels that work either way."""
    wanted: set[str] = set()
    for meta in reversed(metas):
        through = meta.kind in _EITHER_WAY and any(t.name in wanted for t in meta.outputs)
        if through or _is_integer_conv(meta, types):
            wanted.update(t.name for t in meta.inputs)
    return wanted


def _is_integer_conv(meta: MetaNode, types: frozenset[str]) -> bool:
    return (
        meta.kind == "Conv" and meta.dtype in types and bool(meta.inputs) and len(meta.inputs[0].shape) == 4
    )


def _maps(meta: MetaNode) -> Iterator[Tensor]:
    return (t for t in meta.inputs if _has_layout(t))


def _has_layout(tensor: Tensor) -> bool:
    """A single channel or a single position lies the same either way."""
    if len(tensor.shape) != 4:
        return False
    _, channels, height, width = tensor.shape
    return channels > 1 and height * width > 1
