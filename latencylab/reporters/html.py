"""HTML: one self-contained page, read offline: where the time goes, what to change, how far to trust it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View, _page, _sections, _several
from latencylab.reporters import _rows as rows
from latencylab.reporters._page import Figure, Gauge, Page, Section, Strip, Tone

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
        figures=_with_budget(figures(estimate), estimate, view.budget_s),
        gauge=gauge(estimate, view.budget_s),
        strip=strip(estimate),
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


def _with_budget(found: tuple[Figure, ...], estimate: Estimate, budget_s: float | None) -> tuple[Figure, ...]:
    """Put the verdict next to the latency, where there is a budget."""
    if budget_s is None:
        return found
    word, detail = rows.budget_verdict(estimate, budget_s)
    verdict = Figure(f"Budget {units.milliseconds(budget_s)} ms", word, detail, _TONES[word])
    return (found[0], verdict, *found[1:])


def gauge(estimate: Estimate, budget_s: float | None = None) -> Gauge:
    """Draw the latency in its interval, beside the budget."""
    value, low, high = (
        _page_ms(seconds) for seconds in (estimate.latency_s, estimate.low_s, estimate.high_s)
    )
    limit = None if budget_s is None else _page_ms(budget_s)
    said = f"; the budget is {units.milliseconds(budget_s)} ms" if budget_s is not None else ""
    label = (
        f"Latency {units.milliseconds(estimate.latency_s)} ms between {rows.interval_ms(estimate)} ms{said}."
    )
    return Gauge(label, value, low, high, limit)


def strip(estimate: Estimate) -> Strip | None:
    """Draw the kinds of meta-node as parts of the time."""
    table = rows.kind_table(estimate)
    if not rows.busy_s(estimate):
        return None
    shares = ", ".join(
        f"{kind} {share} %" for kind, share in zip(table.column("kind"), table.column("%"), strict=True)
    )
    return Strip(f"The time by kind of meta-node: {shares}.", "kinds", "kind", "latency_ms")


def _page_ms(value_s: float) -> float:
    return round(value_s * units.MS_PER_S, 7)


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
            f" The critical path runs through {len(estimate.critical_path)} of "
            f"{units.counted(len(running), 'meta-node')} and {units.milliseconds(path_s)} ms."
        )
    if estimate.advice:
        best = max(estimate.advice, key=lambda a: a.saves_s)
        text += f" The most worthwhile change saves {units.milliseconds(best.saves_s)} ms: {best.change}."
    return text


def several(*estimates: Estimate, view: View = DEFAULT_VIEW) -> Page:
    """Assemble the page of several estimates: a comparison, then each one's sections (not in a summary)."""
    sections = [_several.totals(estimates), *_several.by_kind(estimates), _several.trust(estimates)]
    for i, estimate in enumerate(() if view.is_summary else estimates):
        sections.extend(part(estimate, f"r{i}-"))
    fastest = min(estimates, key=lambda estimate: estimate.latency_s, default=None)
    return Page(
        title=_title(estimates),
        facts=tuple(dict.fromkeys(f"{rows.device_name(e)}: {printable(e.device.title)}" for e in estimates)),
        figures=_extremes(estimates) if fastest else (),
        lead=_met(estimates, view.budget_s),
        warnings=tuple(
            f"{_several.estimate_name(e)}: {line}" for e in estimates for line in rows.loud_lines(e)
        ),
        sections=tuple(sections),
        footer=tuple(line for estimate in estimates for line in _sections.footer(estimate)),
        version=estimates[0].latencylab_version if estimates else "",
    )


def part(estimate: Estimate, prefix: str, role: str = "") -> tuple[Section, ...]:
    """Return everything about one of several estimates: a heading, then its sections. role: e.g. "Base"."""
    (title, *_), _ = rows.header_facts(estimate)
    title = f"{role}: {title}" if role else title
    facts = (*rows.total_lines(estimate), *rows.loud_lines(estimate))
    top = Section(f"{prefix}top", title, verdict(estimate), notes=facts, level=1)
    return (top, *_sections.sections(estimate, prefix))


def _title(estimates: tuple[Estimate, ...]) -> str:
    models = dict.fromkeys(printable(e.model.name) for e in estimates)
    devices = dict.fromkeys(rows.device_name(e) for e in estimates)
    return f"{_counted(models, 'network', 2)} on {_counted(devices, 'device', 1)}"


def _counted(names: Mapping[str, None], what: str, most: int) -> str:
    """Name a few of them; count more."""
    return " and ".join(names) if 0 < len(names) <= most else f"{len(names)} {what}s"


def _extremes(estimates: tuple[Estimate, ...]) -> tuple[Figure, ...]:
    ordered = sorted(estimates, key=lambda estimate: estimate.latency_s)
    ends = {"Fastest": ordered[0], "Slowest": ordered[-1]}
    return tuple(
        Figure(label, f"{units.milliseconds(e.latency_s)} ms", _several.estimate_name(e))
        for label, e in ends.items()
    )


def _met(estimates: tuple[Estimate, ...], budget_s: float | None) -> str:
    """Say which of several meet a budget."""
    if budget_s is None:
        return ""
    words = Counter(rows.budget_verdict(estimate, budget_s)[0] for estimate in estimates)
    counted = ", ".join(f"{word} by {count}" for word, count in words.items())
    return f"The budget of {units.milliseconds(budget_s)} ms is {counted} of {len(estimates)}."


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
