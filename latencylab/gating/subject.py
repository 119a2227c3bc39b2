"""What a design rule looks at: a network as read, as fused and as priced, and questions asked of it often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.fusion import Decomposition
    from latencylab.graph import Graph, MetaNode, Node, Tensor
    from latencylab.onnx_reader import Model
    from latencylab.result import Estimate, KernelEstimate


@dataclass(frozen=True, slots=True)
class Violation:
    """A meta-node or node that breaks a rule, and what is wrong with it."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A tensor that is kept while other meta-nodes run; `nodes`: how many, on the longest way around it."""

    tensor: Tensor
    source: str
    target: MetaNode
    nodes: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One network on one device, seen from every side."""

    network: Model
    profile: DeviceProfile
    estimate: Estimate
    decomposition: Decomposition

    @property
    def graph(self) -> Graph:
        """The network as it stands in the file."""
        return self.network.graph

    @property
    def meta_nodes(self) -> tuple[MetaNode, ...]:
        """The kernels-to-be, without what the device adds."""
        return self.decomposition.meta_nodes

    @property
    def kernels(self) -> tuple[KernelEstimate, ...]:
        """What runs, layout changes included."""
        return self.estimate.kernels

    def steps(self) -> Iterator[tuple[MetaNode, Node]]:
        """Every operator of every meta-node: the main one and those fused behind it."""
        for meta in self.meta_nodes:
            yield meta, meta.node
            yield from ((meta, step) for step in meta.node.epilogue)

    def skips(self) -> Iterator[Skip]:
        """Every tensor that waits for its reader, with the number of meta-nodes that run meanwhile."""
        depths: dict[str, int] = dict.fromkeys(self.graph.inputs, 0)
        makers: dict[str, str] = {}
        for meta in self.meta_nodes:
            depth = 1 + max((depths.get(tensor.name, 0) for tensor in meta.inputs), default=0)
            for tensor in meta.inputs:
                passed = depth - 1 - depths.get(tensor.name, 0)
                if passed:
                    yield Skip(tensor, makers.get(tensor.name, tensor.name), meta, passed)
            depths |= dict.fromkeys((tensor.name for tensor in meta.outputs), depth)
            makers |= dict.fromkeys((tensor.name for tensor in meta.outputs), meta.name)
