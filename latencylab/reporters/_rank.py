"""Rankings to bytes: table, CSV, JSON, Markdown, a page, and a picture of quality against latency."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final, cast

from tabulate import tabulate

from latencylab import units
from latencylab.printable import printable, shorten
from latencylab.reporters import _page, _rank_page, pdf, png, svg
from latencylab.reporters._page import MARKER
from latencylab.reporters.md import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def render(ranking: Ranking, format_name: str) -> bytes:
    """Render a ranking in one of FORMATS."""
    if format_name in _PICTURES:
        return _picture(ranking, cast("Format", format_name))
    if format_name == "html":
        return _page.render(_rank_page.page(ranking))
    if format_name == "json":
        text = json.dumps(ranking.as_dict(), indent=2, sort_keys=True, allow_nan=False) + "\n"
    elif format_name == "csv":
        text = _csv(ranking)
    elif format_name == "md":
        text = "\n\n".join([MARKERS["md"].decode(), *_blocks(ranking, "pipe", escaped, "### ")]) + "\n"
    else:
        last = f"{MARKERS['table'].decode()} {ranking.latencylab_version}"
        text = "\n\n".join([*_blocks(ranking, "simple", printable, ""), last]) + "\n"
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


def headers(ranking: Ranking) -> tuple[str, ...]:
    """Columns of the text formats; those about quality only where there is one."""
    every = ("rank", "network", "ms", "90 % interval", *_QUALITY_COLUMNS, "MACs", "DRAM MB", "tied with")
    return tuple(name for name in every if ranking.has_quality or name not in _QUALITY_COLUMNS)


def row(candidate: Candidate) -> dict[str, str]:
    """Cells of one candidate, by header."""
    estimate, tied = candidate.estimate, candidate.tied_with
    more = f" and {len(tied) - _NAMED_TIES} more" if len(tied) > _NAMED_TIES else ""
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
        "tied with": printable(", ".join(tied[:_NAMED_TIES])) + more,
    }


def _front(candidate: Candidate) -> str:
    if candidate.is_on_front:
        return "front"
    if not candidate.dominated_by:
        return "-"
    doubt = "" if candidate.is_dominance_told else ", tied in time"
    return printable(f"dominated by {candidate.dominated_by}{doubt}")


def lines(ranking: Ranking) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles and sentences below the tables."""
    basis = [f"score = 2^(2·PSNR) / (C · ms), {ranking.score_basis}"] if ranking.score_basis else []
    told = f"an order is told from a probability of {ranking.confidence:.0%}; closer candidates are tied"
    yield "how to read it", (*basis, told, *ranking.notes)
    if ranking.inversions:
        yield "where MACs mislead", tuple(str(inversion) for inversion in ranking.inversions)


def _blocks(ranking: Ranking, style: str, safe: Callable[[str], str], mark: str) -> Iterator[str]:
    shown = headers(ranking)
    right = {"rank", "ms", "dB", "score", "MACs", "DRAM MB"}
    align = ["right" if name in right else "left" for name in shown]
    for device in ranking.devices:
        yield f"{mark}{safe(device)}"
        cells = [[safe(row(candidate)[name]) for name in shown] for candidate in ranking.on(device)]
        yield str(tabulate(cells, shown, tablefmt=style, colalign=align, disable_numparse=True))
        front = ", ".join(candidate.name for candidate in ranking.front(device))
        if front:
            yield safe(f"Pareto front, fastest first: {front}")
    bullet = "- " if mark else "• "
    for title, sentences in lines(ranking):
        yield "\n".join(
            [f"{mark}{title}", *([""] if mark else []), *(f"{bullet}{safe(s)}" for s in sentences)]
        )


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
