"""`latencylab report`: Show saved results, or write them in other formats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._options import output_options, view_options
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from latencylab.result import Estimate


@click.command(name="report")
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="RESULT.json..."
)
@view_options
@output_options
@terminal_options
def command(results: tuple[str, ...], **options: Any) -> None:
    """Show saved results, or write them as FILE; - is stdin. Nothing is estimated again."""
    from latencylab.cli._output import Output
    from latencylab.cli._progress import progress
    from latencylab.reporters import View

    output = Output.asked(options["format_name"], options["outputs"], force=options["force"])
    view = View(
        sort=options["sort"],
        top=options["top"],
        width=terminal().width(),
        color=terminal().uses_color(sys.stdout),
        budget_s=options["budget_s"],
    )
    estimates: list[Estimate] = []
    with progress("reading", len(results)) as begin:
        for name in results:
            begin(f"reading {name}")
            estimates.extend(_load(name))
    output.write(tuple(estimates), view)


def _load(name: str) -> tuple[Estimate, ...]:
    from latencylab import result_json
    from latencylab.errors import InputFileError, ResultError

    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read {name}: {error.strerror}") from error
    try:
        return result_json.loads_all(content)
    except ResultError as error:
        raise ResultError(f"{name}: {error}") from error
