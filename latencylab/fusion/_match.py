"""What a rule answers, and what a person is told: Match, Exchange, Refusal, Step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latencylab.graph import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.graph import Tensor


@dataclass(frozen=True, slots=True)
class Match:
    """Nodes that become one.

    nodes: what is matched, in the order of the data flow; their sources become the parts of `node`.
    node: written in their place; None if they vanish and the ends of the network are renamed instead.
    tensors: tensors that are new, or changed in type.
    ends: network input or output -> the tensor that is the network's end from now on.
    note: what the person who asks should know ("folded into the weights").
    """

    nodes: tuple[Node, ...]
    node: Node | None
    tensors: tuple[Tensor, ...] = ()
    ends: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two neighbours that change places: `new_first` stands for `second`, `new_second` for `first`."""

    first: Node
    second: Node
    new_first: Node
    new_second: Node
    tensors: tuple[Tensor, ...] = ()
    note: str = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What is rewritten, in the order of the data flow."""
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Refusal:
    """A near miss: the rule's pattern is there, and one thing forbids it."""

    reason: str
    node: Node
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.node.op_type} {self.node.name} stays as it is: {self.reason}"


@dataclass(frozen=True, slots=True)
class Step:
    """A rule applied: the names of the nodes that `parts` held and the node they became."""

    rule: str
    node: str
    parts: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.rule}: {' + '.join(self.parts)} -> {self.node}{note}"


def fused(main: Node, *followers: Node) -> Node:
    """Return the main node with the followers, and what was fused behind them, as its epilogue."""
    steps = (step for node in followers for step in (node, *node.epilogue))
    return rebuilt(
        main, epilogue=main.epilogue + tuple(rebuilt(step, parts=(), epilogue=()) for step in steps)
    )


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """Return the node with the tensors it reads and writes renamed, in its epilogue too."""
    inputs = tuple(names.get(name, name) for name in node.inputs)
    outputs = tuple(names.get(name, name) for name in node.outputs)
    epilogue = tuple(renamed(step, names) for step in node.epilogue)
    return Node(node.name, node.op_type, inputs, outputs, node.attributes, node.domain, node.parts, epilogue)


def rebuilt(
    node: Node, *, parts: tuple[Node, ...] | None = None, epilogue: tuple[Node, ...] | None = None
) -> Node:
    """Return the node with other parts or another epilogue; `dataclasses.replace`, several times as fast."""
    return Node(
        node.name,
        node.op_type,
        node.inputs,
        node.outputs,
        node.attributes,
        node.domain,
        node.parts if parts is None else parts,
        node.epilogue if epilogue is None else epilogue,
    )
