"""The network as data: Tensor, Node, Graph, and MetaNode, the fused unit that a device runs as one kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from latencylab import dtypes
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A typed, fully shaped value that flows between nodes.

    values: the elements of a small constant (shapes, scales, clip bounds: at most 64 elements) in row-major
        order; None where unknown or large. Weight values are never needed to predict latency.
    is_sign: a constant known to hold nothing but -1 and +1 (a binary weight).
    is_per_channel: a quantized weight with one scale a channel, not one for the tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    is_constant: bool = False
    values: tuple[Any, ...] | None = None
    is_sign: bool = False
    is_per_channel: bool = False

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of the packed tensor."""
        return dtypes.size_bytes(prod(self.shape), self.dtype)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call. An absent optional input or output is the empty string.

    Attributes hold plain Python values (int, float, str, tuples of these); a subgraph attribute (If, Loop,
    Scan) is a Graph. Older spellings are normalised by the reader: what became an input (Clip bounds, Split
    sizes, Squeeze axes, Resize scales, ...) is an input here.

    parts: the nodes of the file this node stands for, when a rule wrote it in their place; () = itself.
    epilogue: nodes executed by the same kernel after this one (bias, activation, residual Add, ...). `inputs`
        and `outputs` stay this node's own, so that its geometry can be read from them.
    reads: names of the tensors that the whole kernel needs from outside, each once, those of epilogue and
        subgraphs included. writes: those it leaves behind, without what only the epilogue reads.
    """

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NO_ATTRIBUTES)
    domain: str = ""
    parts: tuple[Node, ...] = ()
    epilogue: tuple[Node, ...] = ()
    reads: tuple[str, ...] = field(init=False, repr=False, compare=False)
    writes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for so often that they are found once.
        object.__setattr__(self, "reads", _reads(self))
        object.__setattr__(self, "writes", _writes(self))

    @property
    def sources(self) -> tuple[Node, ...]:
        """The nodes of the file that this node stands for."""
        return self.parts or (self,)


@dataclass(frozen=True)  # without slots: what follows from the nodes is found when it is first asked for
class Graph:
    """A network: nodes in topological order, every tensor shaped and typed.

    assumptions: sentences about what the reader had to assume (trip counts, branches), shown with any result.
    """

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    assumptions: tuple[str, ...] = ()

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that writes each tensor, by the tensor's name."""
        return {name: node for node in self.nodes for name in node.writes}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order, by the tensor's name."""
        consumers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.reads:
                consumers.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in consumers.items()}

    def inputs_of(self, node: Node) -> tuple[Tensor | None, ...]:
        """The node's input tensors; None where an optional input is absent."""
        return tuple([self.tensors[name] if name else None for name in node.inputs])

    def outputs_of(self, node: Node) -> tuple[Tensor, ...]:
        """The node's output tensors; absent optional outputs are left out."""
        return tuple([self.tensors[name] for name in node.outputs if name])


def _reads(node: Node) -> tuple[str, ...]:
    names = dict.fromkeys(node.inputs)
    if node.epilogue:
        names.update(dict.fromkeys(name for step in node.epilogue for name in step.inputs))
        for step in (node, *node.epilogue):
            for output in step.outputs:
                names.pop(output, None)
    for value in node.attributes.values():
        if isinstance(value, Graph):
            names.update(dict.fromkeys(_captures(value)))
    names.pop("", None)
    return tuple(names)


def _writes(node: Node) -> tuple[str, ...]:
    if not node.epilogue:
        return tuple(filter(None, node.outputs))
    inner = {name for step in node.epilogue for name in step.inputs}
    outputs = [name for step in (node, *node.epilogue) for name in step.outputs]
    return tuple([name for name in outputs if name and name not in inner])


def _captures(body: Graph) -> Iterator[str]:
    """Names that a subgraph (of If, Loop, Scan) reads from the graph around it."""
    for name in body.consumers:
        tensor = body.tensors.get(name)
        is_constant = tensor is not None and tensor.is_constant
        if not (is_constant or name in body.producers or name in body.inputs):
            yield name


@dataclass(frozen=True, slots=True)
class MetaNode:
    """The unit a device runs as one kernel: a main node with all that is fused into it.

    Only its boundary tensors move through memory, so fusion removes intermediate traffic by construction.

    kind: canonical operator ("Conv", "Add", "DepthToSpace", "ChannelReplicate", ...).
    node: the main node; its epilogue is fused behind it, its parts are the file's nodes.
    dtype: element type the kernel computes in.
    inputs, outputs: boundary activations. weights: constants it reads (each once). read_bytes, write_bytes,
        weight_bytes: their sizes.
    """

    name: str
    kind: str
    node: Node
    dtype: str
    inputs: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    work: Work = ZERO
    is_priced: bool = True
    read_bytes: int = field(init=False, repr=False, compare=False)
    write_bytes: int = field(init=False, repr=False, compare=False)
    weight_bytes: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read_bytes", _size_bytes(self.inputs))
        object.__setattr__(self, "write_bytes", _size_bytes(self.outputs))
        object.__setattr__(self, "weight_bytes", _size_bytes(self.weights))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of the file inside this meta-node."""
        return self.node.sources

    @property
    def op_types(self) -> tuple[str, ...]:
        """Operator types of the file's nodes, in order."""
        return tuple(node.op_type for node in self.nodes)

    @property
    def boundary_bytes(self) -> int:
        """All bytes that cross the boundary once."""
        return self.read_bytes + self.write_bytes + self.weight_bytes


def _size_bytes(tensors: tuple[Tensor, ...]) -> int:
    return sum([tensor.size_bytes for tensor in tensors])


def total(work: Iterable[Work]) -> Work:
    """Sum of works."""
    result = ZERO
    for item in work:
        result = result + item
    return result
