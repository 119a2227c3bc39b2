"""Lists for people and programs: plain rows as an aligned table, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

list_format = click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Format on stdout.",
)


def columns(rows: Iterable[Mapping[str, Any]], shown: Mapping[str, Callable[[Any], str]]) -> str:
    """Align rows below their headers. shown: key -> how its value is written; numbers go to the right."""
    from tabulate import tabulate

    table = list(rows)
    cells = [[printable(write(row[key])) for key, write in shown.items()] for row in table]
    # No value is no number: a column of counts and dashes still goes to the right.
    align = [_alignment([row[key] for row in table]) for key in shown]
    headers = [key.replace("_", " ") for key in shown]
    return str(
        tabulate(cells, headers, tablefmt="simple", colalign=align if cells else None, disable_numparse=True)
    )


def _alignment(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    return "right" if known and all(isinstance(value, int | float) for value in known) else "left"


def as_json(data: object) -> str:
    """Write plain data as JSON, keys sorted."""
    import json

    return json.dumps(data, indent=2, sort_keys=True)
