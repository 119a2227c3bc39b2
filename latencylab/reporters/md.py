"""Markdown: the table of `profile` for a pull request or a wiki."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabulate import tabulate

from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View
from latencylab.reporters import _rows as rows
from latencylab.reporters._columns import BULLET, Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from latencylab.result import Estimate

suffix = ".md"
marker = b"<!-- report by latencylab -->"

# What Markdown or HTML would take for markup inside a cell or a line.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|&~$])")


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
    """Render the estimates one below the other, after a summary where there are several."""
    blocks = [marker.decode()]
    if view.is_summary or len(estimates) > 1:
        blocks += [_table(rows.summary_table(estimates)), escaped(rows.OWN_MS)]
    if not view.is_summary:
        blocks.extend(block for estimate in estimates for block in _estimate(estimate, view))
    return ("\n\n".join(blocks) + "\n").encode("utf-8", errors="backslashreplace")


def _estimate(estimate: Estimate, view: View) -> Iterator[str]:
    (title, *device), network = rows.header_facts(estimate)
    latency, memory = rows.total_lines(estimate)
    yield f"## {escaped(title)}"
    yield escaped(" · ".join((*device, *network)))
    yield f"**{escaped(latency)}**"
    yield from (f"**{escaped(line)}**" for line in rows.budget_lines(estimate, view.budget_s))
    yield escaped(memory)
    yield from (f"> **{escaped(line)}**" for line in rows.loud_lines(estimate))
    yield _table(rows.kernel_table(estimate, view))
    for table in (rows.kind_table(estimate), rows.engine_table(estimate)):
        yield f"### {table.title.capitalize()}"
        yield _table(table)
    yield from _list("What to change", rows.advice_lines(estimate))
    yield from _list("Assumptions", estimate.assumptions)


def _list(title: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield f"### {title}"
        yield "\n".join(f"- {escaped(line)}" for line in lines)


def _table(table: rows.Table) -> str:
    pairs = zip(table.headers, table.numeric, strict=True)
    fields = [Field(header, "number" if is_number else "text") for header, is_number in pairs]
    return piped(fields, table.rows)


def piped(fields: Sequence[Field], cells: Sequence[Sequence[str]]) -> str:
    """Render a table of GitHub's Markdown, its cells escaped, numbers to the right."""
    safe = [[escaped(cell) for cell in row] for row in cells]
    align = ["right" if field.is_number else "left" for field in fields] if safe else None
    titles = [escaped(field.header) for field in fields]
    return str(tabulate(safe, titles, tablefmt="pipe", colalign=align, disable_numparse=True))


def line(text: str) -> str:
    """Escape a sentence; one that begins with a bullet becomes an item of a list."""
    item = text.removeprefix(BULLET)
    return escaped(text) if item == text else f"- {escaped(item)}"


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would take for markup."""
    return _MARKUP.sub(r"\\\1", printable(text)).replace("\\<", "&lt;")
