"""ONNX's own node tests: an operator against its function body, and no operator zero by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from onnx.backend.test.case.node import collect_testcases

from latencylab import onnx_reader, ops
from latencylab.errors import LatencyLabError
from latencylab.work import ZERO

if TYPE_CHECKING:
    from latencylab.graph import Graph

# The generators of onnx overflow and divide by zero on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(scope="module")
def graphs() -> dict[str, Graph]:
    """Every node test that can be read (some have free dimensions or empty inputs)."""
    found = {}
    for case in collect_testcases(None):
        try:
            found[case.name] = onnx_reader.read(case.model).graph
        except LatencyLabError:
            continue
    return found


def test_an_operator_counts_the_macs_of_its_function_body(graphs: dict[str, Graph]) -> None:
    # ONNX defines many operators by others (Attention by MatMul and Softmax, ...), written by other people.
    pairs = {name: f"{name}_expanded" for name in graphs if f"{name}_expanded" in graphs}
    assert len(pairs) > 300
    for whole, body in pairs.items():
        fused, spelled = ops.body_work(graphs[whole]), ops.body_work(graphs[body])
        assert fused.macs == spelled.macs, whole
        # A fused kernel makes no more passes than its spelling; a numerically careful one makes a few more.
        assert fused.vector_ops <= 1.5 * spelled.vector_ops + spelled.move_ops, whole


def test_nothing_is_zero_by_accident(graphs: dict[str, Graph]) -> None:
    for name, graph in graphs.items():
        for node in graph.nodes:
            # Empty tensors, and branches that return constants, hold no work.
            writes = sum(t.elements for t in graph.outputs_of(node)) and node.op_type not in {"If", "Loop"}
            if writes and ops.state(node.op_type, node.domain) == "costed":
                assert ops.work(node, graph.inputs_of(node), graph.outputs_of(node)) != ZERO, name
