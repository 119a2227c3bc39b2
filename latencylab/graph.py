"""The network as data: Tensor, Node, Graph, and MetaNode, the fused unit that a device runs as one kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
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
        return dtypes.size_bytes(self.elements, self.dtype)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call. An absent optional input or output is the empty string.

    Attributes hold plain Python values (int, float, str, tuples of these); a subgraph attribute (If, Loop,
    Scan) is a Graph. Older spellings are normalised by the reader: what became an input (Clip bounds, Split
    sizes, Squeeze axes, Resize scales, ...) is an input here.

    parts: the nodes of the file this node stands for, when a rule wrote it in their place; () = itself.
    epilogue: nodes executed by the same kernel after this one (bias, activation, residual Add, ...). `inputs`
        and `outputs` stay this node's own, so that its geometry can be read from them; what crosses the
        boundary of the whole kernel is `reads` and `writes`.
    """

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NO_ATTRIBUTES)
    domain: str = ""
    parts: tuple[Node, ...] = ()
    epilogue: tuple[Node, ...] = ()

    @property
    def sources(self) -> tuple[Node, ...]:
        """The nodes of the file that this node stands for."""
        return self.parts or (self,)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors needed from outside, each once, those of epilogue and subgraphs included."""
        names = dict.fromkeys(filter(None, self.inputs))
        if not self.epilogue and not self.attributes:
            return tuple(names)
        for step in self.epilogue:
            names.update(dict.fromkeys(filter(None, step.inputs)))
        if self.epilogue:
            for step in (self, *self.epilogue):
                for output in step.outputs:
                    names.pop(output, None)
        for value in self.attributes.values():
            if isinstance(value, Graph):
                names.update(dict.fromkeys(_captures(value)))
        return tuple(names)

    @property
    def writes(self) -> tuple[str, ...]:
        """Names of the tensors left behind: all outputs but those that only the epilogue reads."""
        if not self.epilogue:
            return tuple(filter(None, self.outputs))
        inner = {name for step in self.epilogue for name in step.inputs}
        outputs = (name for step in (self, *self.epilogue) for name in step.outputs)
        return tuple(name for name in outputs if name and name not in inner)


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: nodes in topological order, every tensor shaped and typed.

    assumptions: sentences about what the reader had to assume (trip counts, branches), shown with any result.
    producers: tensor name -> node that writes it. consumers: tensor name -> nodes that read it, in order.
    """

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    assumptions: tuple[str, ...] = ()
    producers: Mapping[str, Node] = field(init=False, repr=False, compare=False)
    consumers: Mapping[str, tuple[Node, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        producers = {output: node for node in self.nodes for output in node.writes}
        consumers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.reads:
                consumers.setdefault(name, []).append(node)
        object.__setattr__(self, "producers", producers)
        object.__setattr__(self, "consumers", {name: tuple(nodes) for name, nodes in consumers.items()})

    def inputs_of(self, node: Node) -> tuple[Tensor | None, ...]:
        """The node's input tensors; None where an optional input is absent."""
        return tuple(self.tensors[name] if name else None for name in node.inputs)

    def outputs_of(self, node: Node) -> tuple[Tensor, ...]:
        """The node's output tensors; absent optional outputs are left out."""
        return tuple(self.tensors[name] for name in node.outputs if name)


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
    inputs, outputs: boundary activations. weights: constants it reads (each once).
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

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of the file inside this meta-node."""
        return self.node.sources

    @property
    def op_types(self) -> tuple[str, ...]:
        """Operator types of the file's nodes, in order."""
        return tuple(node.op_type for node in self.nodes)

    @property
    def read_bytes(self) -> int:
        """Activation bytes read at the boundary."""
        return sum(t.size_bytes for t in self.inputs)

    @property
    def write_bytes(self) -> int:
        """Activation bytes written at the boundary."""
        return sum(t.size_bytes for t in self.outputs)

    @property
    def weight_bytes(self) -> int:
        """Constant bytes read."""
        return sum(t.size_bytes for t in self.weights)

    @property
    def boundary_bytes(self) -> int:
        """All bytes that cross the boundary once."""
        return self.read_bytes + self.write_bytes + self.weight_bytes


def total(work: Iterable[Work]) -> Work:
    """Sum of works."""
    result = ZERO
    for item in work:
        result = result + item
    return result
