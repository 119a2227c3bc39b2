"""Lowering: what the device adds to the network; meta-nodes become kernels on engines, in program order.

Layout changes at the ends, views that cost nothing, declared-free operators and operators that fall off the
fast engines all become visible here, each with the reason. No number of the profile but its maps is read: a
program stays valid while its rates are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Final

from latencylab.cpu import layouts
from latencylab.errors import UnsupportedOperatorError
from latencylab.graph import MetaNode, Node, Tensor
from latencylab.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from latencylab.device import DeviceProfile
    from latencylab.fusion import Decomposition
    from latencylab.graph import Graph

VIEW: Final = "view"
FREE: Final = "free"
_LAYOUT: Final = "layout:"
_COARSE: Final = "their time is known to an order of magnitude"
# They write their result in any layout as cheaply as in another, so an end conversion merges with them.
_LAYOUT_AGNOSTIC: Final = frozenset({"DepthToSpace", "SpaceToDepth", "Transpose"})
_NHWC_TO_NCHW: Final = (0, 3, 1, 2)
_NCHW_TO_NHWC: Final = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A meta-node on an engine.

    engine: name of an engine of the profile, or VIEW (renames memory) or FREE (declared costless).
    reason: why this engine. depends_on: indices of earlier kernels whose results it reads.
    is_layout: added by the device, not in the network. is_fallback: it left the accelerator for the host.
    is_displaced: its weights' scales keep it from its engine; nobody published what that costs.
    """

    meta: MetaNode
    engine: str
    reason: str
    depends_on: tuple[int, ...]
    is_layout: bool = False
    is_fallback: bool = False
    is_displaced: bool = False

    @property
    def runs(self) -> bool:
        """Whether an engine spends time on it."""
        return self.engine not in {VIEW, FREE}


