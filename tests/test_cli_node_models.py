"""Every model that onnx generates or ships goes through `profile`: a latency, or exit code 3 and one line."""

from __future__ import annotations

import json
import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from command_line import failing, run
from onnx.backend.test.case.node import collect_testcases

from latencylab import pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

# The generators of onnx overflow and divide by zero on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

DEVICE = "dolphin_npu"
MAX_REFUSED = 0.05
SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"


@pytest.fixture(scope="module")
def sources() -> Mapping[str, bytes]:
    found = {case.name: case.model.SerializeToString() for case in collect_testcases(None)}
    return found | {str(path.relative_to(SHIPPED)): path.read_bytes() for path in SHIPPED.rglob("*.onnx")}


@pytest.fixture(scope="module")
def results(sources: Mapping[str, bytes]) -> Mapping[str, Result]:
    arguments = ("profile", "-", "--device", DEVICE, "--engine", "simulator", "--format", "json")
    return {name: run(*arguments, stdin=source) for name, source in sources.items()}


def test_each_ends_with_0_or_3_and_at_most_one_in_twenty_with_3(
    results: Mapping[str, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [name for name, result in results.items() if result.exit_code == 3]
    share = len(refused) / len(results)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(results)} models of onnx profiled, {len(refused)} refused ({share:.1%}) ")
    assert [name for name, result in results.items() if result.exit_code not in {0, 3}] == []
    assert len(results) > 1900
    assert share <= MAX_REFUSED


def test_every_latency_is_finite_and_positive(results: Mapping[str, Result]) -> None:
    for name, result in results.items():
        if result.exit_code == 0:
            estimate = json.loads(result.stdout)
            times_ms = [estimate[key] for key in ("latency_low_ms", "latency_ms", "latency_high_ms")]
            assert all(map(isfinite, times_ms)), name
            assert 0 < times_ms[0] <= times_ms[1] <= times_ms[2], name


def test_a_refusal_is_one_line_of_readable_text(results: Mapping[str, Result]) -> None:
    for name, result in results.items():
        if result.exit_code == 3:
            assert result.stdout == "", name
            assert result.stderr.startswith("error: "), name
            assert result.stderr.count("\n") == 1, name
            assert result.stderr.rstrip("\n").isprintable(), name


def test_the_roofline_prices_what_the_simulator_does_and_is_never_slower(
    sources: Mapping[str, bytes], results: Mapping[str, Result]
) -> None:
    profile = pipeline.load_device(DEVICE)
    for name, result in results.items():
        if result.exit_code == 0:
            bound = pipeline.price(pipeline.read(sources[name]), profile, "roofline")
            assert isfinite(bound.latency_s), name
            assert 0 < bound.latency_s * 1e3 <= json.loads(result.stdout)["latency_ms"] * (1 + 1e-9), name


def test_an_operator_nobody_knows_is_priced_by_its_bytes_where_the_file_gives_shapes() -> None:
    result = run("profile", "-", "--format", "json", "-q", stdin=_stranger("float[1,8,16,16]"))
    (unpriced,) = json.loads(result.stdout)["unpriced"]
    assert (result.exit_code, unpriced["op_type"], unpriced["count"]) == (0, "Mystery", 1)


def test_without_shapes_it_is_refused() -> None:
    code, line = failing("profile", "-", stdin=_stranger(""))
    assert code == 3
    assert "unknown operator of domain 'mine'" in line


def _stranger(declared: str) -> bytes:
    """A network with an operator of an unknown domain between two known ones."""
    from onnx_text import model

    info = f"<{declared} m>" if declared else ""
    text = f"net (float[1,8,16,16] x) => (float[1,8,16,16] y) {info} {{ m = mine.Mystery(x) y = Relu(m) }}"
    return model(text, imports=', "mine" : 1').SerializeToString()
