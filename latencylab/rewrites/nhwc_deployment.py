"""The network's ends in another layout: the graph stays, the application hands its images over differently.

Where a device's native layout is not that of the network's ends, a transpose stands at either end, and a
transpose of a 1080p image may cost as much as the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.rewrites._change import Change

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph

RULE = "nhwc_deployment"
_LAYOUTS = ("nhwc", "nchw")


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """Propose either layout; the one the network is deployed in already is no change."""
    ends = (*graph.inputs, *graph.outputs)
    if not any(len(graph.tensors[name].shape) == 4 for name in ends):
        return ()
    return tuple(
        Change(RULE, f"deploy with inputs and outputs in {layout}", ends, "exact", layout=layout)
        for layout in _LAYOUTS
    )
