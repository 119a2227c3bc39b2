"""The registry: three states, no operator twice, bodies counted, holes listed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from onnx import defs
from onnxruntime.capi import _pybind_state
from operator_calls import tensor, work

from latencylab import ops
from latencylab.graph import Graph, Node
from latencylab.ops import _catalogue, _registry
from latencylab.work import ZERO, Work

# Work that depends on text, maps, a coded image or a derived graph. A new operator of ONNX lands here until
# someone prices it, and then this test says so.
UNPRICED = {
    ("", "ImageDecoder"),
    ("", "RegexFullMatch"),
    ("", "StringConcat"),
    ("", "StringNormalizer"),
    ("", "StringSplit"),
    ("", "TfIdfVectorizer"),
    ("ai.onnx.ml", "CastMap"),
    ("ai.onnx.ml", "DictVectorizer"),
    ("ai.onnx.ml", "ZipMap"),
    ("ai.onnx.preview.training", "Gradient"),
}
OURS = {"ChannelReplicate", "LayoutConversion", "StdAttention"}
LATEST_OPSET = 28


def known_to_onnx() -> set[tuple[str, str]]:
    return {(s.domain, s.name) for s in defs.get_all_schemas() if s.domain or s.since_version <= LATEST_OPSET}


def test_every_operator_of_the_standard_is_priced_but_these() -> None:
    holes = {(domain, name) for domain, name in known_to_onnx() if ops.state(name, domain) == "unpriced"}
    assert holes == UNPRICED & known_to_onnx()


@pytest.mark.skipif(
    defs.onnx_opset_version() < LATEST_OPSET, reason="this onnx knows fewer operators than we do"
)
def test_no_registered_name_is_misspelt() -> None:
    microsoft = {(s.domain, s.name) for s in _pybind_state.get_all_operator_schema()}
    ours = {("", name) for name in OURS}
    assert set(ops.operators()) <= known_to_onnx() | microsoft | ours


def test_our_own_operators_are_not_in_the_standard() -> None:
    assert not {("", name) for name in OURS} & known_to_onnx()
    assert all(ops.state(name) == "costed" for name in OURS)


def test_states() -> None:
    assert ops.state("Conv") == "costed"
    assert ops.state("Conv", "ai.onnx") == "costed"
    assert ops.state("Reshape") == "free"
    assert ops.state("Conv", "com.example") == "unpriced"
    assert ops.state("Frobnicate") == "unpriced"


def test_every_operator_says_how_it_counts() -> None:
    assert [key for key, operator in ops.operators().items() if not operator.reason] == []


def test_free_and_unpriced_operators_have_no_work() -> None:
    assert work("Reshape", [(2, 3), (1,)], [(6,)]) == ZERO
    assert work("Frobnicate", [(2, 3)], [(6,)]) == ZERO


def test_registering_twice_names_both_modules() -> None:
    with pytest.raises(
        ValueError, match=r"'Conv' of domain 'ai.onnx'.*latencylab.ops.convolution.*test_ops_registry"
    ):
        _registry.costs("Conv")(lambda *_: ZERO)
    with pytest.raises(ValueError, match=r"latencylab.ops.layout and in .*test_ops_registry"):
        _registry.free("Reshape", why="twice")


def body(op_type: str) -> Graph:
    """y = op(a, b) on 10 elements."""
    tensors = {name: tensor(name, 10) for name in "aby"}
    return Graph("body", (Node("inner", op_type, ("a", "b"), ("y",)),), tensors, ("a", "b"), ("y",))


def test_a_branch_costs_its_dearer_side() -> None:
    found = work("If", [()], [(10,)], then_branch=body("Add"), else_branch=body("Pow"))
    assert found == Work(transcendental_ops=10)


def test_a_loop_costs_its_body_times_the_trip_count() -> None:
    assert work("Loop", [()], [(10,)], body=body("Add"), trip_count=7) == Work(arithmetic_ops=70)
    assert work("Scan", [(3, 10)], [(10,)], body=body("Div"), trip_count=3) == Work(division_ops=30)
    assert work("Loop", [()], [(10,)], body=body("Add")) == Work(arithmetic_ops=10)


def test_holes_inside_bodies_are_found() -> None:
    inner = body("Frobnicate")
    outer = Node("loop", "Loop", ("n",), ("y",), {"body": inner})
    assert ops.unpriced(outer) == inner.nodes
    assert ops.unpriced(inner.nodes[0]) == inner.nodes
    assert ops.unpriced(Node("n", "Relu", ("x",), ("y",))) == ()


def test_the_catalogue_is_up_to_date() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[1] / "docs" / "operators.md").read_text(encoding="utf-8")
    for family in _catalogue.families():
        assert family in text, "run `make operators`"
    if defs.onnx_opset_version() == LATEST_OPSET:
        assert text == _catalogue.render(), "run `make operators`"


def test_pricing_does_not_import_onnx() -> None:
    script = (
        "import sys; from latencylab import ops; ops.operators();"
        "sys.exit(bool({'onnx', 'numpy', 'latencylab.ops._catalogue'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
