"""HTML: one self-contained page, read offline: where the time goes, what to change, how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View, _page, _sections
from latencylab.reporters import _rows as rows
from latencylab.reporters._page import Chart, Column, Figure, Page, Section, Table, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.result import Estimate

suffix = ".html"
marker = _page.MARKER

_TONES: Final[Mapping[rows.Verdict, Tone]] = {"met": "good", "missed": "bad", "at risk": "unsure"}


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
    """Render one estimate, or several side by side and then each by itself. The page shows all meta-nodes."""
    return _page.render(page(*estimates, view=view))


def page(*estimates: Estimate, view: View = DEFAULT_VIEW) -> Page:
    """Assemble the page as plain data."""
    if len(estimates) == 1 and not view.is_summary:
        return one(estimates[0], view=view)
    return several(*estimates, view=view)


def one(estimate: Estimate, *, view: View = DEFAULT_VIEW) -> Page:
    """Assemble the page of one estimate."""
    (title, *device), network = rows.header_facts(estimate)
    return Page(
        title=title,
        facts=(*device, *network),
        figures=(*figures(estimate), *_budget(estimate, view.budget_s)),
        lead=verdict(estimate),
        warnings=rows.loud_lines(estimate),
        sections=tuple(_sections.sections(estimate)),
        footer=_sections.footer(estimate),
        version=estimate.latencylab_version,
    )


def figures(estimate: Estimate) -> tuple[Figure, ...]:
    """Headline numbers."""
    bound, share = _largest_bound(estimate)
    peak = estimate.peak_scratchpad_bytes
    read, write = units.byte_count(estimate.dram_read_bytes), units.byte_count(estimate.dram_write_bytes)
    return (
        Figure("Latency", f"{units.milliseconds(estimate.latency_s)} ms", _rate(estimate)),
        Figure(f"{estimate.interval * 100:g} % interval", f"{rows.interval_ms(estimate)} ms"),
        Figure("Mostly bound by", bound, f"{share * 100:.0f} % of the time" if share else ""),
        Figure("DRAM traffic", units.byte_count(estimate.dram_bytes), f"{read} read, {write} written"),
        Figure(
            "Peak scratchpad",
            f"{peak / units.BYTES_PER_KIB:,.0f} KiB" if peak is not None else "–",
            "" if peak is not None else "not modelled",
        ),
        Figure(
            "On assumed values", _share(_sections.assumed_s(estimate), rows.busy_s(estimate)), "of the time"
        ),
    )


def _budget(estimate: Estimate, budget_s: float | None) -> tuple[Figure, ...]:
    if budget_s is None:
        return ()
    word, detail = rows.budget_verdict(estimate, budget_s)
    return (Figure(f"Budget {units.milliseconds(budget_s)} ms", word, detail, _TONES[word]),)


def verdict(estimate: Estimate) -> str:
    """Say in a sentence or two where the time goes."""
    running = [kernel for kernel in estimate.kernels if kernel.latency_s > 0]
    if not running:
        return "Nothing in this network takes time on this device."
    slowest = max(running, key=lambda kernel: kernel.latency_s)
    text = (
        f"{slowest.name} ({slowest.kind} on {slowest.engine}, {slowest.bound.value}) takes longest: "
        f"{units.milliseconds(slowest.latency_s)} ms, "
        f"{_share(slowest.latency_s, estimate.latency_s)} of the latency."
    )
    path_s = sum(estimate.kernels[i].latency_s for i in estimate.critical_path)
    if estimate.critical_path:
        text += (
            f" The critical path runs through {len(estimate.critical_path)} of {len(running)} meta-nodes "
            f"and {units.milliseconds(path_s)} ms."
        )
    if estimate.advice:
        best = max(estimate.advice, key=lambda a: a.saves_s)
        text += f" The most worthwhile change saves {units.milliseconds(best.saves_s)} ms: {best.change}."
    return text


def several(*estimates: Estimate, view: View = DEFAULT_VIEW) -> Page:
    """Assemble the page of several estimates: a comparison, then each one's sections (not in a summary)."""
    sections = [_totals(estimates), *_by_kind(estimates)]
    for i, estimate in enumerate(() if view.is_summary else estimates):
        prefix = f"r{i}-"
        (title, *_), _ = rows.header_facts(estimate)
        facts = (*rows.total_lines(estimate), *rows.loud_lines(estimate))
        sections.append(Section(f"{prefix}top", title, verdict(estimate), notes=facts, level=1))
        sections.extend(_sections.sections(estimate, prefix))
    fastest = min(estimates, key=lambda estimate: estimate.latency_s, default=None)
    return Page(
        title=f"{len(estimates)} estimates",
        lead=f"The fastest is {_name(fastest)}: {units.milliseconds(fastest.latency_s)} ms."
        if fastest
        else "",
        warnings=tuple(f"{_name(e)}: {line}" for e in estimates for line in rows.loud_lines(e)),
        sections=tuple(sections),
        footer=tuple(line for estimate in estimates for line in _sections.footer(estimate)),
        version=estimates[0].latencylab_version if estimates else "",
    )


