"""From operators to meta-nodes: the fused units that a device runs as one kernel each.

A rule is a file of this folder. Its docstring is the rule, `ANCHORS` the operator types it starts from, and
`match(graph, node) -> Match | Refusal | None` looks at one such node and its neighbours, never further. A
device's profile names the rules its compiler has, in order; nothing is fused that the device does not fuse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, cast

from latencylab import plugins
from latencylab.fusion._declare import declare_dtype
from latencylab.fusion._match import Exchange, Match, Refusal, Step
from latencylab.fusion._meta import meta_nodes
from latencylab.fusion._rewriter import WorkingGraph
from latencylab.order import ordered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from latencylab.graph import Graph, MetaNode, Node

__all__ = [
    "Decomposition",
    "Exchange",
    "Match",
    "Refusal",
    "Step",
    "declare_dtype",
    "decompose",
    "rule_names",
]


Found = Match | Exchange | Refusal | None

# Two do for all known networks; the bound keeps a mistake in a rule from going round in circles.
_MOST_ROUNDS: Final = 8


class Rule(Protocol):
    """What a rule's file offers."""

    ANCHORS: Collection[str]

    @staticmethod
    def match(graph: WorkingGraph, node: Node) -> Found:
        """Look at the node and its neighbours."""
        ...


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A network as meta-nodes, in the order in which they run, with their graph and how they came about.

    refusals: near misses, in the order in which they were met.
    """

    meta_nodes: tuple[MetaNode, ...]
    graph: Graph
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]


def rule_names() -> tuple[str, ...]:
    """Names of all rules, for a profile to choose from."""
    return plugins.names("fusion")


def decompose(graph: Graph, rules: Sequence[str]) -> Decomposition:
    """Apply the rules in this order and return the meta-nodes.

    What a rule writes may let an earlier one match: the list is gone through again for the nodes touched.
    The order of the given nodes changes nothing: rules meet them, and kernels run, in that of `order`.
    Raises UnknownNameError for a rule nobody wrote, ModelError for shapes that do not fit an operator.
    """
    working = WorkingGraph(ordered(graph))
    loaded = [(name, _loaded(name)) for name in rules]
    outcomes: list[Step | Refusal] = []
    touched: set[int] | None = None
    for _ in range(_MOST_ROUNDS):
        for name, rule in loaded:
            slots = working.slots_of(rule.ANCHORS, touched)
            if slots:
                outcomes.extend(_apply(working, name, rule, slots))
        touched = working.take_touched()
        if not touched:
            break
    rewritten = ordered(working.freeze())
    return Decomposition(
        meta_nodes=meta_nodes(rewritten),
        graph=rewritten,
        steps=tuple(outcome for outcome in outcomes if isinstance(outcome, Step)),
        refusals=_distinct(outcome for outcome in outcomes if isinstance(outcome, Refusal)),
    )


@cache
def _loaded(name: str) -> Rule:
    return cast("Rule", plugins.load("fusion", name, what="fusion rule"))


def _distinct(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Drop what a later round says again."""
    return tuple({(r.rule, r.node.name, r.reason): r for r in refusals}.values())


def _apply(graph: WorkingGraph, name: str, rule: Rule, slots: Iterable[int]) -> Iterator[Step | Refusal]:
    """Apply one rule to the anchors in these slots."""
    for slot in slots:
        node = graph.at(slot)
        while node is not None:
            found = rule.match(graph, node)
            if isinstance(found, Refusal):
                yield replace(found, rule=name)
            if found is None or isinstance(found, Refusal):
                break
            written = graph.apply(found) if isinstance(found, Match) else graph.exchange(found)
            if isinstance(written, Refusal):
                yield replace(written, rule=name)
                break
            yield Step(name, written.name if written else "", tuple(n.name for n in found.nodes), found.note)
            # What was written may match again (a chain); so may the anchor if only neighbours changed.
            node = node if graph.holds(node) else _anchor(rule, written)


def _anchor(rule: Rule, node: Node | None) -> Node | None:
    return node if node is not None and node.op_type in rule.ANCHORS else None
