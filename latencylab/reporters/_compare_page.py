"""A comparison as a page: what became slower or faster, meta-node by meta-node, then each side by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from latencylab import __version__, units
from latencylab.printable import printable
from latencylab.reporters import _rows as rows
from latencylab.reporters import _sections, _several, html
from latencylab.reporters._page import Chart, Column, Figure, Page, Section, Table, Tone

if TYPE_CHECKING:
    from latencylab.comparison import Change, Comparison, Slack
    from latencylab.result import Estimate

_COLUMNS: Final = (
    Column("name", "meta-node"),
    Column("kind", "kind"),
    Column("what", "what"),
    Column("base_ms", "base ms", "ms", is_summed=True),
    Column("head_ms", "head ms", "ms", is_summed=True),
    Column("difference_ms", "difference ms", "change", is_summed=True),
    Column("engine", "engine"),
    Column("base_dram", "base DRAM", "bytes", is_summed=True),
    Column("head_dram", "head DRAM", "bytes", is_summed=True),
    Column("direction", "direction"),
)
_TONES: Final = {"slower": "bad", "faster": "good"}
_MS_PER_PS: Final = units.MS_PER_S / units.PS_PER_S


def page(comparison: Comparison) -> Page:
    """Assemble the page of a comparison."""
    sides = (comparison.base, comparison.head)
    loud = tuple(f"{_several.estimate_name(e)}: {line}" for e in sides for line in rows.loud_lines(e))
    return Page(
        title=_title(*sides),
        facts=tuple(printable(f"{what}: {a} → {b}") for what, a, b in comparison.circumstances),
        figures=_figures(comparison),
        lead=_lead(comparison),
        warnings=loud,
        sections=(
            _changes(comparison),
            _several.totals(sides),
            *_several.by_kind(sides),
            _several.trust(sides),
            *html.part(sides[0], "r0-", "Base"),
            *html.part(sides[1], "r1-", "Head"),
        ),
        footer=tuple(line for estimate in sides for line in _sections.footer(estimate)),
        version=__version__,
    )


def _title(base: Estimate, head: Estimate) -> str:
    """Name what differs on both sides, and what does not once."""
    if rows.device_name(base) == rows.device_name(head):
        return printable(f"{base.model.name} → {head.model.name} on {rows.device_name(base)}")
    if base.model.name == head.model.name:
        return printable(f"{base.model.name} on {rows.device_name(base)} → {rows.device_name(head)}")
    return f"{_several.estimate_name(base)} → {_several.estimate_name(head)}"


def _figures(comparison: Comparison) -> tuple[Figure, ...]:
    base, head = comparison.base, comparison.head
    difference_s = head.latency_s - base.latency_s
    percent = f"{100 * (comparison.ratio - 1):+.1f} %" if base.latency_s else "–"
    tone: Tone = "plain" if not difference_s else "bad" if difference_s > 0 else "good"
    same = sum(change.verb == "same" for change in comparison.difference.changes)
    return (
        Figure("Difference", percent, f"{_signed(comparison.difference.difference_ps)} ms", tone),
        Figure("Base", f"{units.milliseconds(base.latency_s)} ms", f"{rows.interval_ms(base)} ms"),
        Figure("Head", f"{units.milliseconds(head.latency_s)} ms", f"{rows.interval_ms(head)} ms"),
        Figure("DRAM traffic", _bytes(head), f"base {_bytes(base)}"),
        Figure("MACs", units.si(head.model.macs), f"base {units.si(base.model.macs)}"),
        Figure("Meta-nodes", str(len(head.kernels)), f"{same} take the same time"),
    )


def _bytes(estimate: Estimate) -> str:
    return units.byte_count(estimate.dram_bytes)


def _lead(comparison: Comparison) -> str:
    """Name the changes that decide."""
    worst = [change for change in comparison.difference.worst() if change.difference_ps]
    if not worst:
        return "Every meta-node takes the same time on both sides."
    named = ", ".join(f"{c.name} {_signed(c.difference_ps)} ms ({c.verb})" for c in worst)
    return printable(f"What differs most: {named}.")


def _changes(comparison: Comparison) -> Section:
    """Show every meta-node of either side by its difference; with the schedule they add up to the total."""
    difference = comparison.difference
    found = [_change(change) for change in difference.changes]
    found += [_slack(slack) for slack in difference.schedule if slack.base_ps or slack.head_ps]
    slower = sum(values["difference_ms"] > 0 for values in found)
    faster = sum(values["difference_ms"] < 0 for values in found)
    return Section(
        "changes",
        "What changed",
        "Differences of meta-nodes, and of the schedule (what overlaps or waits); together, the difference "
        "of the latencies. The largest stand first.",
        chart=Chart(
            "bars",
            f"Bars of {len(found)} differences: {slower} slower, {faster} faster in head.",
            {
                "label": "name", "value": "difference_ms", "color": "direction", "tones": _TONES,
                "told": ["what", "kind", "base_ms", "head_ms"], "is_sorted": True, "is_difference": True,
            },
        ),
        table=Table("changes", _COLUMNS, tuple(tuple(v[c.key] for c in _COLUMNS) for v in found)),
        shown=tuple(column.key for column in _COLUMNS if column.key != "direction"),
        is_open=True,
    )  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    base, head = change.base, change.head
    return _values(change.name, change.difference_ps) | {
        "kind": printable(change.part.kind),
        "what": change.verb,
        "base_ms": _ms(base.latency_ps) if base else None,
        "head_ms": _ms(head.latency_ps) if head else None,
        "engine": printable(" → ".join(dict.fromkeys(side.engine for side in (base, head) if side))),
        "base_dram": base.dram_bytes if base else None,
        "head_dram": head.dram_bytes if head else None,
    }


def _slack(slack: Slack) -> dict[str, Any]:
    sides = {"base_ms": _ms(slack.base_ps), "head_ms": _ms(slack.head_ps)}
    return _values(slack.name, slack.difference_ps) | {"kind": "schedule", "what": "schedule"} | sides


def _values(name: str, difference_ps: int) -> dict[str, Any]:
    direction = "slower" if difference_ps > 0 else "faster" if difference_ps else "same"
    empty = dict.fromkeys((column.key for column in _COLUMNS), None)
    return empty | {
        "name": printable(name),
        "engine": "",
        "difference_ms": _ms(difference_ps),
        "direction": direction,
    }


def _ms(value_ps: int) -> float:
    return round(value_ps * _MS_PER_PS, 7)


def _signed(value_ps: int) -> str:
    sign = "+" if value_ps > 0 else "-" if value_ps else ""
    return sign + units.significant(abs(value_ps) * _MS_PER_PS)
