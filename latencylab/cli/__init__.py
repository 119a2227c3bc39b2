"""The command line: parse, call one function, report, exit. Each command is a file of this folder.

`latencylab/cli/<name>.py` holds `command`, a click command; adding the file adds the command. Command files
import nothing heavy at their top, so that `--help` stays instant.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from latencylab import __version__, plugins
from latencylab.cli._failures import pipe_closing_told_apart, run
from latencylab.cli._terminal import Terminal
from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Set by a shell that asks for completions.
_COMPLETION = "_LATENCYLAB_COMPLETE"

_EPILOG = """\b
Exit codes:
  0  fine
  1  the gate failed
  2  usage, configuration or profile error: a missing or unreadable file, an unknown name, an unusable result
  3  a model was read but cannot be analysed: corrupt, cyclic, unbound dimensions, impossible shapes
"""


class CommandFolder(click.Group):
    """A group whose commands are the plug-in files of `latencylab/cli`, imported when looked at."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in alphabetical order."""
        return [name.replace("_", "-") for name in plugins.names("cli")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if there is no such file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = plugins.load("cli", cmd_name.replace("-", "_")).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first line of their files: `--help` imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the command line; `--help` may find the pipe closed."""
        with pipe_closing_told_apart():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with pipe_closing_told_apart():
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program: failures become one line on stderr and an exit code."""
        if os.environ.get(_COMPLETION):
            import latencylab.cli._completion  # noqa: F401 - it tells click of itself
        terminal = Terminal()

        def program() -> Any:
            options = {"standalone_mode": False, "obj": terminal, **extra}
            return super(CommandFolder, self).main(args, prog_name, complete_var, **options)

        return run(program, terminal) if standalone_mode else program()


def _summary(command: str) -> str:
    """Return what a command's file says of itself in its first line, behind the colon."""
    path = f"{__path__[0]}/{command.replace('-', '_')}"
    path = f"{path}/__init__.py" if os.path.isdir(path) else f"{path}.py"  # noqa: PTH112 - pathlib is slow to load
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.readline().partition("`: ")[2].strip().strip('"')


@click.group(cls=CommandFolder, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="latencylab", message="%(prog)s %(version)s")
def latencylab() -> None:
    """Predict how long a network takes on a device, why, and what to change."""
