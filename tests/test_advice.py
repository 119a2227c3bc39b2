"""Advice: ranked by what it saves, the sum of nothing but estimates; and the command that gives it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from zoo_running import images
from zoo_running import run as infer

from latencylab import advising, estimate, pipeline, zoo
from latencylab.cli import latencylab
from latencylab.errors import LatencyLabError, UnknownNameError

SMALL = "zoo:abpn_x3?height=72&width=96"
PHONE = "dimensity8100_npu"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(latencylab, arguments, prog_name="latencylab")


def advised(name: str = SMALL, device: str = PHONE, **options: object) -> advising.Advised:
    return advising.weighed(pipeline.read(name), pipeline.load_device(device), **options)  # type: ignore[arg-type]


def test_proposals_are_ranked_by_what_they_save() -> None:
    found = advised()
    savings = [what_if.saves_s for what_if in found.what_ifs]
    assert len(savings) > 2
    assert savings == sorted(savings, reverse=True)
    for what_if in found.what_ifs:
        assert what_if.saves_s == found.latency_s - what_if.latency_s
    assert all(what_if.saves_s > 0 for what_if in found.worthwhile)


@pytest.mark.parametrize("device", [PHONE, "dolphin_npu", "snapdragon888_gpu", "onnxruntime_cpu"])
def test_together_saves_at_least_what_the_best_one_does(device: str) -> None:
    found = advised("zoo:fsrcnn_x3?height=72&width=96", device)
    best_s = max((what_if.saves_s for what_if in found.worthwhile), default=0.0)
    assert found.latency_s - found.combined_s >= best_s * (1 - 1e-9)


def test_advice_is_given_where_it_is_asked_for() -> None:
    assert estimate(SMALL, PHONE).advice == ()
    found = estimate(SMALL, PHONE, advice=True)
    assert found.advice[0].saves_s > 0
    assert {"concat_0", "add_0"} <= set(found.advice[0].nodes)
    assert any("exact" in advice.change for advice in found.advice)


def test_the_same_network_gives_the_same_advice() -> None:
    assert estimate(SMALL, PHONE, advice=True) == estimate(SMALL, PHONE, advice=True)


def test_profile_advises_where_people_read(tmp_path: Path) -> None:
    assert "what to change" in run("profile", SMALL, "-d", PHONE).stdout
    assert "what to change" not in run("profile", SMALL, "-d", PHONE, "--no-advice").stdout
    assert json.loads(run("profile", SMALL, "-d", PHONE, "--format", "json").stdout)["advice"] == []
    assert json.loads(run("profile", SMALL, "-d", PHONE, "--format", "json", "--advice").stdout)["advice"]


def test_the_command_lists_what_saves_time_and_under_v_what_does_not() -> None:
    quiet, loud = run("advise", SMALL, "-d", "dolphin_npu"), run("advise", SMALL, "-d", "dolphin_npu", "-v")
    assert quiet.exit_code == loud.exit_code == 0
    assert len(loud.stdout.splitlines()) > len(quiet.stdout.splitlines())


def test_json_and_markdown() -> None:
    found = json.loads(run("advise", SMALL, "-d", PHONE, "--format", "json").stdout)
    assert {line["preserves"] for line in found["advice"]} <= {"exact", "approximate", "retrain"}
    for line in found["advice"]:
        assert line["saves_ms"] == pytest.approx(found["latency_ms"] - line["latency_ms"])
    assert run("advise", SMALL, "-d", PHONE, "--format", "md").stdout.count("|") > 10


def test_apply_writes_a_faster_file_of_the_same_function(tmp_path: Path) -> None:
    path = tmp_path / "new.onnx"
    result = run("advise", SMALL, "-d", PHONE, "--apply", "-o", str(path))
    assert result.exit_code == 0, result.stderr
    assert "largest difference on random input" in result.stdout
    assert estimate(path, PHONE).latency_s < estimate(SMALL, PHONE).latency_s
    before, after = zoo.build(SMALL.removeprefix("zoo:")), onnx.load(path)
    for first, second in zip(infer(before, images(before)), infer(after, images(before)), strict=True):
        assert np.abs(first - second).max() < 1e-4
    assert run("advise", SMALL, "-d", PHONE, "--apply", "-o", str(path)).exit_code == 2  # it is in the way


@pytest.mark.parametrize(
    "arguments",
    [
        ("--apply",),
        ("-o", "x.onnx"),
        ("--rewrite", "no_such_rewrite"),
        ("--device", "no_such_device"),
        ("--apply", "-o", "x.onnx", "--rewrite", "prelu_to_relu"),
    ],
)
def test_what_cannot_be_done_is_an_error_of_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run("advise", SMALL, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not Path("x.onnx").exists()


def test_an_unknown_rewrite_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="carry_image"):
        advised(rules=("carry_imag",))


def test_a_change_that_needs_retraining_is_not_written() -> None:
    from latencylab.rewrites._applying import applied

    name = "zoo:ecbsr_m4c16_x2?height=24&width=32"
    (what_if,) = advised(name, rules=("prelu_to_relu",)).what_ifs
    with pytest.raises(LatencyLabError, match="does not preserve"):
        applied(zoo.build(name.removeprefix("zoo:")), [what_if.change])


def test_a_condition_on_the_input_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "new.onnx"
    result = run("advise", SMALL, "-d", PHONE, "--rewrite", "carry_image", "--apply", "-o", str(path))
    assert result.exit_code == 0
    assert "only if no value of image is negative" in result.stderr
    assert not {"Add", "Concat"} & {node.op_type for node in onnx.load(path).graph.node}


def test_a_model_comes_from_stdin_too() -> None:
    network = zoo.build(SMALL.removeprefix("zoo:")).SerializeToString()
    arguments = ("-d", PHONE, "--format", "json")
    piped = CliRunner().invoke(latencylab, ["advise", "-", *arguments], input=network, prog_name="latencylab")
    found, named = json.loads(piped.stdout), json.loads(run("advise", SMALL, *arguments).stdout)
    assert found["model"] == "stdin"
    assert found | {"model": ""} == named | {"model": ""}


def test_python_is_given_what_the_command_prints(tmp_path: Path) -> None:
    import latencylab as package

    found = package.advise(SMALL, PHONE, preserving=("exact",))
    printed = json.loads(run("advise", SMALL, "-d", PHONE, "--format", "json").stdout)
    exact = [line for line in printed["advice"] if line["preserves"] == "exact"]
    assert [what_if.change.text for what_if in found.what_ifs] == [line["change"] for line in exact]
    assert found.latency_s == found.base.latency_s
    done = advising.apply(SMALL, found.combined)
    assert estimate(done.model, PHONE).latency_s == found.combined_s


def test_what_earlier_changes_added_is_not_named_as_a_node_of_the_file() -> None:
    found = advised("zoo:abpn_x3", "dolphin_npu:nnapi_2021")
    assert len(found.combined) > 1
    network = pipeline.read("zoo:abpn_x3").graph
    known = {node.name for node in network.nodes} | set(network.tensors)
    assert all(known.issuperset(change.nodes) for change in found.combined)


def test_a_rule_that_pays_only_behind_another_is_found() -> None:
    """Wider maps cost the TP's PReLU more than the skip does; a ReLU comes with the convolution."""
    rules = ("carry_image", "prelu_to_relu")
    found = advised("zoo:ecbsr_m4c16_x2", "dolphin_npu", rules=rules)
    assert all(what_if.saves_s < 0 for what_if in found.by("carry_image"))
    assert [change.rule for change in found.combined] == ["prelu_to_relu", "carry_image"]
