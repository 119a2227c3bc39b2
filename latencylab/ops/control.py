"""Control flow is priced by its bodies: If by the dearer branch, loops by `trip_count` passes (default 1).

The reader sets the attribute `trip_count` where it is known and states the assumption where it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.graph import Graph
from latencylab.ops._registry import body_work, costs, free

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs
    from latencylab.work import Work


def _body(node: Node, name: str) -> Work:
    body = node.attributes[name]
    if not isinstance(body, Graph):
        raise TypeError(f"{name} is not a graph")
    return body_work(body)


@costs("If")
def branch(node: Node, _inputs: Inputs, _outputs: Outputs) -> Work:
    """Work of the branch with more operations; of equals, the one with dearer ones."""
    branches = (_body(node, "then_branch"), _body(node, "else_branch"))
    return max(branches, key=_dearness)


def _dearness(work: Work) -> tuple[int, ...]:
    return work.flops, work.transcendental_ops, work.division_ops, work.move_ops


@costs("Loop", "Scan", "SequenceMap")
def loop(node: Node, _inputs: Inputs, _outputs: Outputs) -> Work:
    """Work of the body times the trip count."""
    return _body(node, "body") * int(node.attributes.get("trip_count", 1))


_REFERENCES = "a sequence or an optional holds references: its tensors stay where they are"
free("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", why=_REFERENCES)
free("SequenceLength", "Optional", "OptionalGetElement", "OptionalHasElement", why=_REFERENCES)
