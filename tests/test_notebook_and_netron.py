"""Notebook, data frame and annotated ONNX: the same numbers in three more places."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import onnx
import pytest
from click.testing import CliRunner
from large_results import HOSTILE, hostile, large

import latencylab
from latencylab import reporters, zoo
from latencylab.errors import ResultError
from latencylab.onnx_reader.annotation import annotated
from latencylab.reporters import View

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.result import Estimate

SMALL = "zoo:abpn_x3?height=36&width=64"


def notes_of(content: bytes) -> dict[str, dict[str, str]]:
    model = onnx.ModelProto.FromString(content)
    onnx.checker.check_model(model)
    return {node.name: {entry.key: entry.value for entry in node.metadata_props} for node in model.graph.node}


def test_the_frame_has_a_row_a_kernel_and_sums_to_the_same(an_estimate: Estimate) -> None:
    frame = an_estimate.to_frame()
    assert list(frame["name"]) == [kernel.name for kernel in an_estimate.kernels]
    assert frame["latency_ms"].sum() == pytest.approx(sum(k.latency_s for k in an_estimate.kernels) * 1e3)
    assert frame["macs"].sum() == sum(k.work.macs for k in an_estimate.kernels)
    assert frame.loc[3, "depends_on"] == "1;2"
    assert frame.loc[1, "op_types"] == "Conv;Relu"


def test_a_notebook_shows_the_verdict_and_escapes_names(an_estimate: Estimate) -> None:
    shown = an_estimate._repr_html_()
    assert "latency 20.0 ms (90 % interval 17.9–25.6)" in shown
    assert shown.count("<tr>") == 7
    assert "UNPRICED Mystery" in shown
    attacked = hostile()._repr_html_()
    assert "<script" not in attacked
    assert "<img" not in attacked
    assert "&lt;script&gt;" in attacked
    assert "and 70 faster meta-nodes" in large(100)._repr_html_()


def test_annotations_carry_the_times_of_the_estimate(tmp_path: Path) -> None:
    target = tmp_path / "annotated.onnx"
    from latencylab.cli import latencylab as command

    done = CliRunner().invoke(command, ["profile", SMALL, "--device", "dolphin_npu", "-o", str(target)])
    assert done.exit_code == 0, done.output
    estimate = latencylab.estimate(SMALL, "dolphin_npu")
    notes = notes_of(target.read_bytes())
    timed = {name: float(n["latencylab.ms"]) for name, n in notes.items() if "latencylab.ms" in n}
    assert timed == {
        kernel.nodes[0]: pytest.approx(kernel.latency_s * 1e3, abs=1e-6)
        for kernel in estimate.kernels
        if kernel.nodes
    }
    fused = {name: n["latencylab.fused_into"] for name, n in notes.items() if "latencylab.fused_into" in n}
    assert fused == {name: k.name for k in estimate.kernels for name in k.nodes[1:]}
    assert fused


def test_nothing_but_notes_is_added() -> None:
    original = zoo.build("abpn_x3?height=36&width=64")
    estimate = latencylab.estimate(original, "dolphin_npu")
    content = reporters.load("onnx").render(estimate, view=View(model=original.SerializeToString()))
    changed = onnx.ModelProto.FromString(content)
    for node in changed.graph.node:
        del node.metadata_props[:]
    del changed.metadata_props[:]
    changed.ir_version = original.ir_version
    assert changed == original
    assert reporters.load("onnx").marker in content


def test_nodes_without_names_are_found_by_operator_and_position() -> None:
    model = zoo.build("abpn_x3?height=36&width=64")
    for node in model.graph.node:
        node.name = ""
    estimate = latencylab.estimate(model, "dolphin_npu")
    content = reporters.load("onnx").render(estimate, view=View(model=model.SerializeToString()))
    found = onnx.ModelProto.FromString(content).graph.node
    noted = [node for node in found if node.metadata_props]
    assert len(noted) == sum(len(kernel.nodes) for kernel in estimate.kernels)


def test_two_devices_have_notes_of_their_own() -> None:
    both = [latencylab.estimate(SMALL, device) for device in ("dolphin_npu", "vs640_npu")]
    notes = notes_of(reporters.load("onnx").render(*both, view=View(model=SMALL)))
    assert {key for key in notes["conv_1"] if key.endswith(".ms")} == {
        "latencylab.dolphin_npu:synap_offline.ms",
        "latencylab.vs640_npu:synap_offline.ms",
    }


def test_without_the_model_there_is_nothing_to_write_into(an_estimate: Estimate) -> None:
    other = replace(an_estimate, model=replace(an_estimate.model, sha256="ef" * 32))
    for estimates, view in (((an_estimate,), View()), ((an_estimate, other), View(model=SMALL))):
        with pytest.raises(ResultError, match="profile MODEL -o"):
            reporters.load("onnx").render(*estimates, view=view)


def test_notes_are_replaced_when_written_again() -> None:
    model = zoo.build("abpn_x3?height=36&width=64")
    once = annotated(model, {"conv_0": {"k": "old", HOSTILE[2]: "kept"}}, {"whole": "1"})
    twice = annotated(once, {"conv_0": {"k": "new"}}, {"whole": "2"})
    assert notes_of(twice)["conv_0"] == {"k": "new", HOSTILE[2]: "kept"}
    assert [entry.value for entry in onnx.ModelProto.FromString(twice).metadata_props] == ["2"]


@pytest.mark.parametrize("name", ["table", "md"])
def test_a_budget_is_judged_in_text_too(name: str, an_estimate: Estimate) -> None:
    text = reporters.load(name).render(an_estimate, view=View(budget_s=0.019)).decode().replace("\\", "")
    assert "budget 19.0 ms: missed (by 1.00 ms)" in text
    assert "budget" not in reporters.load(name).render(an_estimate).decode()
