"""Rankings to bytes: table, CSV, JSON, Markdown, a page, and a picture of quality against latency."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final, cast

from latencylab import units
from latencylab.printable import listed, printable, shorten
from latencylab.reporters import _page, _rank_page, pdf, png, svg
from latencylab.reporters._columns import BULLET, Field, aligned, paragraph
from latencylab.reporters._page import MARKER
from latencylab.reporters.md import escaped, piped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.ranking import Candidate, Ranking
    from latencylab.reporters._charts import Format

FORMATS: Final = ("table", "csv", "json", "md", "html", "png", "svg", "pdf")
SUFFIXES: Final = {
    ".txt": "table",
    ".csv": "csv",
    ".json": "json",
    ".md": "md",
    ".html": "html",
    ".png": "png",
    ".svg": "svg",
    ".pdf": "pdf",
}
MARKERS: Final = {
    "table": b"ranking by latencylab",
    "csv": b"model,device,runtime,engine_model,rank,",
    "json": b'"kind": "latencylab ranking"',
    "md": b"<!-- ranking by latencylab -->",
    "html": MARKER,
    "png": png.marker,
    "svg": svg.marker,
    "pdf": pdf.marker,
}
_PICTURES: Final = ("png", "svg", "pdf")
_NAMED_TIES: Final = 2
_NAME_WIDTH: Final = 32
_QUALITY_COLUMNS: Final = ("dB", "score", "front")
_FIELDS: Final = (
    Field("rank", "number"),
    Field("network", "name"),
    Field("ms", "number"),
    Field("90 % interval"),
    Field("dB", "number"),
    Field("score", "number"),
    Field("front", "text"),
    Field("MACs", "number"),
    Field("DRAM MB", "number", is_spare=True),
    Field("tied with", "text"),
)


def render(ranking: Ranking, format_name: str, *, width: int = 160) -> bytes:
    """Render a ranking in one of FORMATS. width: text columns, of the table."""
    if format_name in _PICTURES:
        return _picture(ranking, cast("Format", format_name))
    if format_name == "html":
        return _page.render(_rank_page.page(ranking))
    if format_name == "json":
        text = json.dumps(ranking.as_dict(), indent=2, sort_keys=True, allow_nan=False) + "\n"
    elif format_name == "csv":
        text = _csv(ranking)
    elif format_name == "md":
        text = "\n\n".join([MARKERS["md"].decode(), *_markdown(ranking)]) + "\n"
    else:
        last = f"{MARKERS['table'].decode()} {ranking.latencylab_version}"
        text = "\n\n".join([*_text(ranking, width), last]) + "\n"
    return text.encode("utf-8", errors="backslashreplace")


def _picture(ranking: Ranking, format_name: Format) -> bytes:
    """Quality against latency with the front; without qualities, MACs against latency."""
    from latencylab.reporters import _charts

    shown = [c for c in ranking.candidates if c.quality_db is not None or not ranking.has_quality]
    # Labels that find no room are left out, the last ones first: the front keeps its own.
    shown.sort(key=lambda candidate: (not candidate.is_on_front, candidate.latency_ms, candidate.name))
    front = ranking.front(ranking.devices[0]) if len(ranking.devices) == 1 else ()
    points = [
        _charts.Point(
            candidate.name,
            candidate.latency_ms,
            _height(candidate),
            candidate.estimate.low_s * units.MS_PER_S,
            candidate.estimate.high_s * units.MS_PER_S,
            candidate.device,
        )
        for candidate in shown
    ]
    return _charts.scatter(
        points,
        format_name,
        title=f"{'Quality' if ranking.has_quality else 'MACs'} and latency on {', '.join(ranking.devices)}",
        x_title="predicted latency, ms (line: interval)",
        y_title="PSNR, dB" if ranking.has_quality else "GMACs",
        front=[(candidate.latency_ms, _height(candidate)) for candidate in front],
        log=not ranking.has_quality,
    )


def _height(candidate: Candidate) -> float:
    if candidate.quality_db is not None:
        return candidate.quality_db
    return candidate.estimate.model.macs / 1e9


def fields(ranking: Ranking) -> tuple[Field, ...]:
    """Columns of the text formats; those about quality only where there is one."""
    return tuple(f for f in _FIELDS if ranking.has_quality or f.header not in _QUALITY_COLUMNS)


def row(candidate: Candidate) -> dict[str, str]:
    """Cells of one candidate, by header."""
    estimate, tied = candidate.estimate, candidate.tied_with
    return {
        "rank": "-" if candidate.rank is None else f"{candidate.rank}{'=' if tied else ''}",
        "network": shorten(printable(candidate.name), _NAME_WIDTH),
        "ms": units.significant(candidate.latency_ms),
        "90 % interval": f"{units.milliseconds(estimate.low_s)}–{units.milliseconds(estimate.high_s)}",
        "dB": "-" if candidate.quality_db is None else f"{candidate.quality_db:.2f}",
        "score": "-" if candidate.score is None else f"{candidate.score:.2f}",
        "front": _front(candidate),
        "MACs": units.si(estimate.model.macs) if estimate.model.macs else "-",
        "DRAM MB": f"{estimate.dram_bytes / units.BYTES_PER_MB:,.1f}",
        "tied with": printable(listed(tied, _NAMED_TIES)),
    }


def _front(candidate: Candidate) -> str:
    if candidate.is_on_front:
        return "yes"
    if not candidate.dominated_by:
        return "-"
    doubt = "" if candidate.is_dominance_told else ", tied in time"
    return printable(f"dominated by {candidate.dominated_by}{doubt}")


def lines(ranking: Ranking) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles and sentences below the tables."""
    basis = [f"score = 2^(2·PSNR) / (C · ms), {ranking.score_basis}"] if ranking.score_basis else []
    told = (
        f"an order is told from a probability of {100 * ranking.confidence:g} %; closer candidates are tied"
    )
    yield "how to read it", (*basis, told, *ranking.notes)
    if ranking.inversions:
        yield "where MACs mislead", tuple(str(inversion) for inversion in ranking.inversions)


def _text(ranking: Ranking, width: int) -> Iterator[str]:
    for device in ranking.devices:
        yield printable(device)
        yield aligned(fields(ranking), _cells(ranking, device), width)
        if front := _front_line(ranking, device):
            yield paragraph(printable(front), width)
    for title, sentences in lines(ranking):
        yield "\n".join([title, *(paragraph(f"{BULLET}{printable(s)}", width) for s in sentences)])


def _markdown(ranking: Ranking) -> Iterator[str]:
    shown = fields(ranking)
    for device in ranking.devices:
        yield f"### {escaped(device)}"
        yield piped(shown, _cells(ranking, device))
        if front := _front_line(ranking, device):
            yield escaped(front)
    for title, sentences in lines(ranking):
        yield "\n".join([f"### {title}", "", *(f"- {escaped(s)}" for s in sentences)])


def _cells(ranking: Ranking, device: str) -> list[list[str]]:
    shown = fields(ranking)
    return [[cells[field.header] for field in shown] for cells in map(row, ranking.on(device))]


def _front_line(ranking: Ranking, device: str) -> str:
    front = ", ".join(candidate.name for candidate in ranking.front(device))
    return f"Pareto front, fastest first: {front}" if front else ""


def _csv(ranking: Ranking) -> str:
    rows = [_flat(candidate.as_dict()) for candidate in ranking.candidates]
    first = ("model", "device", "runtime", "engine_model", "rank")
    columns = (*first, *(name for name in rows[0] if name not in first)) if rows else first
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"tied_with": ";".join(data["tied_with"])}
