"""A page as plain data, and the one HTML file it becomes: self-contained, offline, without a single request.

A `Page` is figures and sections; a `Section` is text, a table and a chart of that table, so every chart has
its twin by construction. Nothing here knows what an estimate is: any command can assemble a page from these.

    table = Table("models", (Column("name", "model"), Column("ms", "ms", "ms")), rows)
    chart = Chart("bars", "Bars of the time of 3 models.", {"label": "name", "value": "ms"})
    render(Page("Three models", sections=(Section("speed", "How fast", chart=chart, table=table),)))

Kinds of chart, and the options each reads (values are keys of the table's columns unless said otherwise):
    bars      label, value (may be below zero); color, low, high (a whisker), parts (keys to stack instead of
              value), tones (text of the colour's column: name of a colour), end (the axis' last value),
              is_sorted (bool): the largest first, is_difference (bool): no bar for a zero,
              is_wordy (bool): labels are sentences, above their bars
    timeline  label, lane, start, value; color; counters: [{name, unit, points: [[ms, value], ...]}], end (ms)
    scatter   x, y, label; color, tones, weight (orders the colours), also (a second x), x_title, y_title
              (text), low, high (an interval of x; is_upright: of y), log, is_tight (bool: no whole decades),
              is_square (bool: one range for both axes), is_named (bool): draw the labels,
              lines: [{name, points: [[x, y], ...], is_step, is_dashed, ink}], bands: [{points: of its edge}]
    graph     label, value, caption, depends_on (a column of lists of row numbers)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from latencylab.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment, Template

Kind = Literal[
    "text",
    "list",
    "shapes",
    "ms",
    "change",
    "percent",
    "error",
    "bytes",
    "kib",
    "count",
    "number",
    "decibel",
    "flag",
]
Tone = Literal["plain", "good", "bad", "unsure"]
ChartKind = Literal["bars", "timeline", "scatter", "graph"]

MARKER: Final = b'<meta name="generator" content="latencylab'
# As many as bars.js shows at a time.
BARS_IN_VIEW: Final = 30
_FOLDER: Final = Path(__file__).parent / "templates"
# In this order: each part uses only what stands before it.
_SCRIPTS: Final = (
    "colors.js",
    "format.js",
    "details.js",
    "hero.js",
    "table.js",
    "bars.js",
    "timeline.js",
    "labels.js",
    "scatter.js",
    "layout.js",
    "graph.js",
    "page.js",
)
_BEFORE_UNIT: Final = re.compile(r"(?<=\d) (?=%|ms\b|dB\b|[KkMG]?i?B\b)")
# What would end a script element, or a line of JavaScript, inside a JSON text.
_ESCAPED: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of raw values; `kind` says how they are written and sorted; `is_summed`: a sum makes sense.

    ms: milliseconds; change: with their sign. percent: a share, 0..1; error: with its sign. bytes, count:
    whole numbers with a prefix; kib: bytes in KiB. number: as it is. decibel: two decimals.
    list: texts. shapes: lists of sizes. flag: true or false.
    """

    key: str
    title: str
    kind: Kind = "text"
    is_summed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw values. Several sections may show the same table; it is embedded once."""

    id: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.id}: every row needs {len(self.columns)} values")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a table. label: what a screen reader says in its place."""

    kind: ChartKind
    label: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it. shown: keys of the table's columns to show (default: all).

    is_open: whether the table is unfolded at first. level 1 starts a new part of the page, 2 belongs to it.
    """

    id: str
    title: str
    lead: str = ""
    notes: tuple[str, ...] = ()
    chart: Chart | None = None
    table: Table | None = None
    shown: tuple[str, ...] = ()
    is_open: bool = False
    level: Literal[1, 2] = 2

    @property
    def is_movable(self) -> bool:
        """Whether there is something to zoom into: not in bars that are all in view."""
        if self.chart is None or self.table is None:
            return False
        return self.chart.kind != "bars" or len(self.table.rows) > BARS_IN_VIEW


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline number. tone: what it means for the reader."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value with its interval on a scale from zero, beside what is allowed, where something is.

    label: what a screen reader says in its place.
    """

    label: str
    value: float
    low: float
    high: float
    limit: float | None = None
    unit: str = "ms"


