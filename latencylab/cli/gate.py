"""`latencylab gate`: Check networks against budgets, a baseline and design rules; for CI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from latencylab.gating import Verdict

# Written out, so that --help loads no reporter; a test compares.
_FORMATS = ("table", "json", "md", "junit", "github")
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


@click.command(name="gate")
@click.option(
    "--config",
    type=click.Path(),
    help="latencylab.toml or pyproject.toml; default: the nearest from here upwards.",
)
@click.option(
    "--format", "format_name", type=click.Choice(_FORMATS), help="Format on stdout; default: table."
)
@click.option(
    "-o", "--output", "outputs", multiple=True, help="Write .json, .md, .xml (JUnit) or .txt. Repeatable."
)
@click.option("--force", is_flag=True, help="Overwrite files that are not verdicts of latencylab.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False),
    envvar=_SUMMARY_VARIABLE,
    show_envvar=True,
    help="Append a step summary in Markdown to this file; only with --format github.",
)
@terminal_options
def command(config: str | None, **options: Any) -> int:
    """Check networks against budgets, a baseline and design rules, as the configuration says.

    Exits with 1 where a check of level error failed; the last line says why. docs/gate.md explains the file.
    """
    from latencylab import gating

    files = _files(options["outputs"], force=options["force"])
    shown = options["format_name"] or (None if files else "table")
    verdict = gating.gate(config)
    _write(verdict, files, shown)
    if shown == "github" and options["summary"]:
        _append_summary(verdict, Path(options["summary"]))
    _tell(verdict, shown)
    return verdict.exit_code


def _files(outputs: tuple[str, ...], *, force: bool) -> tuple[tuple[Path, str], ...]:
    """Check the files before any work is done: path and format, by suffix."""
    from latencylab.cli._output import check_writable
    from latencylab.errors import UnknownNameError
    from latencylab.reporters._gate import MARKERS, SUFFIXES

    files = []
    for path in map(Path, outputs):
        format_name = SUFFIXES.get(path.suffix.lower())
        if format_name is None:
            raise UnknownNameError("file suffix of", path.name, SUFFIXES)
        check_writable(path, marker=MARKERS[format_name], force=force)
        files.append((path, format_name))
    return tuple(files)


def _write(verdict: Verdict, files: tuple[tuple[Path, str], ...], shown: str | None) -> None:
    from latencylab.cli._output import write_atomically, write_stdout
    from latencylab.reporters._gate import render

    for path, format_name in files:
        write_atomically(path, render(verdict, format_name))
        terminal().note(f"wrote {path}")
    if shown:
        write_stdout(render(verdict, shown, width=terminal().width()))


def _append_summary(verdict: Verdict, path: Path) -> None:
    """Add to what earlier commands of the step wrote; all of it together must fit."""
    from latencylab.reporters._gate import MARKERS
    from latencylab.reporters._gate.github import step_summary
    from latencylab.units import BYTES_PER_MIB

    used = path.stat().st_size if path.is_file() else 0
    summary = step_summary(verdict, MARKERS["md"].decode(), BYTES_PER_MIB - used)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "ab") as file:
        file.write(summary)


def _tell(verdict: Verdict, shown: str | None) -> None:
    """Where stdout is for a program, or silent, stderr says why it failed."""
    if not verdict.passed and shown not in {"table", "md", "github"}:
        terminal().warn(verdict.last_line)
