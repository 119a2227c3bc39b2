"""`devices check`: names that only other parts of latencylab, or onnx, can know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from device_tables import minimal, sourced, to_toml

from latencylab import device
from latencylab.device.vocabulary import operator_names
from latencylab.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"fusion": ["conv_bn", "conv_rely"]},
            "fusion.1: found 'conv_rely', expected a fusion rule, did you mean 'conv_relu'?",
        ),
        ({"views": ["Reshap"]}, "views.0: found 'Reshap', expected an operator, did you mean 'Reshape'?"),
        (
            {"engine": "simulatr"},
            "engine: found 'simulatr', expected an engine model, did you mean 'simulator'?",
        ),
        (
            {"operators": minimal()["operators"] | {"Conf": {"*": "cpu"}}},
            "operators.Conf: found 'Conf', expected an operator, did you mean 'Conv'?",
        ),
        (
            {"default_runtime": "fast", "runtimes": {"plain": {"title": "Plain"}}},
            "default_runtime: found 'fast', expected a runtime (one of plain)",
        ),
        (
            {"default_runtime": "x"},
            "default_runtime: found 'x', expected a runtime, of which the profile has none",
        ),
    ],
)
def test_unknown_names(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(minimal() | more))
    assert device.check(path) == (f"{path}: {said}",)


def test_operators_of_rates_are_checked_too(tmp_path: Path) -> None:
    tables = minimal()
    # No rate stands for any other operator.
    rates = {name: sourced(1) for name in ("Resise", "*", "DepthToSpace")}
    tables["engines"]["cpu"] |= {"element_cycles": rates, "efficiency": {"Cov": sourced(1), "*": sourced(1)}}
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(tables))
    assert [fault.split(": ")[1] for fault in device.check(path)] == [
        "engines.cpu.element_cycles.Resise",
        "engines.cpu.element_cycles.*",
        "engines.cpu.efficiency.Cov",
    ]


def test_kernels_of_a_core_are_checked_too(tmp_path: Path) -> None:
    """A misspelt piece of work would cost nothing, in silence."""
    core = {"cycles": {"row_cal": sourced(1), "Add_broadcast": sourced(1)}, "efficiency": {"gem": sourced(1)}}
    own = {"extends": "onnxruntime_cpu", "name": "x", "title": "X", "engines": {"cpu": {"core": core}}}
    path = tmp_path / "x.toml"
    path.write_text(to_toml(own))
    assert [fault.split(": ", 2)[2] for fault in device.check(path)] == [
        "found 'gem', expected a kernel, did you mean 'gemm'?",
        "found 'row_cal', expected a kernel, did you mean 'row_call'?",
    ]


def test_names_are_told_together_with_everything_else_and_by_every_load(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(minimal() | {"titel": "x", "fusion": ["nothing"], "deployment_dtype": "string"}))
    keys = {fault.split(": ")[1] for fault in device.check(path)}
    assert keys == {"titel", "fusion.0", "deployment_dtype"}
    with pytest.raises(ProfileError) as caught:
        device.load(path)
    assert set(str(caught.value).split("; ")) == set(device.check(path))


def test_a_runtime_may_be_spelled(tmp_path: Path) -> None:
    assert device.check("dolphin:nnapi_2021") == ()
    assert (
        "unknown runtime of dolphin_npu 'nnapi_2012'; did you mean" in device.check("dolphin:nnapi_2012")[0]
    )


def test_every_runtime_is_checked_and_each_fault_said_once(tmp_path: Path) -> None:
    low = {"memory": {"dram": {"efficiency": sourced(-1)}}}
    tables = minimal() | {"fusion": ["nothing"], "runtimes": {"a": low, "b": {"title": "b"}}}
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(tables))
    keys = [fault.split(": ")[1] for fault in device.check(path)]
    assert sorted(keys) == ["fusion.0", "runtimes.a.memory.dram.efficiency"]


def test_what_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = [")
    assert len(device.check(path)) == 1
    assert "not valid TOML" in device.check(path)[0]
    assert "no device profile" in device.check(tmp_path / "absent.toml")[0]
    assert "did you mean 'dolphin_npu'" in device.check("dolfin_npu")[0]


def test_operator_names_are_onnx_s_and_ours() -> None:
    assert {
        "Conv",
        "DepthToSpace",
        "NonMaxSuppression",
        "ChannelReplicate",
        "StdAttention",
    } <= operator_names()
