"""Every model that onnx generates or ships is read, or refused in one clear line; at most one in twenty."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases

from latencylab.errors import ModelError
from latencylab.onnx_reader import Model, read

if TYPE_CHECKING:
    from collections.abc import Mapping

# The generators of onnx overflow and divide by zero on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

MAX_REFUSED = 0.05
SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Model | ModelError]:
    sources = {case.name: case.model for case in collect_testcases(None)}
    sources |= {str(path.relative_to(SHIPPED)): path for path in SHIPPED.rglob("*.onnx")}
    return {name: _answer(source) for name, source in sources.items()}


def _answer(source: Path | onnx.ModelProto) -> Model | ModelError:
    try:
        return read(source)
    except ModelError as error:
        return error


def test_at_most_one_in_twenty_is_refused(
    answers: Mapping[str, Model | ModelError], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {name: str(answer) for name, answer in answers.items() if isinstance(answer, ModelError)}
    with capsys.disabled():
        share = len(refused) / len(answers)
        sys.stdout.write(f"\n{len(answers)} models of onnx, {len(refused)} refused ({share:.1%}) ")
    assert len(answers) > 1900
    assert share <= MAX_REFUSED


def test_a_refusal_is_one_clear_line(answers: Mapping[str, Model | ModelError]) -> None:
    reasons = Counter()
    for name, answer in answers.items():
        if isinstance(answer, ModelError):
            text = str(answer)
            assert text.isprintable(), name
            assert len(text) < 400, name
            reasons[_reason(text)] += 1
    assert reasons[""] == 0, reasons


def _reason(text: str) -> str:
    """Which of the few good reasons to refuse a node test this is; empty where it is none of them."""
    good = ("unbound dimensions", "empty dimension", "cannot be inferred", "is older than")
    return next((reason for reason in good if reason in text), "")


def test_what_is_read_is_whole(answers: Mapping[str, Model | ModelError]) -> None:
    """Every name has a tensor of a known size, every node is reached in order, every output is produced."""
    for name, answer in answers.items():
        if not isinstance(answer, Model):
            continue
        graph = answer.graph
        known = {tensor for tensor, value in graph.tensors.items() if value.is_constant} | set(graph.inputs)
        for node in graph.nodes:
            assert {i for i in node.inputs if i} <= known, name
            known |= set(node.outputs)
        assert set(graph.outputs) <= known, name
        assert all(min(tensor.shape, default=0) >= 0 for tensor in graph.tensors.values()), name
        assert len({node.name for node in graph.nodes}) == len(graph.nodes), name


def test_shapes_agree_with_what_the_models_declare(answers: Mapping[str, Model | ModelError]) -> None:
    """The node tests declare the shapes their operators really gave."""
    checked = 0
    for case in collect_testcases(None):
        answer = answers[case.name]
        if not isinstance(answer, Model) or answer.graph.assumptions:
            continue
        for output in case.model.graph.output:
            if output.type.WhichOneof("value") == "tensor_type":
                dims = output.type.tensor_type.shape.dim
                declared = tuple(d.dim_value for d in dims)
                if all(d.HasField("dim_value") for d in dims) and output.name:
                    assert answer.graph.tensors[output.name].shape == declared, case.name
                    checked += 1
    assert checked > 1800
