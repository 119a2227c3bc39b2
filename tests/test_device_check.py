"""`devices check`: names that only other parts of latencylab, or onnx, can know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from device_tables import minimal, sourced, to_toml

from latencylab import device
from latencylab.device.checking import operator_names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"fusion": ["conv_rely"]}, "fusion.conv_rely: unknown fusion rule, did you mean 'conv_relu'?"),
        ({"views": ["Reshap"]}, "views.Reshap: unknown operator, did you mean 'Reshape'?"),
        ({"engine": "simulatr"}, "engine.simulatr: unknown engine, did you mean 'simulator'?"),
        (
            {"operators": minimal()["operators"] | {"Conf": {"*": "cpu"}}},
            "operators.Conf: unknown operator, did you mean 'Conv'?",
        ),
    ],
)
def test_unknown_names(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(minimal() | more))
    assert device.check(path) == (f"{path}: {said}",)


def test_operators_of_rates_are_checked_too(tmp_path: Path) -> None:
    tables = minimal()
    tables["engines"]["cpu"] |= {"element_cycles": {"Resise": sourced(1)}, "efficiency": {"Cov": sourced(1)}}
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(tables))
    assert [fault.split(": ")[1] for fault in device.check(path)] == [
        "engines.cpu.element_cycles.Resise",
        "engines.cpu.efficiency.Cov",
    ]


def test_every_runtime_is_checked_and_each_fault_said_once(tmp_path: Path) -> None:
    low = {"memory": {"dram": {"efficiency": sourced(-1)}}}
    tables = minimal() | {"fusion": ["nothing"], "runtimes": {"a": low, "b": {"title": "b"}}}
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(tables))
    keys = [fault.split(": ")[1] for fault in device.check(path)]
    assert keys == ["runtimes.a.memory.dram.efficiency", "fusion.nothing"]


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
