"""Lists for people and programs: plain rows as an aligned table that fits the terminal, or as JSON.

Where a table is too wide its headers wrap; then its widest column of text wraps, or, if too little room is
left for that to be read, goes below its row.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._terminal import terminal
from latencylab.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_GAP = "  "
_INDENT = "    "
# Text is not squeezed into a column narrower than the first, nor a header's words into one narrower than the
# second; text no longer than the third stays in its column.
_READABLE, _HEADER, _SHORT = 30, 9, 16

list_format = click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Format on stdout.",
)


@dataclass(slots=True)
class _Column:
    """Header and cells of one key, as they are shown. width: of the column; 0 = goes below its row."""

    header: str
    cells: list[str]
    is_number: bool
    width: int

    @classmethod
    def of(cls, key: str, write: Callable[[Any], str], rows: Sequence[Mapping[str, Any]]) -> _Column:
        cells = [printable(write(row[key])) for row in rows]
        header = key.replace("_", " ")
        return cls(header, cells, _is_number([row[key] for row in rows]), max(map(len, (header, *cells))))

    @property
    def is_long(self) -> bool:
        """Whether it is text that may wrap; a word or two stay where they are."""
        return not self.is_number and self.width > _SHORT

    def lines(self, cell: str) -> list[str]:
        aligned = _wrap(cell, self.width) or [""]
        return [line.rjust(self.width) if self.is_number else line.ljust(self.width) for line in aligned]


def columns(rows: Iterable[Mapping[str, Any]], shown: Mapping[str, Callable[[Any], str]]) -> str:
    """Align rows below their headers. shown: key -> how its value is written; numbers go to the right."""
    table = list(rows)
    found = [_Column.of(key, write, table) for key, write in shown.items()]
    _fit(found, terminal().width())
    rule = ["-" * column.width for column in found if column.width]
    head = _row(found, [column.header for column in found])
    body = (_row(found, [column.cells[position] for column in found]) for position in range(len(table)))
    return "\n".join([*head, _GAP.join(rule), *chain.from_iterable(body)])


def _fit(found: list[_Column], width: int) -> None:
    """Narrow the columns until they fit; the first one, by which a row is known, stays as it is."""
    if _total(found) > width:
        for column in found:
            least = min(len(column.header), _HEADER)
            column.width = max(least, *map(len, (*column.header.split(), *column.cells)))
    texts = sorted((c for c in found[1:] if c.is_long), key=lambda c: c.width, reverse=True)
    for column in texts:
        room = width - (_total(found) - column.width)
        if room >= column.width:
            return
        column.width = room if room >= _READABLE else 0


def _total(found: list[_Column]) -> int:
    widths = [column.width for column in found if column.width]
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _row(found: list[_Column], cells: list[str]) -> Iterator[str]:
    """Yield the lines of a row: its columns side by side, then what goes below them."""
    pairs = list(zip(found, cells, strict=True))
    yield from _beside([column.lines(cell) for column, cell in pairs if column.width])
    for text in (cell for column, cell in pairs if not column.width):
        yield from (_INDENT + line for line in _wrap(text, terminal().width() - len(_INDENT)))


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _beside(cells: list[list[str]]) -> Iterator[str]:
    """Put wrapped cells side by side."""
    blanks = [" " * len(lines[0]) for lines in cells]
    for parts in zip_longest(*cells):
        line = [blank if part is None else part for part, blank in zip(parts, blanks, strict=True)]
        yield _GAP.join(line).rstrip()


def _is_number(values: list[Any]) -> bool:
    # No value is no number: a column of counts and dashes still goes to the right.
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def as_json(data: object) -> str:
    """Write plain data as JSON, keys sorted."""
    import json

    return json.dumps(data, indent=2, sort_keys=True)
