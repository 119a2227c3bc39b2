"""A ranking as a page: quality against latency with its front, who is tied with whom, where MACs mislead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.printable import listed, printable
from latencylab.reporters import _rows as rows
from latencylab.reporters import _sections, _several
from latencylab.reporters._kernels import ms
from latencylab.reporters._page import Chart, Column, Figure, Page, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.ranking import Candidate, Ranking

_QUALITY: Final = frozenset({"quality_db", "score", "front", "dominated_by"})
_COLUMNS: Final = (
    Column("rank", "rank", "number"),
    Column("name", "network"),
    Column("latency_ms", "ms", "ms"),
    Column("low_ms", "low ms", "ms"),
    Column("high_ms", "high ms", "ms"),
    Column("quality_db", "PSNR dB", "decibel"),
    Column("score", "score", "decibel"),
    Column("front", "front", "flag"),
    Column("dominated_by", "dominated by"),
    Column("gmacs", "GMACs", "number"),
    Column("parameters", "parameters", "count"),
    Column("dram_bytes", "DRAM", "bytes"),
    Column("tied_with", "tied with", "list"),
    Column("standing", "standing"),
)
# A largest value so many times the smallest asks for a logarithmic scale.
_WIDE: Final = 20
# What a reader must know at a glance, by name of a colour.
_TONES: Final = {
    "first or tied with it": "color-2",
    "told to be behind": "color-7",
    "without a quality": "line",
}


def page(ranking: Ranking) -> Page:
    """Assemble the page of a ranking; a part for each device where there are several."""
    estimates = [candidate.estimate for candidate in ranking.candidates]
    names = dict.fromkeys(candidate.name for candidate in ranking.candidates)
    is_one = len(ranking.devices) == 1
    sections = [
        s for i, d in enumerate(ranking.devices) for s in _device(ranking, d, "" if is_one else f"d{i}-")
    ]
    return Page(
        title=f"{units.counted(len(names), 'network')} on {_devices(ranking)}",
        facts=tuple(dict.fromkeys(f"{rows.device_name(e)}: {printable(e.device.title)}" for e in estimates)),
        figures=_figures(ranking) if is_one else (),
        lead=" ".join(_standing(ranking, device) for device in ranking.devices),
        warnings=tuple(
            f"{_several.estimate_name(e)}: {line}" for e in estimates for line in rows.loud_lines(e)
        ),
        sections=(*sections, *_misleading(ranking), _several.trust(estimates)),
        footer=tuple(line for estimate in estimates for line in _sections.footer(estimate)),
        version=ranking.latencylab_version,
    )


def _devices(ranking: Ranking) -> str:
    return ranking.devices[0] if len(ranking.devices) == 1 else f"{len(ranking.devices)} devices"


def _figures(ranking: Ranking) -> tuple[Figure, ...]:
    group = ranking.candidates
    best, tied = group[0], _ties(group)
    fastest = min(group, key=lambda candidate: candidate.latency_ms)
    front = ranking.front(ranking.devices[0])
    return (
        Figure("First", printable(best.name), _merit(best)),
        Figure("Tied with it", str(tied) if tied else "nobody", "the model cannot tell" if tied else ""),
        Figure("Fastest", f"{units.significant(fastest.latency_ms)} ms", printable(fastest.name)),
        *(
            (Figure("On the front", f"{len(front)} of {len(group)}", "nobody is as good and as fast"),)
            if front
            else ()
        ),
        Figure("An order is told from", f"{100 * ranking.confidence:g} %", "probability"),
    )


def _ties(group: tuple[Candidate, ...]) -> int:
    """Count those that share the first rank's doubt."""
    return sum(group[0].name in candidate.tied_with for candidate in group[1:])


def _merit(candidate: Candidate) -> str:
    latency = f"{units.significant(candidate.latency_ms)} ms"
    quality = "" if candidate.quality_db is None else f", {candidate.quality_db:.2f} dB"
    score = "" if candidate.score is None else f", score {candidate.score:.2f}"
    return latency + quality + score


def _standing(ranking: Ranking, device: str) -> str:
    """Say who comes first on a device, and who cannot be told from it."""
    first = ranking.on(device)[0]
    where = f" on {device}" if len(ranking.devices) > 1 else ""
    tied = [c.name for c in ranking.on(device)[1:] if first.name in c.tied_with]
    doubt = f"; {listed(tied, 3)} cannot be told from it" if tied else ", told from every other"
    return printable(f"{first.name} comes first{where} ({_merit(first)}){doubt}.")


def _device(ranking: Ranking, device: str, prefix: str) -> Iterator[Section]:
    """Yield the sections of one device."""
    table = _table(ranking, device, f"{prefix}candidates")
    shown = tuple(c.key for c in table.columns if c.key not in {"standing", "parameters"})
    if prefix:
        yield Section(f"{prefix}top", device, _standing(ranking, device), level=1)
    yield _scatter(ranking, device, table, prefix, shown)
    yield _bars(table, prefix, shown)


