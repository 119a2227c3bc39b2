"""Plain tables that fit the terminal, whatever is in them.

Where a table is too wide, empty columns go and headers wrap; then the widest text wraps, or, if too little
room is left for that to be read, goes below its row; then names lose their middle; then what can be spared is
left out.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import chain, product, zip_longest
from typing import TYPE_CHECKING, Final, Literal

from latencylab.printable import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BULLET: Final = "• "
_GAP: Final = "  "
_INDENT: Final = "    "
# Text is not squeezed into a column narrower than the first, nor a header's words into one narrower than the
# second; text no longer than the third stays in its column.
_READABLE, _HEADER, _SHORT = 30, 9, 16
# Names are shortened to the first before anything is left out, and to the second in the end.
_NAME_WIDTHS: Final = (24, 14)

Kind = Literal["fixed", "number", "name", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """What a column holds.

    kind: "number", aligned to the right; "name", known by its ends; "text", which may wrap or go below its
    row; "fixed", which stays whole. is_spare: left out where the rest would not fit.
    """

    header: str
    kind: Kind = "fixed"
    is_spare: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its cells go to the right."""
        return self.kind == "number"


@dataclass(slots=True)
class _Column:
    """width: of the column; 0 = goes below its row."""

    field: Field
    cells: list[str]
    width: int

    @property
    def least(self) -> int:
        """The width that its header, wrapped, and its cells need."""
        header = self.field.header
        return max(min(len(header), _HEADER), *map(len, (*header.split(), *self.cells)))

    @property
    def is_long(self) -> bool:
        """Whether it is text that may wrap; a word or two stay where they are."""
        return self.field.kind == "text" and self.width > _SHORT

    def header(self) -> list[str]:
        return self._padded(_wrap(self.field.header, self.width))

    def lines(self, cell: str) -> list[str]:
        is_name = self.field.kind == "name"
        return self._padded([shorten(cell, self.width)] if is_name else _wrap(cell, self.width))

    def _padded(self, lines: list[str]) -> list[str]:
        is_number, width = self.field.is_number, self.width
        return [line.rjust(width) if is_number else line.ljust(width) for line in lines or [""]]


def aligned(fields: Sequence[Field], rows: Sequence[Sequence[str]], width: int) -> str:
    """Align rows of printable cells below their headers, within `width` characters where that can be done."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
    found = [
        _Column(field, list(column), max(map(len, (field.header, *column))))
        for field, column in zip(fields, cells, strict=True)
    ]
    found = _fitted(found, width)
    beside = [column for column in found if column.width]
    head = _beside([column.header() for column in beside])
    rule = _GAP.join("-" * column.width for column in beside)
    body = (_row(found, position, width) for position in range(len(rows)))
    return "\n".join([*head, rule, *chain.from_iterable(body)])


def paragraph(text: str, width: int) -> str:
    """Wrap a sentence; it hangs below its bullet if it begins with one."""
    indent = " " * len(BULLET) if text.startswith(BULLET) else ""
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _fitted(columns: list[_Column], width: int) -> list[_Column]:
    """Narrow columns until the table fits; the spare ones go last."""
    if _total(columns) <= width:
        return columns
    columns = [column for column in columns if any(column.cells)] or columns
    for column in columns:
        column.width = column.least
    for column in sorted(columns, key=lambda c: -c.width):
        if column.is_long:
            room = width - (_total(columns) - column.width)
            column.width = min(column.width, room if room >= _READABLE else 0)
    spare = [column for column in reversed(columns) if column.field.is_spare]
    for least, count in product(_NAME_WIDTHS, range(len(spare) + 1)):
        kept = [column for column in columns if column not in spare[:count]]
        _shorten_names(kept, width, least)
        if _total(kept) <= width:
            break
    return kept


def _shorten_names(columns: list[_Column], width: int, least: int) -> None:
    names = [column for column in columns if column.field.kind == "name"]
    for column in names:
        column.width = column.least
    for column in sorted(names, key=lambda c: -c.width):
        excess = max(0, _total(columns) - width)
        column.width = max(min(column.width, least), column.width - excess)


def _total(columns: list[_Column]) -> int:
    widths = [column.width for column in columns if column.width]
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _row(columns: list[_Column], position: int, width: int) -> Iterator[str]:
    """Yield the lines of a row: its columns side by side, then what goes below them, named."""
    yield from _beside([column.lines(column.cells[position]) for column in columns if column.width])
    for column in columns:
        text = column.cells[position]
        if not column.width and text not in {"", "-"}:
            lines = _wrap(f"{column.field.header}: {text}", width - len(_INDENT))
            yield from (_INDENT + line for line in lines)


def _beside(cells: list[list[str]]) -> Iterator[str]:
    """Put wrapped cells side by side."""
    blanks = [" " * len(lines[0]) for lines in cells]
    for parts in zip_longest(*cells):
        line = [blank if part is None else part for part, blank in zip(parts, blanks, strict=True)]
        yield _GAP.join(line).rstrip()


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
