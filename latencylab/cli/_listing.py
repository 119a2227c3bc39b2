"""Lists for people and programs: plain rows as a table that fits the terminal, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._terminal import terminal
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
    """Align rows below their headers. shown: key -> how its value is written; numbers go to the right.

    The first column, by which a row is known, stays whole.
    """
    from latencylab.reporters._columns import Field, aligned

    table = list(rows)
    fields = [
        Field(key.replace("_", " "), "number" if _is_number([row[key] for row in table]) else "text")
        for key in shown
    ]
    if fields[0].kind == "text":
        fields[0] = Field(fields[0].header)
    cells = [[printable(write(row[key])) for key, write in shown.items()] for row in table]
    return aligned(fields, cells, terminal().width())


def _is_number(values: list[Any]) -> bool:
    # No value is no number: a column of counts and dashes still goes to the right.
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def as_json(data: object) -> str:
    """Write plain data as JSON, keys sorted."""
    import json

    return json.dumps(data, indent=2, sort_keys=True)
