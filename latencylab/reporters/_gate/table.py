"""The gate's table for the terminal and the log of a CI run; its last line says why it failed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from latencylab.printable import shorten
from latencylab.reporters._columns import aligned
from latencylab.reporters._gate import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.gating import Verdict

_NAME_WIDTH = 40
_MOST_DIFFERENCES = 10


def render(verdict: Verdict, width: int, marker: str) -> str:
    """Render one row a check, then every finding in words, then the verdict."""
    return "\n".join(_lines(verdict, width, marker)) + "\n"


def _lines(verdict: Verdict, width: int, marker: str) -> Iterator[str]:
    yield f"{marker} {verdict.latencylab_version} · {verdict.config}"
    yield ""
    cells = [[shorten(cell, _NAME_WIDTH) for cell in row] for row in rows.rows(verdict)]
    yield aligned(rows.FIELDS, cells, width)
    yield ""
    for check in rows.findings(verdict):
        text = f"{check.status}: {check.reason}"
        yield from textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False)
        for ms, name in rows.differences(check, _MOST_DIFFERENCES):
            yield shorten(f"  {ms:>10} ms  {name}", width)
    if rows.findings(verdict):
        yield ""
    yield verdict.last_line
