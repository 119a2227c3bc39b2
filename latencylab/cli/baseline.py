"""`latencylab baseline`: Keep predicted latencies in the repository, for the gate to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from latencylab import units
from latencylab.cli._terminal import terminal_options

if TYPE_CHECKING:
    from pathlib import Path


@click.group(name="baseline")
def command() -> None:
    """Keep predicted latencies in the repository, for the gate to compare with."""


@command.command(name="update")
@click.option(
    "--config",
    type=click.Path(),
    help="latencylab.toml or pyproject.toml; default: the nearest from here upwards.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is no baseline of latencylab.")
@terminal_options
def update(config: str | None, *, force: bool) -> None:
    """Price everything the budgets name and write the baseline.

    Commit it together with the change that explains it.
    """
    from latencylab import gating
    from latencylab.cli._output import check_writable, write_atomically
    from latencylab.cli._progress import progress
    from latencylab.gating import baseline
    from latencylab.gating.loading import shown_path

    with progress("pricing"):
        path, content = gating.new_baseline(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path, marker=baseline.MARKER, force=force)
    is_same = path.is_file() and path.read_bytes() == content
    if not is_same:
        write_atomically(path, content)
    click.echo(f"{shown_path(path)}: {_count(path)}, {'unchanged' if is_same else 'written'}")


def _count(path: Path) -> str:
    from latencylab.gating import baseline

    return units.counted(len(baseline.load(path, str(path))), "estimate")
