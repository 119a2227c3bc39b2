"""The command line: stdout is the result, stderr one line, the exit code what INTERFACE says."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from command_line import ROOT, failing, in_a_process, run

from latencylab import plugins
from latencylab.cli import latencylab
from latencylab.cli._failures import BROKEN_PIPE, INTERNAL
from latencylab.result import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model

SMALL = "zoo:abpn_x3?height=36&width=64"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "mine.onnx"
    sizes = ("--height", "36", "--width", "64")
    assert run("zoo", "build", "abpn_x3", *sizes, "-o", str(path)).exit_code == 0
    return path


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command of the tree that does something."""
    context = click.Context(group)
    found: dict[tuple[str, ...], click.Command] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= leaves(command, (*path, name))
        else:
            found[(*path, name)] = command
    return found


COMMANDS = leaves(latencylab)


def test_help_lists_every_command_and_the_exit_codes() -> None:
    text = run("--help").stdout
    for name in plugins.names("cli"):
        assert f"\n  {name.replace('_', '-')} " in text
    for code in ("0  fine", "1  the gate failed", "2  usage", "3  a model was read"):
        assert code in text


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_its_options(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert {"verbose", "quiet", "color"} <= {option.name for option in options}
    assert run(*path, "--help").exit_code == 0


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [
        path
        for path in COMMANDS
        if not re.search(rf"\b{path[0]}\b.*\b{path[-1]}\b|latencylab {path[0]} ", text)
    ] == []


def test_version_is_the_package_s() -> None:
    from latencylab import __version__

    assert run("--version").stdout == f"latencylab {__version__}\n"


# --- profile


def test_profile_prints_a_table_and_nothing_else() -> None:
    result = run("profile", SMALL)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "90 % interval" in result.stdout
    assert "abpn_x3?height=36&width=64 on dolphin_npu" in result.stdout


def test_json_of_the_command_is_the_estimate_of_the_function(model_file: Path) -> None:
    from latencylab import estimate

    result = run("profile", str(model_file), "--format", "json", "--engine", "roofline", "--layout", "nhwc")
    assert Estimate.from_json(result.stdout) == estimate(model_file, engine="roofline", layout="nhwc")
    assert Estimate.from_json(result.stdout).model.name == "mine"


def test_a_model_comes_by_path_from_stdin_or_from_memory(model_file: Path) -> None:
    import onnx

    from latencylab import estimate

    piped = run("profile", "-", "--format", "json", stdin=model_file.read_bytes())
    latency_ms = json.loads(piped.stdout)["latency_ms"]
    assert latency_ms > 0
    for model in (str(model_file), model_file, model_file.read_bytes(), onnx.load(model_file)):
        assert estimate(model).latency_s * 1e3 == pytest.approx(latency_ms)


def test_models_times_devices_give_a_result_each() -> None:
    other = SMALL.replace("abpn_x3", "espcn_x3")
    result = run(
        *("profile", SMALL, other, "-d", "dolphin_npu", "-d", "vs640_npu", "-d", "dolphin_npu"),
        *("--format", "json", "-q"),
    )
    found = [(item["model"]["name"], item["device"]["name"]) for item in json.loads(result.stdout)]
    names = [SMALL.removeprefix("zoo:"), other.removeprefix("zoo:")]
    assert found == [(name, device) for name in names for device in ("dolphin_npu", "vs640_npu")]


def test_a_runtime_is_named_with_the_device() -> None:
    result = run("profile", SMALL, "-d", "dolphin_npu:nnapi_2021", "--format", "json", "-q")
    assert json.loads(result.stdout)["device"]["runtime"] == "nnapi_2021"


def test_shapes_are_bound_by_option(tmp_path: Path) -> None:
    path = tmp_path / "free.onnx"
    path.write_bytes(_relu_of_free_shape())
    code, line = failing("profile", str(path))
    assert code == 3
    assert "--dim H=360" in line
    bound = run("profile", str(path), "--dim", "H=8", "--dim", "W=8", "--format", "json")
    shaped = run("profile", str(path), "--shape", "x=1,3,8,8", "--format", "json")
    assert json.loads(bound.stdout)["model"]["inputs"] == [
        {"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32"}
    ]
    assert json.loads(shaped.stdout)["latency_ms"] == json.loads(bound.stdout)["latency_ms"]


def test_the_declared_type_is_said() -> None:
    result = json.loads(run("profile", SMALL, "--format", "json").stdout)
    assert any("priced in uint8" in sentence for sentence in result["assumptions"])
    literal = json.loads(run("profile", SMALL, "--dtype", "float32", "--format", "json", "-q").stdout)
    assert literal["dtype"] == "float32"
    assert literal["latency_ms"] > result["latency_ms"]


def test_explain_fusion_tells_what_was_fused() -> None:
    shown = run("profile", SMALL, "--explain-fusion")
    assert "conv_0 + relu" in shown.stdout
    machine = run("profile", SMALL, "--explain-fusion", "--format", "json")
    assert "conv_0 + relu" in machine.stderr
    assert json.loads(machine.stdout)["schema_version"] == 1


def test_an_unpriced_operator_is_loud_and_strict_refuses_it(tmp_path: Path) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(_unknown_operator())
    result = run("profile", str(path))
    assert result.exit_code == 0
    assert "UNPRICED Mystery ×1" in result.stdout
    machine = run("profile", str(path), "--format", "json")
    assert [item["op_type"] for item in json.loads(machine.stdout)["unpriced"]] == ["Mystery"]
    assert "UNPRICED Mystery" in machine.stderr
    assert run("profile", str(path), "--format", "json", "-q").stderr == ""
    assert failing("profile", str(path), "--strict")[0] == 3


# --- failures


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("profile",), 2, "Missing argument"),
        (("profile", "none.onnx"), 2, "cannot read none.onnx"),
        (("profile", "."), 2, "cannot read"),
        (("profile", "zoo:abpn_x33"), 2, "did you mean 'abpn_x3'"),
        (("profile", SMALL, "--device", "dolphin_npuu"), 2, "did you mean 'dolphin_npu'"),
        (("profile", SMALL, "--device", "none.toml"), 2, "none.toml"),
        (("profile", SMALL, "--engine", "roofin"), 2, "did you mean 'roofline'"),
        (("profile", SMALL, "--format", "jsn"), 2, "did you mean 'json'"),
        (("profile", SMALL, "--dtype", "uint88"), 2, "did you mean 'uint8'"),
        (("profile", SMALL, "--layout", "chwn"), 2, "nhwc"),
        (("profile", SMALL, "-o", "page.doc"), 2, "file suffix"),
        (("profile", SMALL, "-o", "no/such/page.md"), 2, "there is no folder"),
        (("profile", SMALL, "-o", "."), 2, "irectory"),
        (("profile", SMALL, "--dim", "H"), 2, "H=360"),
        (("profile", SMALL, "--dim", "H=1", "--dim", "H=2"), 2, "given twice"),
        (("profile", SMALL, "--shape", "x=a,b"), 2, "input=1,3,360,640"),
        (("profile", SMALL, "--top", "0"), 2, "--top"),
        (("profile", SMALL, "--fromat", "json"), 2, "--format"),
        (("profil", SMALL), 2, "did you mean 'profile'"),
        (("devices", "show", "dolphin"), 0, ""),
        (("zoo", "build", "abpn_x3", "--set", "blocks"), 2, "OPTION=VALUE"),
        (("report", "none.json"), 2, "none.json"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if code == 0:
        assert run(*arguments).exit_code == 0
    else:
        found, line = failing(*arguments)
        assert (found, said in line) == (code, True), line
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_none_is_refused_with_3(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mevil\nname.onnx"
    path.write_bytes(b"\x00\x01 no model")
    code, line = failing("profile", str(path))
    assert code == 3
    assert "\x1b" not in line


def test_a_name_of_10_kilobytes_is_shortened() -> None:
    code, line = failing("profile", "x" * 10_000)
    assert code == 2
    assert len(line) < 1100


def test_vv_shows_the_traceback_and_still_the_line() -> None:
    result = run("profile", "none.onnx", "-vv")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: cannot read none.onnx")


def test_a_fault_of_ours_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    from latencylab import pipeline

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(pipeline, "read", broken)
    code, line = failing("profile", SMALL)
    assert code == INTERNAL
    assert "fault of latencylab: ZeroDivisionError: oops" in line


def test_nothing_is_written_when_one_of_several_models_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    assert failing("profile", SMALL, str(broken), "-o", str(page))[0] == 3
    assert not page.exists()


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    from latencylab import pipeline

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "read", interrupted)
    result = run("profile", SMALL)
    assert result.exit_code == 130
    assert result.stderr.strip() == "error: interrupted"


@pytest.mark.parametrize("arguments", [("zoo", "list"), ("--help",), ("devices", "list")])
def test_a_broken_pipe_is_quiet(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, str(ROOT / "cli.py"), *arguments]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    finally:
        os.close(write)
    assert done.stderr == b""
    assert done.returncode == BROKEN_PIPE


# --- files


def test_files_take_their_format_from_the_suffix(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("a.json", "b.csv", "c.md", "d.txt")]
    outputs = [argument for name in names for argument in ("-o", str(name))]
    result = run("profile", SMALL, *outputs)
    assert (result.exit_code, result.stdout) == (0, "")
    starts = [name.read_text()[:9] for name in names]
    assert starts == ['{\n  "advi', "model,dev", "<!-- repo", "abpn_x3?h"]
    assert sorted(tmp_path.iterdir()) == names


def test_a_format_beside_a_file_goes_to_stdout(tmp_path: Path) -> None:
    result = run("profile", SMALL, "--format", "json", "-o", str(tmp_path / "a.md"))
    assert json.loads(result.stdout)["schema_version"] == 1


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.md", "a.txt"])
def test_our_own_report_is_overwritten_and_nothing_else(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert run("profile", SMALL, "-o", str(path)).exit_code == 0
    first = path.read_bytes()
    assert run("profile", SMALL, "-o", str(path)).exit_code == 0
    assert path.read_bytes() == first
    path.write_text("my own notes on latencylab")
    code, line = failing("profile", SMALL, "-o", str(path))
    assert (code, "--force" in line) == (2, True)
    assert path.read_text() == "my own notes on latencylab"
    assert run("profile", SMALL, "-o", str(path), "--force").exit_code == 0
    assert path.read_bytes() == first


def test_a_written_file_has_the_permissions_of_a_new_one(tmp_path: Path) -> None:
    plain, written = tmp_path / "plain", tmp_path / "a.md"
    plain.touch()
    assert run("profile", SMALL, "-o", str(written)).exit_code == 0
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target.md", tmp_path / "link.md"
    target.touch()
    link.symlink_to(target)
    assert run("profile", SMALL, "-o", str(link)).exit_code == 0
    assert link.is_symlink()
    assert target.stat().st_size > 0


def test_a_device_file_stays_what_it_is(tmp_path: Path) -> None:
    link = tmp_path / "null.md"
    link.symlink_to("/dev/null")
    assert run("profile", SMALL, "-o", str(link)).exit_code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# --- the other commands


def test_report_shows_a_saved_result_in_another_format(tmp_path: Path) -> None:
    saved = tmp_path / "result.json"
    assert run("profile", SMALL, "-o", str(saved), "--advice").exit_code == 0
    assert run("report", str(saved), "--format", "json").stdout == saved.read_text()
    assert run("report", str(saved)).stdout == run("profile", SMALL).stdout
    assert run("report", "-", "--format", "json", stdin=saved.read_bytes()).stdout == saved.read_text()
    assert run("report", str(saved), "-o", str(tmp_path / "page.csv")).exit_code == 0
    assert (tmp_path / "page.csv").read_text().startswith("model,device,")


def test_report_refuses_what_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text('{"schema_version": 7}')
    code, line = failing("report", str(path))
    assert (code, "schema version 7" in line, "foreign.json" in line) == (2, True, True)


def test_metanodes_is_a_row_a_node() -> None:
    from latencylab import zoo

    table = run("metanodes", "--device", "vs640_npu")
    assert table.exit_code == 0
    results = json.loads(run("metanodes", "-d", "vs640_npu", "--format", "json", "-q").stdout)
    assert [item["model"]["name"] for item in results] == list(zoo.metanode_names())
    assert all(item["latency_ms"] > 0 for item in results)
    assert all(item["model"]["name"] in table.stdout for item in results)


def test_metanodes_are_timed_here_until_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    from test_measurement import MEASUREMENT

    from latencylab import timing, zoo

    asked: list[str] = []

    def timed(source: str, network: Model) -> Iterator[Measurement]:
        asked.append(source)
        yield replace(MEASUREMENT, model_name=network.graph.name, is_interrupted=len(asked) == 3)

    monkeypatch.setattr(timing, "measure_model", timed)
    result = run("metanodes", "--measure", "--format", "json")
    assert result.exit_code == 130
    assert asked == [f"zoo:{name}" for name in zoo.metanode_names()[:3]]
    rows = json.loads(result.stdout)
    assert [f"zoo:{row['meta_node']}" for row in rows] == asked
    assert all(row["min_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows)


@pytest.mark.parametrize("option", [("--format", "md"), ("-o", "x.json"), ("--dtype", "uint8")])
def test_metanodes_timed_here_take_no_option_of_a_prediction(option: tuple[str, str]) -> None:
    code, line = failing("metanodes", "--measure", *option)
    assert code == 2
    assert "--measure times the networks as they are" in line


@pytest.mark.parametrize("arguments", [(), ("devices",), ("zoo",)])
def test_a_group_without_a_command_shows_its_help(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == run(*arguments, "--help").stdout


def test_a_result_may_go_to_dev_stdout() -> None:
    zoo = in_a_process("zoo", "build", "xlsr_x3", "-o", "/dev/stdout")
    assert zoo.returncode == 0
    assert len(zoo.stdout) > 10_000


def test_devices_list_names_all_with_their_rates() -> None:
    from latencylab import device

    text = run("devices", "list").stdout
    rows = json.loads(run("devices", "list", "--format", "json").stdout)
    assert [row["name"] for row in rows] == list(device.names())
    assert all(row["name"] in text and row["peak_tops"] > 0 for row in rows)


def test_devices_show_prints_derived_figures_and_every_source() -> None:
    from latencylab import device

    text = run("devices", "show", "dolphin_npu").stdout
    assert "TOPS in uint8" in text
    assert "ridge point" in text
    assert "% assumed" in text
    for path in device.load("dolphin_npu").parameters():
        assert path in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "arguments", ["devices show dolphin_npu", "devices show onnxruntime_cpu", "devices list"]
)
def test_lists_fit_the_terminal_and_lose_nothing(arguments: str, width: int) -> None:
    narrow, wide = (run(*arguments.split(), COLUMNS=str(columns)).stdout for columns in (width, 10_000))
    assert max(map(len, narrow.splitlines())) <= width
    # Wrapped or below its row, every word is there; only dashes, under headers or for nothing, are fewer.
    found, wanted = (
        Counter(word.removesuffix(":") for word in text.split() if set(word) != {"-"})
        for text in (narrow, wide)
    )
    assert wanted - found == Counter()


def test_devices_show_says_what_runs_where_and_states_values_whole(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    size = 'size_bytes = { value = 1048577, provenance = "assumed", source = "odd" }'
    path.write_text(f'extends = "dolphin_npu"\nname = "mine"\ntitle = "Mine"\n[memory.scratchpad]\n{size}\n')
    text = run("devices", "show", str(path)).stdout
    assert "1048577" in text
    assert "nn: Conv, ConvTranspose, Add" in text
    assert "as memory.dram.efficiency" in text


def test_devices_check_tells_a_design_rule_that_nobody_checks(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rule = '[[rules]]\nid = "no_flaot"\nlevel = "warn"\nreason = "x"\n'
    path.write_text(f'extends = "dolphin_npu"\nname = "mine"\ntitle = "Mine"\n{rule}')
    result = run("devices", "check", str(path))
    assert result.exit_code == 2
    assert "rules.0.id: found 'no_flaot', expected a design rule, did you mean 'no_float'?" in result.stdout


def test_devices_check_passes_the_shipped_and_lists_the_faults_of_others(tmp_path: Path) -> None:
    assert run("devices", "check").exit_code == 0
    path = tmp_path / "bad.toml"
    path.write_text('extends = "dolphin_npu"\nname = "bad"\ntitle = "Bad"\nno_such_key = 1\nfusion = ["x"]\n')
    result = run("devices", "check", str(path))
    assert result.exit_code == 2
    assert "no_such_key" in result.stdout
    assert result.stderr.count("\n") == 1


def test_zoo_list_names_what_profile_takes() -> None:
    from latencylab import zoo

    assert run("zoo", "list", "--format", "names").stdout.split() == list(zoo.names())
    assert [row["name"] for row in json.loads(run("zoo", "list", "--format", "json").stdout)] == list(
        zoo.names()
    )
    header, _, *lines = run("zoo", "list", COLUMNS="160").stdout.splitlines()
    assert header.split()[:2] == ["name", "parameters"]
    assert [line.split()[0] for line in lines] == list(zoo.names())


def test_an_unknown_network_is_answered_with_the_nearest_or_the_list() -> None:
    assert "did you mean 'abpn_x3'?" in run("profile", "zoo:abpnx3").stderr
    assert "`latencylab zoo list` shows all" in run("profile", "zoo:qqq").stderr


def test_zoo_build_writes_a_model_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = ("--height", "18", "--width", "32")
    built = run("zoo", "build", "espcn_x3", *sizes)
    assert (built.exit_code, built.stderr) == (0, "note: wrote espcn_x3.onnx\n")
    shape = json.loads(run("profile", "espcn_x3.onnx", "--format", "json", "-q").stdout)["model"]["inputs"][
        0
    ]["shape"]
    assert shape == [1, 3, 18, 32]
    assert failing("zoo", "build", "espcn_x3", *sizes)[0] == 2
    assert run("zoo", "build", "espcn_x3", *sizes, "--force").exit_code == 0


# --- terminal


@pytest.mark.parametrize(
    ("options", "environment", "colored"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_resolved_once(
    options: tuple[str, ...], environment: dict[str, str], colored: bool
) -> None:
    result = run("profile", SMALL, *options, **environment)
    assert ("\x1b[" in result.stdout) is colored
    failed = run("profile", "none.onnx", *options, **environment)
    assert ("\x1b[" in failed.stderr) is colored


def test_output_is_utf8_whatever_the_locale() -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = in_a_process("profile", SMALL, env=environment)
    assert done.returncode == 0
    assert "×" in done.stdout.decode("utf-8")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("latencylab prof", "profile"),
        ("latencylab profile zoo:abpn_m6", "zoo:abpn_m6c40_x3"),
        ("latencylab profile m.onnx --device vs6", "vs640_npu"),
        ("latencylab profile m.onnx --format j", "json"),
        ("latencylab profile m.onnx --engine roo", "roofline"),
        ("latencylab zoo build abpn_x", "abpn_x3"),
    ],
)
def test_the_shell_completes_names(words: str, offered: str) -> None:
    count = str(len(words.split()) - 1)
    result = run(_LATENCYLAB_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    assert offered in [line.partition(",")[2] for line in result.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("latencylab profile zoo:xlsr_x", ["xlsr_x2", "xlsr_x3", "xlsr_x4"]),
        ("latencylab profile m.onnx --device dolphin_npu:nnapi_o", ["nnapi_online"]),
        ("latencylab profile m.onnx --device=dolphin_npu:syn", ["synap_offline"]),
        ("latencylab profile -d dolp", ["dolphin_npu"]),
        ("latencylab profile -d mobile_g", ["mobile_gpu"]),
        ("latencylab profile --format js", ["json"]),
        ("latencylab devices sh", ["show"]),
        ("latencylab zoo build xlsr_x", ["xlsr_x2", "xlsr_x3", "xlsr_x4"]),
    ],
)
def test_bash_replaces_only_what_stands_behind_the_last_colon(
    tmp_path: Path, line: str, replies: list[str]
) -> None:
    """As bash calls the function: its own words end at colons, and the reply takes the place of the last."""
    program = tmp_path / "latencylab"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "cli.py"}" "$@"\n')
    program.chmod(0o755)
    script = f"""
        compopt() {{ :; }}
        eval "$(_LATENCYLAB_COMPLETE=bash_source latencylab)"
        COMP_LINE="{line}" COMP_POINT={len(line)} COMP_WORDBREAKS=" =:"
        _latencylab_completion latencylab
        printf "%s\\n" "${{COMPREPLY[@]}}"
    """
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == replies, done.stderr


def _relu_of_free_shape() -> bytes:
    from onnx import TensorProto, helper

    node = helper.make_node("Relu", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "H", "W"]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    data: bytes = helper.make_model(graph).SerializeToString()
    return data


def _unknown_operator() -> bytes:
    from onnx import TensorProto, helper

    node = helper.make_node("Mystery", ["x"], ["y"], domain="acme.ops")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("acme.ops", 1)]
    data: bytes = helper.make_model(graph, opset_imports=opsets).SerializeToString()
    return data
