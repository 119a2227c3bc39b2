"""PReLU and LeakyReLU become ReLU, which every device folds into the convolution before it.

The network has to be trained again; published plain networks lose little by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.rewrites._draft import Draft

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.rewrites._change import Change

RULE = "prelu_to_relu"


def propose(graph: Graph, profile: DeviceProfile) -> tuple[Change, ...]:  # noqa: ARG001
    """One change for all of them: a trunk is trained as a whole."""
    draft = Draft(graph, RULE)
    for node in graph.nodes:
        if node.op_type in {"PRelu", "LeakyRelu"} and not node.domain:
            output = node.outputs[0]
            shape = draft.shape(output)
            draft.node(f"{node.name}.relu", "Relu", node.inputs[:1], shape, into=output)
            draft.touched.append(node)
    if not draft:
        return ()
    kinds = " and ".join(sorted({node.op_type for node in draft.touched}))
    return (draft.change(f"replace {kinds} by Relu ({len(draft.touched)} of them)", "retrain"),)
