"""What-ifs: changes to a network that may make it faster, a rule a file. Its docstring is the rule.

    propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]

`graph` is the network with its idioms recognised: DepthToSpace, ChannelReplicate and Clip are one node each,
whatever the exporter wrote. A rule only proposes: what a change saves is the difference of two estimates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from latencylab import plugins
from latencylab.rewrites._change import ORDER, Change, Preserves, Weight, changed_graph

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph

__all__ = ["ORDER", "Change", "Preserves", "Weight", "changed_graph", "load", "rule_names"]


class Rule(Protocol):
    """What a rule's file offers."""

    @staticmethod
    def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:
        """Return the changes this rule would make."""
        ...


def rule_names() -> tuple[str, ...]:
    """Names of all rules, sorted."""
    return plugins.names("rewrites")


def load(name: str) -> Rule:
    """Import a rule. Raises UnknownNameError with the nearest one."""
    return cast("Rule", plugins.load("rewrites", name, what="rewrite"))
