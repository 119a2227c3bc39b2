"""`latencylab gate`: Check networks against budgets, a baseline and design rules; for CI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._options import report_options
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from latencylab.gating import Verdict

# Written out, so that --help loads no reporter; a test compares.
_FORMATS = ("table", "json", "md", "junit", "github")
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
_ROOT_VARIABLE = "GITHUB_WORKSPACE"


@click.command(name="gate")
@click.option(
    "--config",
    type=click.Path(),
    help="latencylab.toml or pyproject.toml; default: the nearest from here upwards.",
)
@report_options(_FORMATS, ".json, .md, .xml (JUnit) or .txt", "verdicts")
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
    from latencylab.cli._progress import progress
    from latencylab.cli._reports import files_of, write_reports
    from latencylab.reporters import _gate

    files = files_of(options["outputs"], _gate.SUFFIXES, _gate.MARKERS, force=options["force"])
    with progress("checking"):
        verdict = gating.gate(config)
    width, root = terminal().width(), os.environ.get(_ROOT_VARIABLE) or None
    shown = write_reports(
        files, options["format_name"], lambda name: _gate.render(verdict, name, width=width, root=root)
    )
    if shown == "github" and options["summary"]:
        _append_summary(verdict, Path(options["summary"]))
    _tell(verdict, shown)
    return verdict.exit_code


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
