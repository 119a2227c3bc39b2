"""The terminal's table. Columns are dropped or names shortened to fit the width; a row never wraps."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from latencylab import units
from latencylab.printable import printable, shorten
from latencylab.reporters import DEFAULT_VIEW, View
from latencylab.reporters import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.result import Estimate

suffix = ".txt"
marker = b"report by latencylab"

_GAP = 2
_NAME = "meta-node"
_BAR = "bar"
_BAR_WIDTHS = (6, 24)
# A name is never narrower than the first, is shown whole up to the second, and never wider than the third.
_NAME_WIDTHS = (14, 20, 40)
# What a narrow terminal keeps first. The bar and the name are in every table.
_PRIORITY = ("ms", "%", "bound", "engine", "kind", "util %", "DRAM MB", "MACs", "#", "start ms", "cdf %")
_STYLES = {
    "COMPUTE": "green",
    "MEMORY": "blue",
    "OVERHEAD": "yellow",
    "LAYOUT": "magenta",
    "HOST": "bold red",
}
_EIGHTHS = " ▏▎▍▌▋▊▉"


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
    """Render the estimates one below the other, and a summary where there are several."""
    console = Console(
        file=io.StringIO(),
        width=view.width,
        color_system="standard" if view.color else None,
        force_terminal=view.color,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    shown = (_shown(console, line, view) for line in _lines(estimates, view))
    text = "".join(f"{line.rstrip()}\n" for line in shown)
    return text.encode("utf-8", errors="backslashreplace")


def _shown(console: Console, line: Text, view: View) -> str:
    """Return a line as the terminal gets it, cut where it is too long."""
    # Without colour a line that fits is its text; rich takes its time over thousands of them.
    if not view.color and cell_len(line.plain) <= view.width:
        return line.plain
    with console.capture() as capture:
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    return capture.get().removesuffix("\n")


def _lines(estimates: tuple[Estimate, ...], view: View) -> Iterator[Text]:
    if not view.is_summary:
        for estimate in estimates:
            yield from _estimate(estimate, view)
            yield Text("")
    if view.is_summary or len(estimates) > 1:
        yield from _plain_table(rows.summary_table(estimates), view.width)
        yield Text(shorten(rows.OWN_MS, view.width), "dim")
        yield Text("")
    versions = dict.fromkeys(estimate.latencylab_version for estimate in estimates)
    yield Text(f"{marker.decode()} {', '.join(versions)}", "dim")


def _estimate(estimate: Estimate, view: View) -> Iterator[Text]:
    for style, facts in zip(("bold", ""), rows.header_facts(estimate), strict=True):
        yield from (Text(line, style) for line in _packed(facts, view.width))
    yield Text("")
    yield from _kernels(estimate, view)
    for table in (rows.kind_table(estimate), rows.engine_table(estimate)):
        yield Text("")
        yield from _plain_table(table, view.width)
    yield Text("")
    latency, memory = rows.total_lines(estimate)
    yield Text(latency, "bold")
    yield from (Text(line, "bold") for line in rows.budget_lines(estimate, view.budget_s))
    yield from (Text(line) for line in _packed(tuple(memory.split(" · ")), view.width))
    yield from _paragraphs(rows.loud_lines(estimate), view.width, "bold red")
    yield from _section("what to change", rows.advice_lines(estimate), view.width)
    yield from _section("assumptions", tuple(map(printable, estimate.assumptions)), view.width)


def _kernels(estimate: Estimate, view: View) -> Iterator[Text]:
    """One line a kernel, with a bar as long as its share of the slowest one."""
    table = rows.kernel_table(estimate, view)
    widths = column_widths(table, view.width)
    shown = [header for header in rows.KERNEL_HEADERS if header in widths]
    yield _line([(h, widths[h], h not in {_NAME, "kind", "engine", "bound"}, "bold") for h in shown])
    kernels = rows.visible(estimate, view)
    slowest_s = max((kernel.latency_s for _, kernel in kernels), default=0.0)
    for row, (_, kernel) in zip(table.rows, kernels, strict=True):
        cells = dict(zip(table.headers, row, strict=True))
        numeric = dict(zip(table.headers, table.numeric, strict=True))
        style = _STYLES[kernel.bound.value]
        parts = [(cells[h], widths[h], numeric[h], style if h == "bound" else "") for h in shown]
        bar = _bar(kernel.latency_s / slowest_s if slowest_s else 0.0, widths[_BAR])
        yield _line([*parts, (bar, widths[_BAR], False, style)])
    hidden = len(estimate.kernels) - len(kernels)
    if hidden:
        rest_s = rows.busy_s(estimate) - sum(kernel.latency_s for _, kernel in kernels)
        yield Text(f"… {units.counted(hidden, 'more meta-node')}, {units.milliseconds(rest_s)} ms", "dim")


def column_widths(table: rows.Table, width: int) -> dict[str, int]:
    """Choose the columns that fit, by importance, and their widths; the bar takes a part of what is left."""
    natural = {h: max(map(cell_len, (h, *table.column(h)))) for h in table.headers}
    least, usual, most = _NAME_WIDTHS
    widths = {_NAME: max(least, min(natural[_NAME], usual)), _BAR: _BAR_WIDTHS[0]}
    left = width - sum(widths.values()) - _GAP
    for header in _PRIORITY:
        needed = min(natural[header], 24) + _GAP
        if needed <= left:
            widths[header] = needed - _GAP
            left -= needed
    widths[_NAME] += (more := min(left, max(0, min(natural[_NAME], most) - widths[_NAME])))
    widths[_BAR] += min(left - more, _BAR_WIDTHS[1] - _BAR_WIDTHS[0])
    return widths


def _plain_table(table: rows.Table, width: int) -> Iterator[Text]:
    """Render a small table; its last columns are dropped where they do not fit."""
    widths = [
        max(cell_len(cell) for cell in column) for column in zip(table.headers, *table.rows, strict=True)
    ]
    widths[0] = min(widths[0], _NAME_WIDTHS[-1])
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        widths.pop()
    for row, style in ((table.headers, "bold"), *((row, "") for row in table.rows)):
        cells = zip(row, widths, table.numeric, strict=False)
        yield _line([(cell, cell_width, numeric, style) for cell, cell_width, numeric in cells])


def _line(parts: list[tuple[str, int, bool, str]]) -> Text:
    """Put cells side by side: (text, width, align right, style)."""
    cells = [_sized(text, width, right=right) for text, width, right, _ in parts]
    line = Text((" " * _GAP).join(cells))
    start = 0
    for cell, (_, _, _, style) in zip(cells, parts, strict=True):
        if style:
            line.stylize(style, start, start + len(cell))
        start += len(cell) + _GAP
    return line


def _sized(text: str, width: int, *, right: bool) -> str:
    short = shorten(text, width)
    if short.isascii():
        return short.rjust(width) if right else short.ljust(width)
    # Wide characters take two cells: after the middle is cut, the rest is cut by cells.
    return f"{short:>{width}}" if right and cell_len(short) == len(short) else set_cell_size(short, width)


def _bar(share: float, width: int) -> str:
    # A kernel that takes no time (a view, a declared-free operator) has no bar; any other has a visible one.
    eighths = max(1, round(share * width * 8)) if share else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _packed(facts: tuple[str, ...], width: int) -> list[str]:
    """Join facts with a dot, starting a new line where the next one does not fit."""
    lines: list[str] = []
    for fact in (shorten(fact, width) for fact in facts):
        if lines and len(lines[-1]) + len(fact) + 3 <= width:
            lines[-1] += f" · {fact}"
        else:
            lines.append(fact)
    return lines


def _section(title: str, lines: tuple[str, ...], width: int) -> Iterator[Text]:
    if lines:
        yield Text("")
        yield Text(title, "bold")
        yield from _paragraphs(lines, width, "")


def _paragraphs(lines: tuple[str, ...], width: int, style: str) -> Iterator[Text]:
    """Sentences may wrap, under a bullet; a long name inside is shortened."""
    for line in lines:
        for part in textwrap.wrap(f"• {shorten(line, 4 * width)}", width, subsequent_indent="  "):
            yield Text(part, style)
