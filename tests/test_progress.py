"""Progress: on stderr, only on a terminal, only where something takes long, and gone when it is done."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import run

from latencylab.cli import _output, _progress, _reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.result import Estimate

ROOT = Path(__file__).parents[1]
SMALL = ("zoo:abpn_x3?height=24&width=32", "zoo:espcn_x3?height=24&width=32")
# A command of three steps, in a process whose stderr is a terminal.
PROGRAM = """
import sys, time, click
from latencylab.cli import _progress
from latencylab.cli._terminal import terminal_options
_progress._PATIENCE_S = float(sys.argv.pop(1))
@click.command
@terminal_options
def command():
    with _progress.progress("reading", 3) as begin:
        for name in ("first", "[bold]sec\\x1bond", "third"):
            begin(name)
            time.sleep(0.25)
    print("the result")
    print("rich" in sys.modules)
command()
"""


def on_a_terminal(patience_s: float, *options: str) -> tuple[str, str]:
    """What PROGRAM writes to stdout, and to the terminal that is its stderr."""
    ours, theirs = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(patience_s), *options],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        text=True,
    )
    os.set_blocking(ours, False)
    try:
        seen = os.read(ours, 1 << 16).decode()
    except BlockingIOError:
        seen = ""
    os.close(theirs)
    os.close(ours)
    return done.stdout, seen


def test_what_takes_long_is_counted_on_the_terminal_and_taken_away() -> None:
    stdout, seen = on_a_terminal(0.0)
    assert stdout == "the result\nTrue\n"
    assert "third" in seen
    assert "2/3" in seen
    assert "[bold]sec\\x1bond" in seen, "a name is neither markup nor a command to the terminal"
    assert seen.rindex("\x1b[2K") > seen.rindex("third"), "the line is erased at the end"


def test_what_is_quick_shows_nothing_and_loads_nothing() -> None:
    assert on_a_terminal(60.0) == ("the result\nFalse\n", "")


def test_quiet_means_quiet() -> None:
    assert on_a_terminal(0.0, "--quiet") == ("the result\nFalse\n", "")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that commands give to the progress, in order."""
    texts: list[str] = []

    @contextmanager
    def recorded(what: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
        steps = len(texts)
        texts.append(what)
        yield texts.append
        assert total is None or len(texts) - steps - 1 <= total, "more steps than were announced"

    for module in (_progress, _output, _reports):
        monkeypatch.setattr(module, "progress", recorded)
    return texts


def test_profile_names_each_model_on_each_device_and_each_file(told: list[str], tmp_path: Path) -> None:
    devices = ("--device", "dolphin_npu", "--device", "vs640_npu")
    assert run("profile", *SMALL, *devices, "-o", str(tmp_path / "a.html")).exit_code == 0
    assert [text for text in told if " on " in text] == [
        f"{model.removeprefix('zoo:')} on {device}" for model in SMALL for device in devices[1::2]
    ]
    assert f"writing {tmp_path / 'a.html'}" in told


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("rank", *SMALL), "ranking 2 networks"),
        (("compare", *SMALL), "comparing"),
        (("advise", SMALL[0]), f"trying changes of {SMALL[0]}"),
        (("metanodes", "--engine", "roofline"), "pricing"),
    ],
)
def test_whatever_may_take_long_says_so(told: list[str], arguments: tuple[str, ...], expected: str) -> None:
    assert run(*arguments).exit_code == 0
    assert told[0] == expected


def test_report_names_what_it_reads(told: list[str], tmp_path: Path, an_estimate: Estimate) -> None:
    saved = tmp_path / "result.json"
    saved.write_text(an_estimate.to_json())
    assert run("report", str(saved)).exit_code == 0
    assert f"reading {saved}" in told


def test_gate_and_baseline_say_that_they_are_at_work(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latencylab.toml").write_text(
        f'[[budget]]\nmodels = ["{SMALL[0]}"]\ndevice = "dolphin_npu"\nlatency_ms = {{ max = 1000 }}\n'
        '[compare]\nbaseline = "baseline.json"\n'
    )
    assert run("baseline", "update").exit_code == 0
    assert run("gate").exit_code == 0
    assert [text for text in told if not text.startswith("writing")] == ["pricing", "checking"]
