"""Cross-checks as text and as a picture: predicted beside measured, and how well they agree."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.checking import BANDS
from latencylab.printable import printable, shorten
from latencylab.reporters import _checked_page, _page
from latencylab.reporters._columns import BULLET, Field, aligned, paragraph
from latencylab.reporters._page import MARKER
from latencylab.reporters.md import line, piped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from latencylab.checking import Agreement, CheckedModel, CheckedRow, Crosscheck

    Tabulate = Callable[[Sequence[Field], Sequence[Sequence[str]]], str]

SCHEMA_VERSION: Final = 1
FORMATS: Final = ("table", "json", "csv", "md", "html", "png", "svg")
SUFFIXES: Final = {".txt": "table"} | {f".{name}": name for name in FORMATS if name != "table"}
MARKERS: Final = {
    "table": b"cross-checked by latencylab",
    "json": b'"kind": "crosscheck"',
    "csv": b"model,dtype,threads,level,name,",
    "md": b"<!-- cross-checked by latencylab -->",
    "html": MARKER,
    "png": b"latencylab",
    "svg": b"latencylab",
}
_TOTALS: Final = (
    Field("model", "name"),
    Field("type"),
    *(Field(name, "number") for name in ("threads", "GMACs", "predicted ms", "measured ms", "error %")),
    Field("placed %", "number", is_spare=True),
)
_WORST: Final = (
    Field("meta-node", "name"),
    Field("operator", "name", is_spare=True),
    *(Field(name, "number") for name in ("predicted ms", "measured ms", "error %")),
    Field("bound"),
    Field("the model says", "text"),
)
_BANDS: Final = tuple(f"within {100 * band:g} %" for band in BANDS)
_AGREEMENT: Final = (
    Field(""),
    Field("models", "number"),
    Field("MAPE %", "number"),
    Field("RMSPE %", "number", is_spare=True),
    *(Field(name, "number") for name in (*_BANDS, "τ")),
    Field("Spearman", "number", is_spare=True),
)
_NAME_WIDTH: Final = 36


def render(found: Crosscheck, format_name: str, *, top: int | None = 5, width: int = 160) -> bytes:
    """Render a cross-check. top: worst meta-nodes of each model, None: all in order. width: text columns."""
    if format_name == "json":
        text = json.dumps(data(found), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    elif format_name == "csv":
        text = _csv(found)
    elif format_name == "html":
        return _page.render(_checked_page.page(found))
    elif format_name in {"png", "svg"}:
        return _picture(found, format_name)
    elif format_name == "md":
        text = f"{MARKERS['md'].decode()}\n\n{_text(found, top, piped, line)}\n"
    else:
        text = f"{_text(found, top, *_fitting(width))}\n\n{_footer(found)}\n"
    return text.encode("utf-8", errors="backslashreplace")


def data(found: Crosscheck) -> dict[str, Any]:
    """Return plain data, units in the names."""
    return {
        "kind": "crosscheck",
        "schema_version": SCHEMA_VERSION,
        "latencylab_version": found.latencylab_version,
        "device": found.device,
        "device_title": found.device_title,
        "host": {"cpu": found.host, "isa": list(found.isa), "runtime": found.runtime},
        "statistic": found.statistic,
        "agreement": _agreement_data(found.agreement),
        "baseline_affine_in_macs": _agreement_data(found.baseline),
        "inside_interval": found.inside,
        "models": [_model_data(model) for model in found.models],
    }


def _agreement_data(some: Agreement | None) -> dict[str, Any] | None:
    if some is None:
        return None
    within = {f"within_{round(100 * b)}_pct": share for b, share in zip(BANDS, some.within, strict=True)}
    tau = {"kendall_tau": some.tau, "spearman": some.spearman}
    return {"models": some.rows, "mape": some.mape, "rmspe": some.rmspe, **within, **tau}


def _model_data(model: CheckedModel) -> dict[str, Any]:
    plain = asdict(model)
    for key in ("predicted_s", "low_s", "high_s", "measured_s"):
        plain[key.replace("_s", "_ms")] = 1e3 * plain.pop(key)
    plain["error"] = model.error
    plain["meta_nodes"] = [_row_data(row) for row in model.rows]
    del plain["rows"]
    return plain


def _row_data(row: CheckedRow) -> dict[str, Any]:
    plain = asdict(row)
    for key in ("predicted_s", "measured_s"):
        plain[key.replace("_s", "_ms")] = 1e3 * plain.pop(key)
    return {**plain, "error": row.error}


def _fitting(width: int) -> tuple[Tabulate, Callable[[str], str]]:
    """How the terminal has tables and sentences."""
    return (
        lambda fields, rows: aligned(fields, rows, width),
        lambda text: paragraph(printable(text), width),
    )


def _text(found: Crosscheck, top: int | None, table: Tabulate, safe: Callable[[str], str]) -> str:
    """Totals and agreement first, then meta-nodes model by model."""
    agreements = list(_agreements(found))
    title = f"{found.device} ({found.device_title}) · {found.runtime} · {found.host} · {' '.join(found.isa)}"
    blocks = [
        safe(title),
        table(_TOTALS, [_total(model) for model in found.models]),
        table(_AGREEMENT, agreements) if agreements else "",
        safe(f"measured totals inside the predicted interval: {100 * found.inside:.0f} %"),
    ]
    blocks += [block for model in found.models if (block := _model(model, top, table, safe))]
    return "\n\n".join(blocks)


def _total(model: CheckedModel) -> tuple[str, ...]:
    return (
        printable(model.name),
        model.dtype,
        str(model.threads),
        units.significant(model.macs / 1e9),
        _ms(model.predicted_s),
        _ms(model.measured_s),
        f"{100 * model.error:+.1f}",
        f"{100 * model.coverage:.1f}",
    )


def _agreements(found: Crosscheck) -> Iterator[tuple[str, ...]]:
    for name, some in (("latencylab", found.agreement), ("best a + b·MACs", found.baseline)):
        if some is not None:
            shares = (f"{100 * share:.0f} %" for share in some.within)
            ranks = ("-" if value is None else f"{value:.3f}" for value in (some.tau, some.spearman))
            yield name, str(some.rows), f"{100 * some.mape:.1f}", f"{100 * some.rmspe:.1f}", *shares, *ranks


def _model(model: CheckedModel, top: int | None, table: Tabulate, safe: Callable[[str], str]) -> str:
    rows = model.rows if top is None else model.worst(top)
    lines = [safe(f"{model.name}, {model.dtype}, threads {model.threads}")]
    lines += [safe(f"{BULLET}{warning}") for warning in model.warnings]
    if rows:
        lines += ["", table(_WORST, [_cells(row) for row in rows])]
    return "\n".join(lines) if len(lines) > 1 else ""


def _cells(row: CheckedRow) -> tuple[str, ...]:
    return (
        shorten(printable(row.name), _NAME_WIDTH),
        shorten(printable(row.operator), _NAME_WIDTH),
        _ms(row.predicted_s) if row.predicted_s else "-",
        _ms(row.measured_s) if row.measured_s else "-",
        "-" if row.error is None else f"{100 * row.error:+.1f}",
        row.bound.lower(),
        row.reason,
    )


def _footer(found: Crosscheck) -> str:
    dates = sorted({model.measured_at[:10] for model in found.models})
    when = f"measured {', '.join(dates)} ({found.statistic})"
    return f"{MARKERS['table'].decode()} {found.latencylab_version}, {when}"


def _csv(found: Crosscheck) -> str:
    stream = io.StringIO()
    columns = ("model", "dtype", "threads", "level", "name", "operator", "kind", "macs", "predicted_ms")
    writer = csv.DictWriter(stream, (*columns, "measured_ms", "error", "bound"), lineterminator="\n")
    writer.writeheader()
    for model in found.models:
        writer.writerows(_records(model))
    return stream.getvalue()


def _records(model: CheckedModel) -> Iterator[dict[str, Any]]:
    """One record for the total, then one a row."""
    common = {"model": model.name, "dtype": model.dtype, "threads": model.threads}
    total = {"level": "total", "name": model.name, "macs": model.macs, "error": model.error}
    yield {**common, **total, "predicted_ms": 1e3 * model.predicted_s, "measured_ms": 1e3 * model.measured_s}
    for row in model.rows:
        plain = {"name": row.name, "operator": row.operator, "kind": row.kind, "macs": row.macs}
        times = {"predicted_ms": 1e3 * row.predicted_s, "measured_ms": 1e3 * row.measured_s}
        yield {**common, "level": "meta-node", **plain, **times, "error": row.error, "bound": row.bound}


def _picture(found: Crosscheck, format_name: str) -> bytes:
    from latencylab.reporters import _charts

    found, _ = _checked_page.shortened(found)
    points = [
        _charts.Point(
            name=m.name, x=1e3 * m.measured_s, y=1e3 * m.predicted_s, group=f"{m.dtype}, threads {m.threads}"
        )
        for m in found.models
    ]
    return _charts.scatter(
        points,
        "png" if format_name == "png" else "svg",
        title=f"Predicted against measured, ±10 % band\n{found.device}, {found.host}",
        x_title="measured ms",
        y_title="predicted ms",
        diagonal=True,
        band=0.1,
        log=True,
    )


def _ms(seconds: float) -> str:
    return units.significant(1e3 * seconds)