@dataclass(frozen=True, slots=True)
class Strip:
    """One bar of the parts of a whole; its twin is the table of the section it leads to. Values are keys."""

    label: str
    section: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page. facts: what it is about. warnings: what must not be overlooked. footer: provenance.

    The first figure is the one to remember; gauge and strip draw it and its parts.
    """

    title: str
    facts: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    gauge: Gauge | None = None
    strip: Strip | None = None
    lead: str = ""
    warnings: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    footer: tuple[str, ...] = ()
    version: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """Lines of the footer, each once."""
        return tuple(dict.fromkeys(self.footer))

    @property
    def placed(self) -> tuple[tuple[Section, Section | None], ...]:
        """Sections with the part each belongs to: where several have one title, the part tells them apart."""
        found: list[tuple[Section, Section | None]] = []
        part = None
        for section in self.sections:
            part = section if section.level == 1 else part
            found.append((section, None if part is section else part))
        return tuple(found)

    @property
    def contents(self) -> tuple[Section, ...]:
        """Sections that the navigation names: all, or where there are parts, these and what precedes them."""
        parts = [section for section in self.sections if section.level == 1]
        before = self.sections.index(parts[0]) if parts else len(self.sections)
        return (*self.sections[:before], *parts)


def render(page: Page) -> bytes:
    """Return the page as one HTML file in UTF-8."""
    from markupsafe import Markup

    styles, charts, script = _text("page.css"), _text("charts.min.js"), _script()
    html = template("page.html.j2").render(
        page=page,
        policy=_policy(styles, charts, script),
        data=Markup(_json(_data(page))),  # noqa: S704 - JSON without < > &: inert in a script element
        styles=Markup(styles),  # noqa: S704 - our own file
        charts=Markup(charts),  # noqa: S704 - our own build
        script=Markup(script),  # noqa: S704 - our own files
    )
    return html.encode("utf-8", errors="backslashreplace")


def _policy(styles: str, *scripts: str) -> str:
    """Return a Content-Security-Policy that runs these scripts and fetches nothing."""
    allowed = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'sha256-{_hash(styles)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = "\n".join(_text(name) for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def template(name: str) -> Template:
    """Return a template of this folder; what it is given is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return jinja2's environment; it is imported only here: markers of reports are read without it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = printable
    environment.filters["unbroken"] = unbroken
    return environment


def unbroken(text: str) -> str:
    """Keep a number and its unit on one line."""
    return _BEFORE_UNIT.sub("\u00a0", printable(text))


def _data(page: Page) -> dict[str, Any]:
    tables = {section.table.id: section.table for section in page.sections if section.table is not None}
    return {
        "tables": {name: _columnar(table) for name, table in tables.items()},
        "sections": [_drawn(section, part) for section, part in page.placed],
        "gauge": asdict(page.gauge) if page.gauge else None,
        "strip": asdict(page.strip) if page.strip else None,
    }


def _columnar(table: Table) -> dict[str, Any]:
    """Columns of values: shorter than rows of named values, and what charts read."""
    values = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return {
        "columns": [asdict(column) for column in table.columns],
        "values": dict(zip((column.key for column in table.columns), values, strict=True)),
        "count": len(table.rows),
    }


def _drawn(section: Section, part: Section | None) -> dict[str, Any]:
    table, chart = section.table, section.chart
    return {
        "id": section.id,
        "title": f"{section.title}, {part.title}" if part else section.title,
        "table": table.id if table else None,
        "shown": section.shown or tuple(column.key for column in table.columns if table) if table else (),
        "chart": {**chart.options, "kind": chart.kind} if chart else None,
    }


def _json(data: object) -> str:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPED)
