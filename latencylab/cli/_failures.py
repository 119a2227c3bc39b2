"""How the program ends: every failure is one line on stderr and an exit code; -vv adds the traceback."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.cli._terminal import Terminal

USAGE = 2
# Outside the documented codes on purpose: a fault of latencylab (sysexits' EX_SOFTWARE) is no verdict.
INTERNAL = 70
# What a shell reports for a program ended by SIGINT or SIGPIPE.
INTERRUPTED = 130
BROKEN_PIPE = 141


class PipeClosed(Exception):  # noqa: N818 - it is an event, not a fault
    """Nobody reads stdout any more."""


@contextmanager
def pipe_closing_told_apart() -> Iterator[None]:
    """Hide a broken pipe from click, which would end with code 1: here that means a failed gate."""
    try:
        yield
    except BrokenPipeError:
        raise PipeClosed from None


def _mute(stream: TextIO) -> None:
    """Let the interpreter's last flush succeed."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run(program: Callable[[], object], terminal: Terminal) -> NoReturn:
    """Run the program and exit the process with its code."""
    try:
        result = program()
        sys.stdout.flush()
    except SystemExit:
        raise
    except (PipeClosed, BrokenPipeError):
        _mute(sys.stdout)
        sys.exit(BROKEN_PIPE)
    except BaseException as error:  # noqa: BLE001 - the one place where every failure is turned into a line
        sys.exit(_report(error, terminal))
    sys.exit(result if isinstance(result, int) else 0)


def _report(error: BaseException, terminal: Terminal) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        # A group without a command: its help is the answer.
        click.echo(error.format_message(), err=True)
        return USAGE
    if terminal.verbosity >= 2:
        import traceback

        traceback.print_exception(error)
    message, code = _verdict(error)
    terminal.error(message)
    return code


def _verdict(error: BaseException) -> tuple[str, int]:
    if isinstance(error, LatencyLabError):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _usage_message(error), USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "interrupted", INTERRUPTED
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}", USAGE
    return (
        f"a fault of latencylab: {type(error).__name__}: {error} (-vv shows where; please report it)",
        INTERNAL,
    )


def _usage_message(error: click.ClickException) -> str:
    """Say what is wrong and where help is, in one line."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "latencylab"
    return f"{error.format_message().rstrip('.')}; see {path} --help"