@dataclass(frozen=True, slots=True)
class Program:
    """Kernels in program order, every dependency pointing backwards.

    storage: tensor name -> the tensor whose memory it lives in (a view shares its input's).
    fused_by: node name -> the fusion steps that made it, in words.
    """

    kernels: tuple[Kernel, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    storage: Mapping[str, str]
    layout: str
    assumptions: tuple[str, ...] = ()
    fused_by: Mapping[str, Sequence[str]] = field(default_factory=dict)


def lower(
    decomposition: Decomposition, profile: DeviceProfile, *, layout: str | None = None, strict: bool = False
) -> Program:
    """Place meta-nodes on the engines of a device.

    layout: deployment layout of 4-D inputs and outputs, "nchw" or "nhwc" (default: the profile's).
    Raises UnsupportedOperatorError, under `strict`, if any operator is unpriced.
    """
    if strict:
        _refuse_unpriced(decomposition.meta_nodes)
    layout = layout or profile.deployment_layout
    graph = decomposition.graph
    spelled = _spelled_ends(decomposition.meta_nodes, graph, profile)
    builder = _Builder(profile, spelled)
    metas = _with_layout_changes(decomposition.meta_nodes, graph, profile, layout, spelled)
    if profile.core is not None:
        metas = layouts.with_reorders(metas, graph, profile.core)
    for meta in metas:
        builder.add(meta)
    return Program(
        tuple(builder.kernels),
        graph.inputs,
        graph.outputs,
        builder.storage,
        layout,
        tuple(builder.assumptions),
        _fused_by(decomposition),
    )


def _fused_by(decomposition: Decomposition) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for step in decomposition.steps:
        said.setdefault(step.node, []).append(str(step))
    return said


def _refuse_unpriced(metas: Iterable[MetaNode]) -> None:
    counts: dict[str, int] = {}
    for meta in metas:
        if not meta.is_priced:
            counts[meta.kind] = counts.get(meta.kind, 0) + 1
    if counts:
        raise UnsupportedOperatorError(counts)


class _Builder:
    """Places one meta-node after another and remembers who wrote each tensor."""

    def __init__(self, profile: DeviceProfile, spelled: frozenset[str]) -> None:
        self.profile = profile
        self._spelled = spelled
        self.kernels: list[Kernel] = []
        self.storage: dict[str, str] = {}
        self.assumptions: list[str] = []
        # Where what the accelerator cannot do goes; a device that is a CPU leaves nothing to another.
        self._fallback = profile.host if profile.device_class != "cpu" else None
        self._writer: dict[str, int] = {}

    def add(self, meta: MetaNode) -> None:
        """Append a kernel for `meta`, behind the rearrangement of its input if the engine needs one."""
        engine, reason = self._place(meta)
        displaced_to = self._per_channel_by(meta, engine)
        if displaced_to:
            engine, reason = displaced_to, f"its weights have a scale a channel, which {engine} does not take"
            self._assume(
                f"convolutions whose weights have a scale a channel run on {engine} (inferred); {_COARSE}"
            )
        helper = self._strided_by(meta, engine)
        if helper:
            assist = _rearranged(meta)
            self._append(assist, helper, f"{engine} needs its input rearranged for a stride above 1")
            meta = _rename_inputs(meta, {meta.inputs[0].name: assist.outputs[0]})
        self._append(meta, engine, reason, is_displaced=bool(displaced_to))

    def _strided_by(self, meta: MetaNode, engine: str) -> str | None:
        """Engine that prepares a dense strided convolution for this one; None where none is needed."""
        stated = self.profile.engines.get(engine)
        strides = meta.node.attributes.get("strides") or ()
        if stated is None or not stated.strided_by or meta.kind != "Conv" or max(strides, default=1) == 1:
            return None
        is_dense = int(meta.node.attributes.get("group", 1)) == 1
        # A 1x1 window just skips positions: there is nothing to rearrange.
        has_window = any(prod(t.shape[2:]) > 1 for t in meta.weights if t.name == meta.node.inputs[1])
        return stated.strided_by if is_dense and has_window else None

    def _assume(self, sentence: str) -> None:
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)

    def _per_channel_by(self, meta: MetaNode, engine: str) -> str | None:
        """Engine that runs this convolution instead, because of its weights' scales; None for this one."""
        stated = self.profile.engines.get(engine)
        if stated is None or not any(weight.is_per_channel for weight in meta.weights):
            return None
        return stated.per_channel_by

    def _append(self, meta: MetaNode, engine: str, reason: str, *, is_displaced: bool = False) -> None:
        depends_on = sorted({self._writer[t.name] for t in meta.inputs if t.name in self._writer})
        is_layout = meta.name.startswith(_LAYOUT)
        if engine == VIEW and meta.inputs:
            source = meta.inputs[0].name
            for output in meta.outputs:
                self.storage[output.name] = self.storage.get(source, source)
        for output in meta.outputs:
            self._writer[output.name] = len(self.kernels)
        is_fallback = engine == self._fallback
        self.kernels.append(
            Kernel(meta, engine, reason, tuple(depends_on), is_layout, is_fallback, is_displaced)
        )

    def _place(self, meta: MetaNode) -> tuple[str, str]:
        """Return the engine, or VIEW or FREE, and why."""
        profile = self.profile
        costless = self._costless(meta)
        if costless:
            return costless
        kind = "Gemm" if _is_fully_connected(meta) else meta.kind
        engine = profile.engine_for(kind, meta.dtype)
        if engine == FREE:
            return FREE, profile.free_reasons[meta.kind]
        if engine == self._fallback:
            return engine, f"no engine of the accelerator runs {meta.kind} on {meta.dtype}"
        if meta.kind in profile.operators:
            return engine, f"{meta.kind} on {meta.dtype} runs on {engine}"
        return engine, f"{meta.kind} is not listed: default engine {engine}"

    def _costless(self, meta: MetaNode) -> tuple[str, str] | None:
        """Return VIEW or FREE and why, for what occupies no engine whatever its kind is mapped to."""
        if meta.name in self._spelled:
            return VIEW, f"the runtime takes {self.profile.deployment_layout}: the file only spells it out"
        if meta.kind in self.profile.views:
            return VIEW, f"{meta.kind} renames memory on this device"
        if not meta.inputs and not meta.weights:
            return FREE, "reads nothing: computed when the model is loaded"
        return None


def _spelled_ends(metas: Iterable[MetaNode], graph: Graph, profile: DeviceProfile) -> frozenset[str]:
    """Names of the Transposes by which a file with channels last reaches operators with channels first.

    ONNX has no convolution that reads channels last, so exporters from TensorFlow put a Transpose at either
    end. A front end that takes such images never sees them; one that takes channels first runs them.
    """
    if profile.deployment_layout != "nhwc":
        return frozenset()
    return frozenset(
        meta.name
        for meta in metas
        if meta.kind == "Transpose" and _is_spelled(meta, graph.inputs, graph.outputs)
    )


def _is_spelled(meta: MetaNode, inputs: Sequence[str], outputs: Sequence[str]) -> bool:
    order = tuple(meta.node.attributes.get("perm", ()))
    if order == _NHWC_TO_NCHW:
        return meta.inputs[0].name in inputs
    return order == _NCHW_TO_NHWC and meta.outputs[0].name in outputs


