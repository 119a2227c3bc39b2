"""`latencylab gate` and `baseline` as a CI run sees them: exit codes, the last line, no traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gate_files import SMALL, budget, command, configured, edited, with_baseline, with_model

from latencylab.reporters import _gate

if TYPE_CHECKING:
    from pathlib import Path

COMPARE = '[compare]\nbaseline = "base.json"\n'


def fails(folder: Path, code: int, *words: str, arguments: tuple[str, ...] = ("gate",)) -> None:
    """An error: its exit code, nothing on stdout, one line on stderr that holds the words."""
    done = command(folder, *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert [word for word in words if word not in done.stderr] == []


def test_0_everything_within_its_budget(tmp_path: Path) -> None:
    configured(tmp_path, budget())
    done = command(tmp_path, "gate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("PASSED ")


def test_1_a_budget_is_exceeded_and_the_last_line_says_why(tmp_path: Path) -> None:
    configured(tmp_path, "# the gate\n" + budget(limits="latency_ms = { max = 0.001 }"))
    done = command(tmp_path, "gate")
    last = done.stdout.splitlines()[-1]
    assert (done.returncode, done.stderr) == (1, "")
    assert last.startswith(f"FAILED 1 of 6 checks: {SMALL} on dolphin_npu: latency ")
    assert "exceeds 0.001 ms" in last
    assert "caused by " in last
    assert last.count(" ms)") == 3
    assert last.endswith("edit latencylab.toml:5 budget[0].latency_ms.max")


def test_1_a_slower_network_fails_against_the_baseline(tmp_path: Path) -> None:
    config = configured(tmp_path, budget("models/*.onnx") + COMPARE)
    with_model(tmp_path)
    assert command(tmp_path, "baseline", "update").returncode == 0
    assert command(tmp_path, "gate").returncode == 0
    with_model(tmp_path, "abpn_x3?height=72&width=64")
    done = command(tmp_path, "gate", "--config", str(config))
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 1
    assert "models/net.onnx on dolphin_npu: latency" in last
    assert "slower than the baseline; caused by " in last
    assert "(Conv, grew, +" in last or "(DepthToSpace, grew, +" in last
    assert "edit latencylab.toml:5 compare.latency.max_increase_pct" in last
    assert " ms  conv_1 grew\n" in done.stdout


@pytest.mark.parametrize("name", ["json", "junit"])
def test_a_machine_s_format_stays_whole_and_the_reason_goes_to_stderr(tmp_path: Path, name: str) -> None:
    configured(tmp_path, budget(limits="latency_ms = { max = 0.001 }"))
    done = command(tmp_path, "gate", "--format", name)
    assert done.returncode == 1
    assert done.stderr.startswith("warning: FAILED 1 of 6 checks: ")
    if name == "json":
        assert json.loads(done.stdout)["passed"] is False
    else:
        assert done.stdout.startswith("<?xml")


def test_2_no_configuration(tmp_path: Path) -> None:
    fails(tmp_path, 2, "no latencylab.toml", "[[budget]]")


def test_2_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    fails(tmp_path, 2, "nowhere.toml", arguments=("gate", "--config", "nowhere.toml"))


def test_2_every_mistake_of_a_configuration_at_once(tmp_path: Path) -> None:
    configured(tmp_path, budget(limits="latncy_ms = { max = 1.0 }\ndram_mb = { max = -1 }"))
    fails(
        tmp_path,
        2,
        "latencylab.toml:4: budget[0].latncy_ms: unknown key, did you mean 'latency_ms'?",
        "latencylab.toml:5: budget[0].dram_mb.max: found -1",
    )


def test_2_a_glob_that_matches_nothing(tmp_path: Path) -> None:
    configured(tmp_path, budget("models/*.onnx"))
    fails(tmp_path, 2, "latencylab.toml:2", "budget[0].models[0]", "'models/*.onnx' matches nothing")


def test_2_a_missing_model(tmp_path: Path) -> None:
    configured(tmp_path, budget("models/gone.onnx"))
    fails(tmp_path, 2, "models/gone.onnx", "matches nothing")


def test_2_an_unknown_device_and_an_unknown_zoo_network(tmp_path: Path) -> None:
    configured(tmp_path, budget(device="dolfin_npu"))
    fails(tmp_path, 2, "dolphin_npu")
    configured(tmp_path, budget("zoo:abpm_x3"))
    fails(tmp_path, 2, "abpn_x3")


def test_2_no_baseline(tmp_path: Path) -> None:
    configured(tmp_path, budget() + COMPARE)
    fails(tmp_path, 2, "no baseline base.json", "latencylab baseline update")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<<<<<<< HEAD", "corrupt baseline: not JSON"),
        ("[]", "no schema_version"),
        ('{"schema_version": 99, "entries": {}}', "schema version 99; this latencylab reads 1"),
        ('{"schema_version": 1, "entries": {"x": {}}}', "corrupt baseline: entries.x."),
    ],
)
def test_2_an_unusable_baseline(tmp_path: Path, content: str, words: str) -> None:
    configured(tmp_path, budget() + COMPARE)
    (tmp_path / "base.json").write_text(content)
    fails(tmp_path, 2, "base.json", words, "latencylab baseline update")


def test_2_a_stale_baseline_is_not_compared_with(tmp_path: Path) -> None:
    config = configured(tmp_path, budget() + COMPARE)
    edited(with_baseline(config), cost_model_version="0")
    fails(
        tmp_path, 2, "base.json is stale", "cost model went from version 0", "run: latencylab baseline update"
    )


def test_3_a_model_that_is_none(tmp_path: Path) -> None:
    configured(tmp_path, budget("models/*.onnx"))
    with_model(tmp_path).write_bytes(b"no network")
    fails(tmp_path, 3, "models/net.onnx")


def test_the_nearest_configuration_wins(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "deep" / "down"
    inner.mkdir(parents=True)
    configured(tmp_path, budget(limits="latency_ms = { max = 0.001 }"))
    text = "[tool.other]\n[[tool.latencylab.budget]]\n" + budget().split("\n", 1)[1]
    configured(tmp_path / "project", text, "pyproject.toml")
    configured(inner, "[tool.other]\n", "pyproject.toml")
    assert command(inner, "gate").returncode == 0
    assert command(tmp_path, "gate").returncode == 1


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    configured(tmp_path, budget() + COMPARE)
    assert command(tmp_path, "baseline", "update").stdout == "base.json: 1 estimate, written\n"
    first = (tmp_path / "base.json").read_bytes()
    assert command(tmp_path, "baseline", "update").stdout == "base.json: 1 estimate, unchanged\n"
    assert (tmp_path / "base.json").read_bytes() == first
    files = [argument for name in ("json", "xml", "md", "txt") for argument in ("-o", f"out.{name}")]
    written = []
    for seed in ("0", "1"):
        assert command(tmp_path, "gate", *files, PYTHONHASHSEED=seed).returncode == 0
        written.append([(tmp_path / name).read_bytes() for name in files[1::2]])
    assert written[0] == written[1]


def test_nothing_is_overwritten_in_silence(tmp_path: Path) -> None:
    configured(tmp_path, budget() + COMPARE)
    (tmp_path / "notes.md").write_text("mine")
    (tmp_path / "base.json").write_text("mine")
    fails(tmp_path, 2, "notes.md", "--force", arguments=("gate", "-o", "notes.md"))
    fails(tmp_path, 2, "base.json", "--force", arguments=("baseline", "update"))
    assert command(tmp_path, "baseline", "update", "--force").returncode == 0


def test_a_conflicted_baseline_is_mended_by_an_update(tmp_path: Path) -> None:
    config = configured(tmp_path, budget() + COMPARE)
    path = with_baseline(config)
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    assert command(tmp_path, "gate").returncode == 2
    assert command(tmp_path, "baseline", "update").returncode == 0
    assert command(tmp_path, "gate").returncode == 0


def test_github_gets_annotations_and_a_summary_behind_what_is_there(tmp_path: Path) -> None:
    configured(tmp_path, budget(limits="latency_ms = { max = 0.001 }"))
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n")
    done = command(tmp_path, "gate", "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=latencylab.toml,line=4,title=latencylab gate%3A latency_ms::")
    assert done.stdout.splitlines()[-1].startswith("FAILED 1 of 6 checks: ")
    text = summary.read_text()
    assert text.startswith("# before\n<!-- gate by latencylab -->")
    assert "## Latency gate: failed" in text


def test_annotations_count_their_paths_from_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "sub" / "project"
    inner.mkdir(parents=True)
    configured(inner, budget(limits="latency_ms = { max = 0.001 }"))
    done = command(inner, "gate", "--format", "github", GITHUB_WORKSPACE=str(tmp_path))
    assert done.stdout.startswith("::error file=sub/project/latencylab.toml,line=4,")


def test_the_command_offers_the_formats_there_are() -> None:
    from latencylab.cli import gate

    assert gate._FORMATS == _gate.FORMATS == tuple(_gate.MARKERS)
