"""Options that commands share which time networks on this machine: how many threads, how long to sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._options import Decorated, all_of

if TYPE_CHECKING:
    from collections.abc import Callable


class ThreadCounts(click.ParamType["tuple[int, ...]"]):
    """`1,2`: one measurement a count."""

    name = "n,n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse the counts, each once."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 4096 for part in parts):
            self.fail(f"{value!r} is not a list of thread counts, e.g. 1,2", param, ctx)
        return tuple(dict.fromkeys(map(int, parts)))


threads_option = click.option(
    "--threads", type=ThreadCounts(), default="1", show_default=True, help="Intra-op threads; 1,2: both."
)


def sampling_options(*, warmups: int, max_seconds: float) -> Callable[[Decorated], Decorated]:
    """Add --warmups, --runs, --seconds and --max-seconds, with these defaults."""
    return all_of(
        click.option(
            "--warmups",
            type=click.IntRange(min=0),
            default=warmups,
            show_default=True,
            help="Runs set apart.",
        ),
        click.option(
            "--runs", type=click.IntRange(min=1), default=20, show_default=True, help="Runs at least."
        ),
        click.option(
            "--seconds", type=click.FloatRange(min=0), default=2.0, show_default=True, help="Time at least."
        ),
        click.option(
            "--max-seconds",
            type=click.FloatRange(min=0),
            default=max_seconds,
            show_default=True,
            help="Time at most.",
        ),
    )