def _table(ranking: Ranking, device: str, table_id: str) -> Table:
    group = ranking.on(device)
    chosen = tuple(c for c in _COLUMNS if ranking.has_quality or c.key not in _QUALITY)
    found = [_values(candidate, group[0]) for candidate in group]
    return Table(table_id, chosen, tuple(tuple(values[c.key] for c in chosen) for values in found))


def _values(candidate: Candidate, first: Candidate) -> dict[str, Any]:
    estimate = candidate.estimate
    is_first = candidate is first or first.name in candidate.tied_with
    standing = "first or tied with it" if is_first else "told to be behind"
    return {
        "rank": candidate.rank,
        "name": printable(candidate.name),
        "latency_ms": ms(estimate.latency_s),
        "low_ms": ms(estimate.low_s),
        "high_ms": ms(estimate.high_s),
        "quality_db": candidate.quality_db,
        "score": candidate.score,
        "front": candidate.is_on_front,
        "dominated_by": printable(candidate.dominated_by),
        "gmacs": float(f"{estimate.model.macs / 1e9:.4g}"),
        "parameters": estimate.model.parameters,
        "dram_bytes": estimate.dram_bytes,
        "tied_with": [printable(name) for name in candidate.tied_with],
        "standing": standing if candidate.rank is not None else "without a quality",
    }


def _scatter(ranking: Ranking, device: str, table: Table, prefix: str, shown: tuple[str, ...]) -> Section:
    height, title = ("quality_db", "PSNR, dB") if ranking.has_quality else ("gmacs", "GMACs")
    front = [[ms(c.estimate.latency_s), c.quality_db] for c in ranking.front(device)]
    line = {"name": "Pareto front", "points": front, "is_step": True, "ink": "text"}
    what = "Quality" if ranking.has_quality else "MACs"
    return Section(
        f"{prefix}scatter",
        f"{what} and latency",
        ("Better is up and to the left. " if ranking.has_quality else "")
        + ("Below the line of the front, another is at least as good and as fast. " if len(front) > 1 else "")
        + "Lines through points are the intervals of their latencies.",
        chart=Chart(
            "scatter",
            f"Scatter of {what.lower()} over latency of {units.counted(len(table.rows), 'network')}"
            + (f", {len(front)} of them on the Pareto front." if front else "."),
            {
                "label": "name", "x": "latency_ms", "y": height, "low": "low_ms", "high": "high_ms",
                "color": "standing", "tones": _TONES, "is_named": True,
                "x_title": "predicted latency, ms", "y_title": title,
                "log": _is_wide(table, ("latency_ms", height)), "is_tight": True,
                "lines": [line] if len(front) > 1 else [], "told": ["rank", "tied_with"],
            },
        ),
        table=table,
        shown=shown,
        is_open=True,
    )  # fmt: skip


def _is_wide(table: Table, keys: tuple[str, ...]) -> bool:
    """Whether values span so much that a linear scale would crowd the small ones."""
    positions = [i for i, column in enumerate(table.columns) if column.key in keys]
    columns = [[row[i] for row in table.rows if row[i] is not None] for i in positions]
    return all(min(values, default=0) > 0 for values in columns) and any(
        max(values) > _WIDE * min(values) for values in columns
    )


def _bars(table: Table, prefix: str, shown: tuple[str, ...]) -> Section:
    return Section(
        f"{prefix}latency",
        "Latency",
        "The best first; whiskers are the interval. Networks that spend their time alike err alike: an order "
        "may be told where whiskers overlap.",
        chart=Chart(
            "bars",
            f"Bars of the latency of {units.counted(len(table.rows), 'network')} with their intervals.",
            {
                "label": "name", "value": "latency_ms", "low": "low_ms", "high": "high_ms",
                "color": "standing", "tones": _TONES, "told": ["rank", "tied_with"],
            },
        ),
        table=table,
        shown=tuple(key for key in shown if key not in _QUALITY),
    )  # fmt: skip


def _misleading(ranking: Ranking) -> Iterator[Section]:
    """Yield where MACs mislead, and how to read the ranks."""
    if ranking.inversions:
        yield Section(
            "misleading",
            "Where MACs mislead",
            "Networks with at most half the MACs of another that take longer all the same, and why.",
            notes=tuple(printable(str(inversion)) for inversion in ranking.inversions),
        )
    basis = (f"score = 2^(2·PSNR) / (C · ms), {ranking.score_basis}",) if ranking.score_basis else ()
    told = (
        f"an order is told from a probability of {100 * ranking.confidence:g} %; closer candidates are tied"
    )
    yield Section("reading", "How to read it", notes=tuple(map(printable, (*basis, told, *ranking.notes))))
