"""Comparisons to bytes: table, JSON, Markdown, a page; one row a meta-node, and the total as a sum."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from latencylab import __version__, units
from latencylab.printable import printable, shorten
from latencylab.reporters import _compare_page, _page
from latencylab.reporters._columns import Field, aligned, paragraph
from latencylab.reporters._page import MARKER
from latencylab.reporters.md import escaped, piped
from latencylab.result import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.comparison import Change, Comparison, Difference, Part, Slack
    from latencylab.result import Estimate

FORMATS: Final = ("table", "json", "md", "html")
SUFFIXES: Final = {".txt": "table", ".json": "json", ".md": "md", ".html": "html"}
MARKERS: Final = {
    "table": b"comparison by latencylab",
    "json": b'"kind": "latencylab comparison"',
    "md": b"<!-- comparison by latencylab -->",
    "html": MARKER,
}
FIELDS: Final = (
    Field("meta-node", "name"),
    Field("kind", "name", is_spare=True),
    Field("what"),
    Field("base ms", "number"),
    Field("head ms", "number"),
    Field("difference ms", "number"),
    Field("DRAM MB", "number", is_spare=True),
)
_NAME_WIDTH: Final = 44
_MS_PER_PS: Final = units.MS_PER_S / units.PS_PER_S


def render(comparison: Comparison, format_name: str, *, shows_all: bool = False, width: int = 160) -> bytes:
    """Render a comparison in one of FORMATS.

    shows_all: also the meta-nodes that take the same time. width: text columns, of the table.
    """
    if format_name == "html":
        return _page.render(_compare_page.page(comparison))
    if format_name == "json":
        text = json.dumps(as_dict(comparison), indent=2, sort_keys=True, allow_nan=False) + "\n"
    elif format_name == "md":
        blocks = _around(comparison, piped(FIELDS, rows(comparison, shows_all=shows_all)), escaped)
        text = "\n\n".join([MARKERS["md"].decode(), *blocks]) + "\n"
    else:
        table = aligned(FIELDS, rows(comparison, shows_all=shows_all), width)
        blocks = _around(comparison, table, lambda text: paragraph(printable(text), width))
        text = "\n\n".join([*blocks, f"{MARKERS['table'].decode()} {__version__}"]) + "\n"
    return text.encode("utf-8", errors="backslashreplace")


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """Return plain data; the terms' differences add up to the total's."""
    difference = comparison.difference
    return {
        "schema_version": 1,
        "kind": "latencylab comparison",
        "latencylab_version": __version__,
        "base": _side(comparison.base),
        "head": _side(comparison.head),
        "difference_ms": _ms(difference.difference_ps),
        "circumstances": [
            {"what": what, "base": base, "head": head} for what, base, head in comparison.circumstances
        ],
        "meta_nodes": [_change(change) for change in difference.changes],
        "schedule": [
            {
                "what": slack.name,
                "base_ms": _ms(slack.base_ps),
                "head_ms": _ms(slack.head_ps),
                "difference_ms": _ms(slack.difference_ps),
            }
            for slack in difference.schedule
        ],
    }


def _side(estimate: Estimate) -> dict[str, Any]:
    return {
        "model": estimate.model.name,
        "model_sha256": estimate.model.sha256,
        "device": estimate.device.name,
        "runtime": estimate.device.runtime,
        "latency_ms": rounded(estimate.latency_s * units.MS_PER_S),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "what": change.verb,
        "difference_ms": _ms(change.difference_ps),
        "base": _part(change.base),
        "head": _part(change.head),
    }


def _part(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "name": part.name,
        "kind": part.kind,
        "engine": part.engine,
        "latency_ms": _ms(part.latency_ps),
        "dram_bytes": part.dram_bytes,
        "macs": part.macs,
    }


def _ms(value_ps: int) -> float:
    return rounded(value_ps * _MS_PER_PS)


def rows(comparison: Comparison, *, shows_all: bool) -> tuple[tuple[str, ...], ...]:
    """One row a meta-node that differs (or every one), then the schedule, then the total."""
    difference = comparison.difference
    shown = [change for change in difference.changes if shows_all or change.verb != "same"]
    schedule = [slack for slack in difference.schedule if slack.base_ps or slack.head_ps]
    return (
        *(_row(change) for change in shown),
        *((slack.name, "schedule", "", *_times(slack), "") for slack in schedule),
        ("total", "", "", *_times(difference), ""),
    )


def _times(sides: Slack | Difference) -> tuple[str, str, str]:
    return _fixed(sides.base_ps), _fixed(sides.head_ps), _signed(sides.difference_ps)


def _row(change: Change) -> tuple[str, ...]:
    base, head = change.base, change.head
    moved = (head.dram_bytes if head else 0) - (base.dram_bytes if base else 0)
    return (
        shorten(printable(change.name), _NAME_WIDTH),
        printable(change.part.kind),
        change.verb,
        _fixed(base.latency_ps) if base else "-",
        _fixed(head.latency_ps) if head else "-",
        _signed(change.difference_ps),
        f"{moved / units.BYTES_PER_MB:+,.3f}" if moved else "-",
    )


def _fixed(value_ps: int) -> str:
    return f"{value_ps * _MS_PER_PS:,.3f}"


def _signed(value_ps: int) -> str:
    return f"{value_ps * _MS_PER_PS:+,.3f}"


def summary(comparison: Comparison) -> str:
    """Say the result in a sentence."""
    base, head = comparison.base, comparison.head
    change = f"{100 * (comparison.ratio - 1):+.1f} %"
    same = sum(c.verb == "same" for c in comparison.difference.changes)
    return (
        f"{head.model.name} takes {units.milliseconds(head.latency_s)} ms, {base.model.name} "
        f"{units.milliseconds(base.latency_s)} ms: {change}; {units.counted(same, 'meta-node')} "
        f"take{'s' if same == 1 else ''} the same time"
    )


def _around(comparison: Comparison, table: str, safe: Callable[[str], str]) -> Iterator[str]:
    """Yield the table between what is compared and the result in words."""
    yield safe(f"{_title(comparison.base)} → {_title(comparison.head)}")
    for what, base, head in comparison.circumstances:
        yield safe(f"{what}: {base} → {head}")
    yield table
    yield safe(summary(comparison))


def _title(estimate: Estimate) -> str:
    runtime = f":{estimate.device.runtime}" if estimate.device.runtime else ""
    return f"{estimate.model.name} on {estimate.device.name}{runtime}"
