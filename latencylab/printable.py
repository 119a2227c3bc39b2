"""Text from files, made safe and short enough to show: names in a network may hold anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG_WORD = re.compile(r"\S{100,}")
_LINE_LIMIT = 1000


def printable(text: str) -> str:
    """Escape what is not printable: control characters, line breaks, direction overrides, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a text longer than `width` characters: the ends of a node's name tell most."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def listed(names: Sequence[str], most: int) -> str:
    """Join the first `most` by commas, and count the others."""
    others = len(names) - most
    return ", ".join(names[:most]) + (f" and {others} more" if others > 0 else "")


def one_line(text: str) -> str:
    """Put a message on one line: breaks become semicolons, names of 100 characters and more are shortened."""
    joined = "; ".join(line.strip() for line in text.splitlines() if line.strip())
    safe = printable(joined)
    return shorten(_LONG_WORD.sub(lambda word: shorten(word[0], 60), safe), _LINE_LIMIT)