def _totals(estimates: tuple[Estimate, ...]) -> Section:
    columns = (
        Column("name", "estimate"),
        Column("latency_ms", "ms", "ms"),
        Column("low_ms", "low ms", "ms"),
        Column("high_ms", "high ms", "ms"),
        Column("kernels", "meta-nodes", "number"),
        Column("macs", "MACs", "count"),
        Column("dram_bytes", "DRAM", "bytes"),
        Column("unpriced", "unpriced", "number"),
        Column("engine_model", "engine model"),
        Column("dtype", "element type"),
    )
    found = tuple(
        (
            _name(e),
            *(round(value * units.MS_PER_S, 7) for value in (e.latency_s, e.low_s, e.high_s)),
            len(e.kernels),
            e.model.macs,
            e.dram_bytes,
            sum(item.count for item in e.unpriced),
            e.engine,
            e.dtype,
        )
        for e in estimates
    )
    return Section(
        "totals",
        "Side by side",
        "Whiskers are the interval; where they overlap, the order is not certain.",
        chart=Chart(
            "bars",
            f"Bars of the latency of {len(found)} estimates with their intervals.",
            {
                "label": "name",
                "value": "latency_ms",
                "low": "low_ms",
                "high": "high_ms",
                "told": ["low_ms", "high_ms"],
            },
        ),
        table=Table("totals", columns, found),
        is_open=True,
    )


def _by_kind(estimates: tuple[Estimate, ...]) -> tuple[Section, ...]:
    """Stack the time of every kind of meta-node, a bar an estimate."""
    sums: dict[str, list[float]] = {}
    for i, estimate in enumerate(estimates):
        for kernel in estimate.kernels:
            sums.setdefault(printable(kernel.kind), [0.0] * len(estimates))[i] += kernel.latency_s
    ordered = sorted(sums, key=lambda kind: -sum(sums[kind]))
    if not ordered:
        return ()
    columns = (
        Column("name", "estimate"),
        *(Column(f"kind{i}", kind, "ms") for i, kind in enumerate(ordered)),
    )
    found = tuple(
        (_name(e), *(round(sums[kind][i] * units.MS_PER_S, 7) for kind in ordered))
        for i, e in enumerate(estimates)
    )
    parts = [column.key for column in columns[1:]]
    return (
        Section(
            "by-kind",
            "Where each spends its time",
            "The time of all meta-nodes of a kind; engines overlap, so a bar may be longer than the latency.",
            chart=Chart(
                "bars",
                f"Stacked bars of the time of {len(ordered)} kinds of meta-node for {len(found)} estimates.",
                {"label": "name", "value": parts[0], "parts": parts},
            ),
            table=Table("by-kind", columns, found),
        ),
    )


def _name(estimate: Estimate) -> str:
    return f"{printable(estimate.model.name)} on {rows.device_name(estimate)}"


def _largest_bound(estimate: Estimate) -> tuple[str, float]:
    sums: dict[str, float] = {}
    for kernel in estimate.kernels:
        sums[kernel.bound.value] = sums.get(kernel.bound.value, 0.0) + kernel.latency_s
    whole_s = rows.busy_s(estimate)
    if not whole_s:
        return "–", 0.0
    bound = max(sums, key=lambda name: sums[name])
    return bound, sums[bound] / whole_s


def _rate(estimate: Estimate) -> str:
    return f"{units.significant(1 / estimate.latency_s)} inferences a second" if estimate.latency_s else ""


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
