"""What ships for CI: the example repository, the composite action, the pre-commit hook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_files import command

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "super_resolution"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "repository"))


# --- the example repository


def test_its_gate_fails_on_purpose_and_says_why(example: Path) -> None:
    done = command(example, "gate")
    assert (done.returncode, done.stderr) == (1, "")
    last = done.stdout.splitlines()[-1]
    assert "models/resize_first_x3.onnx on dolphin_npu: latency " in last
    assert "exceeds 33.3 ms; caused by resize_0 (Resize, " in last
    assert re.search(r"edit latencylab\.toml:(\d+) budget\[0\]\.latency_ms\.max", last)
    assert "breaks rule no_resize" in done.stdout
    assert "models/plain_x3.onnx on dolphin_npu" not in last


def test_it_passes_without_the_network_that_breaks_the_promise(example: Path) -> None:
    (example / "models" / "resize_first_x3.onnx").unlink()
    assert command(example, "gate").returncode == 0


def test_a_baseline_guards_what_passes(example: Path) -> None:
    """The faulty network is replaced by one that keeps the promise; then a change slows it."""
    models = example / "models"
    shutil.copy(models / "plain_x3.onnx", models / "resize_first_x3.onnx")
    with (example / "latencylab.toml").open("a") as file:
        file.write("\n[compare]\n")
    assert command(example, "baseline", "update").returncode == 0
    assert command(example, "gate").returncode == 0
    slower = ("zoo", "build", "etds_l_x3", "-o", str(models / "plain_x3.onnx"), "--force")
    assert command(example, *slower).returncode == 0
    last = command(example, "gate").stdout.splitlines()[-1]
    assert last.startswith("FAILED 1 of ")
    assert "models/plain_x3.onnx on dolphin_npu: latency" in last
    assert "slower than the baseline; caused by" in last


def test_its_workflow_runs_the_gate() -> None:
    workflow = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "latency.yml").read_text())
    scripts = [step.get("run", "") for step in workflow["jobs"]["gate"]["steps"]]
    assert "latencylab gate --format github" in scripts


# --- the action


def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return loaded


def test_inputs_reach_scripts_only_through_the_environment() -> None:
    steps = action()["runs"]["steps"]
    assert [step for step in steps if "${{" in step["run"]] == []
    assert all(step["shell"] == "bash" for step in steps)
    passed = {value for step in steps for value in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in action()["inputs"]} <= passed


def gate_step(folder: Path, **inputs: str) -> list[str]:
    """Run the action's script with a program that writes down its arguments in place of ours."""
    program = folder / "home" / "bin" / "latencylab"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/arguments\n')
    program.chmod(0o755)
    (step,) = (step for step in action()["runs"]["steps"] if step["name"] == "Gate")
    empty = dict.fromkeys(step["env"], "")
    environment = {**os.environ, **empty, "LATENCYLAB_HOME": str(folder / "home"), **inputs}
    subprocess.run(["bash", "-c", step["run"]], cwd=folder, env=environment, check=True)
    return (folder / "arguments").read_text().splitlines()


def test_the_action_calls_the_gate_with_what_was_asked(tmp_path: Path) -> None:
    assert gate_step(tmp_path, LATENCYLAB_FOLDER=".") == ["gate", "--format", "github"]


def test_an_input_is_text_whatever_it_holds(tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/pwned)`touch {tmp_path}/pwned`; touch {tmp_path}/pwned; --force"
    (tmp_path / "a folder").mkdir()
    inputs = {"LATENCYLAB_CONFIG": hostile, "LATENCYLAB_JUNIT": "--force", "LATENCYLAB_FOLDER": "a folder"}
    assert gate_step(tmp_path, **inputs)[3:] == [f"--config={hostile}", "--output=--force"]
    assert not (tmp_path / "pwned").exists()


def test_the_installed_command_takes_the_action_s_options(example: Path) -> None:
    done = command(example, "gate", "--format", "github", "--config=latencylab.toml", "--output=out.xml")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=latencylab.toml,line=")
    assert (example / "out.xml").read_bytes().startswith(b"<?xml")


# --- the hook


def test_the_hook_names_a_command_and_files_that_matter() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert hook["pass_filenames"] is False
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *hook["entry"].split()[1:], "--help"],
        capture_output=True,
        check=True,
    )
    assert b"budgets" in done.stdout
    files = re.compile(hook["files"])
    watched = ("models/a.onnx", "latencylab.toml", "sub/pyproject.toml", ".latencylab/baseline.json")
    assert all(files.search(name) for name in watched)
    assert not any(files.search(name) for name in ("README.md", "notlatencylab.toml", "a.onnx.txt"))