def _with_layout_changes(
    metas: tuple[MetaNode, ...],
    graph: Graph,
    profile: DeviceProfile,
    layout: str,
    spelled: frozenset[str],
) -> tuple[MetaNode, ...]:
    """Put layout kernels around the network where its ends do not lie as the device computes.

    A network delivered in another layout than the runtime's front end takes carries an explicit Transpose at
    each 4-D end; on top of it comes the runtime's own conversion between front-end and native layout.
    """
    frontend, native = profile.deployment_layout, profile.native_layout
    steps = [("frontend", layout != frontend), ("native", frontend != native)]
    needed = [name for name, is_needed in steps if is_needed]
    if not needed:
        return metas
    before: list[MetaNode] = []
    renamed: dict[str, Tensor] = {}
    for tensor in _image_inputs(metas, graph.inputs, spelled):
        for step in needed:
            before.append(_layout_kernel(renamed.get(tensor.name, tensor), step, tensor.name))
            renamed[tensor.name] = before[-1].outputs[0]
    after: list[MetaNode] = []
    for kind, tensor in _image_outputs(metas, graph.outputs, spelled):
        steps_after = list(reversed(needed))
        if kind in _LAYOUT_AGNOSTIC and "native" in steps_after:
            steps_after.remove("native")
        for step in steps_after:
            source = after[-1].outputs[0] if after and step != steps_after[0] else tensor
            after.append(_layout_kernel(source, step, tensor.name))
    body = tuple(_rename_inputs(meta, renamed) for meta in metas)
    return (*before, *body, *after)


def _image_inputs(
    metas: tuple[MetaNode, ...], names: tuple[str, ...], spelled: frozenset[str]
) -> tuple[Tensor, ...]:
    """Return the images that enter the network, channels first."""
    found: dict[str, Tensor] = {}
    for meta in metas:
        for tensor in meta.inputs:
            planes = meta.outputs[0] if meta.name in spelled else tensor
            if tensor.name in names and _is_image(planes):
                found[tensor.name] = replace(tensor, shape=planes.shape)
    return tuple(found.values())


def _image_outputs(
    metas: tuple[MetaNode, ...], names: tuple[str, ...], spelled: frozenset[str]
) -> Iterator[tuple[str, Tensor]]:
    """Yield the images that leave the network, channels first, each with the kind of what computes it."""
    writers = {tensor.name: meta for meta in metas for tensor in meta.outputs}
    for meta in metas:
        for tensor in meta.outputs:
            planes = meta.inputs[0] if meta.name in spelled else tensor
            if tensor.name in names and _is_image(planes):
                yield writers.get(planes.name, meta).kind, replace(tensor, shape=planes.shape)


def _is_image(tensor: Tensor) -> bool:
    """Only a 4-D map with more than one channel and more than one position has a layout to change.

    The tensor is one as ONNX computes: channels first.
    """
    if len(tensor.shape) != 4:
        return False
    _, channels, height, width = tensor.shape
    return channels > 1 and height * width > 1


def _is_fully_connected(meta: MetaNode) -> bool:
    """Whether this convolution has a single position: compilers run it as a fully connected layer."""
    if meta.kind != "Conv" or not meta.inputs or not meta.outputs:
        return False
    return all(prod(t.shape[2:]) == 1 for t in (meta.inputs[0], meta.outputs[0]))


def _rearranged(meta: MetaNode) -> MetaNode:
    """The input of a strided convolution, its phases side by side, so that the convolution has stride 1."""
    source = meta.inputs[0]
    name = f"{_LAYOUT}stride:{meta.name}"
    output = Tensor(f"{name}:out", source.shape, source.dtype)
    node = Node(name, "SpaceToDepth", (source.name,), (output.name,))
    return MetaNode(
        name, "SpaceToDepth", node, source.dtype, (source,), (), (output,), Work(move_ops=source.elements)
    )


def _layout_kernel(source: Tensor, step: str, end: str) -> MetaNode:
    """Change of layout at an end: a Transpose for the front end's, a conversion for the runtime's own."""
    name = f"{_LAYOUT}{step}:{end}"
    kind = "Transpose" if step == "frontend" else "LayoutConversion"
    output = Tensor(f"{name}:out", source.shape, source.dtype)
    node = Node(name, kind, (source.name,), (output.name,))
    work = Work(move_ops=source.elements)
    return MetaNode(name, kind, node, source.dtype, (source,), (), (output,), work)


def _rename_inputs(meta: MetaNode, renamed: Mapping[str, Tensor]) -> MetaNode:
    """Let a meta-node read what the layout kernels wrote."""
    if renamed.keys().isdisjoint([t.name for t in meta.inputs]):
        return meta
    node = _reading(meta.node, {name: tensor.name for name, tensor in renamed.items()})
    return replace(meta, node=node, inputs=tuple(renamed.get(t.name, t) for t in meta.inputs))


def _reading(node: Node, names: Mapping[str, str]) -> Node:
    inputs = tuple(names.get(name, name) for name in node.inputs)
    return replace(node, inputs=inputs, epilogue=tuple(_reading(step, names) for step in node.epilogue))
