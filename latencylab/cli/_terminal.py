"""The terminal: how much to say, whether in colour. Resolved once, carried in click's context."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from latencylab.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_Decorated = TypeVar("_Decorated", bound="Callable[..., Any]")

# Where no terminal says otherwise: wide enough for every column of the table.
_WIDTH_WITHOUT_TERMINAL = 160


class Terminal:
    """What the user asked of the terminal. verbosity: -1 quiet, 0 warnings, 1 notes, 2 tracebacks as well."""

    __slots__ = ("color", "verbosity")

    def __init__(self) -> None:
        self.verbosity = 0
        self.color = "auto"

    def uses_color(self, stream: TextIO) -> bool:
        """Decide for a stream: --color, else NO_COLOR, else FORCE_COLOR, else whether it is a terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")

    def width(self) -> int:
        """Return the columns of stdout's terminal, or COLUMNS, or 160 where the output goes elsewhere."""
        if os.environ.get("COLUMNS", "").isdigit():
            return max(40, int(os.environ["COLUMNS"]))
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        # A terminal that nobody gave a size (docker, script) says 0.
        return max(40, columns) if columns else _WIDTH_WITHOUT_TERMINAL

    def error(self, message: str) -> None:
        """Say why the program stops."""
        self._say("error", message, "red")

    def warn(self, message: str) -> None:
        """Say what the user should know, unless -q."""
        if self.verbosity >= 0:
            self._say("warning", message, "yellow")

    def tell(self, message: str) -> None:
        """Say what whoever waits for a long command wants to know, unless it is to be quiet."""
        if self.verbosity >= 0:
            self._say("note", message, "cyan")

    def note(self, message: str) -> None:
        """Say what is going on, under -v."""
        if self.verbosity >= 1:
            self._say("note", message, "cyan")

    def _say(self, level: str, message: str, color: str) -> None:
        use = self.uses_color(sys.stderr)
        click.echo(
            f"{click.style(level, fg=color) if use else level}: {one_line(message)}", err=True, color=use
        )


def terminal() -> Terminal:
    """Return the terminal of the running command."""
    found = click.get_current_context().find_object(Terminal)
    return found if found is not None else Terminal()


def _louder(ctx: click.Context, _: click.Parameter, count: int) -> None:
    ctx.ensure_object(Terminal).verbosity += count


def _quieter(ctx: click.Context, _: click.Parameter, quiet: bool) -> None:
    ctx.ensure_object(Terminal).verbosity -= quiet


def _color(ctx: click.Context, _: click.Parameter, color: str) -> None:
    ctx.ensure_object(Terminal).color = color


def terminal_options(function: _Decorated) -> _Decorated:
    """Add -v, -q and --color: every command has them. They are eager: they hold for later options' errors."""
    eager: dict[str, Any] = {"expose_value": False, "is_eager": True}
    options = (
        click.option(
            "-v", "--verbose", count=True, callback=_louder, help="Say more; -vv shows tracebacks.", **eager
        ),
        click.option("-q", "--quiet", is_flag=True, callback=_quieter, help="No warnings.", **eager),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            callback=_color,
            help="auto heeds NO_COLOR and FORCE_COLOR.",
            **eager,
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
