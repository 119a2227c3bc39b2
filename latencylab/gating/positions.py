"""Where a key stands in a TOML file: tomllib does not say, and a person wants a line to go to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


def lines(text: str) -> Mapping[Key, int]:
    """Line (from 1) of every table header and every key at the start of a line; text: a valid TOML file."""
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
            table = _indexed(table, counts)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_parts(assignment[1])), number)
    return found


def line_of(key: Key, known: Mapping[Key, int]) -> int:
    """Line of a key, or of the nearest table or inline table around it; 1 where nothing is known."""
    return next((known[key[:end]] for end in range(len(key), 0, -1) if key[:end] in known), 1)


def dotted(key: Key) -> str:
    """Spell a key's path as people do: `budget[0].latency_ms.max`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def _parts(text: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _indexed(table: Key, counts: Mapping[Key, int]) -> Key:
    """Number the arrays of tables on the way: ("budget", "dim") -> ("budget", 0, "dim")."""
    result: list[str | int] = []
    for end in range(1, len(table) + 1):
        result.append(table[end - 1])
        if table[:end] in counts:
            result.append(counts[table[:end]])
    return tuple(result)
