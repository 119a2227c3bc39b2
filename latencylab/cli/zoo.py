"""`latencylab zoo`: List the reference networks, or build one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from latencylab import units
from latencylab.cli._listing import as_json, columns
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _macs(value: int | None) -> str:
    return "-" if value is None else units.si(value)


_LIST: Mapping[str, Callable[[Any], str]] = {
    "name": str,
    "parameters": _count,
    "parameters_frozen": _count,
    "macs": _macs,
    "nodes": _count,
    "citation": str,
}


class _ZooName(click.ParamType["str"]):
    name = "network"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from latencylab import zoo

        return [CompletionItem(name) for name in zoo.names() if name.startswith(incomplete)]


@click.group(name="zoo")
def command() -> None:
    """List the reference networks, or build one as an ONNX file."""


@command.command(name="list", short_help="List the networks.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json", "names"]),
    default="table",
    show_default=True,
    help="Format on stdout; names: a name a line.",
)
@terminal_options
def list_networks(format_name: str) -> None:
    """List the networks at their default sizes: each is a MODEL as zoo:NAME."""
    from dataclasses import asdict

    from latencylab import zoo

    rows = [asdict(entry) for entry in zoo.catalogue()]
    if format_name == "names":
        click.echo("\n".join(zoo.names()))
    else:
        click.echo(as_json(rows) if format_name == "json" else columns(rows, _LIST))


@command.command(name="build")
@click.argument("name", type=_ZooName())
@click.option("--scale", type=click.IntRange(min=1), help="Upscaling factor.")
@click.option("--height", type=click.IntRange(min=1), help="Height of the input.")
@click.option("--width", type=click.IntRange(min=1), help="Width of the input.")
@click.option("--set", "pairs", multiple=True, metavar="OPTION=VALUE", help="Any other option. Repeatable.")
@click.option("-o", "--output", type=click.Path(), help="File to write; default: NAME.onnx here.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@terminal_options
def build(name: str, pairs: tuple[str, ...], output: str | None, *, force: bool, **sizes: int | None) -> None:
    """Build a network with seeded random weights."""
    from latencylab import zoo
    from latencylab.cli._output import check_writable, write_atomically

    options: dict[str, Any] = {key: value for key, value in sizes.items() if value is not None}
    options |= dict(_pair(text) for text in pairs)
    path = Path(output or f"{name.partition('?')[0]}.onnx")
    check_writable(path, marker=None, force=force)
    model = zoo.build(name, **options)
    write_atomically(path, model.SerializeToString())
    # Who named no file has to learn where it is.
    say = terminal().note if output else terminal().tell
    say(f"wrote {path}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not OPTION=VALUE", param_hint="--set")
    return key, value
