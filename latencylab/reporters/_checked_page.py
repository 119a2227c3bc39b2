"""A cross-check as a page: predicted over measured, how well they agree, and which meta-nodes are off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.checking import BANDS
from latencylab.printable import listed, printable
from latencylab.reporters._kernels import ms
from latencylab.reporters._page import Chart, Column, Figure, Page, Section, Table, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.checking import Agreement, CheckedModel, CheckedRow, Crosscheck

_BAND: Final = 0.10
_TOTALS: Final = (
    Column("name", "network"),
    Column("group", "type and threads"),
    Column("gmacs", "GMACs", "number"),
    Column("predicted_ms", "predicted ms", "ms"),
    Column("low_ms", "low ms", "ms"),
    Column("high_ms", "high ms", "ms"),
    Column("measured_ms", "measured ms", "ms"),
    Column("deviation", "measured ± %", "percent"),
    Column("error", "error %", "error"),
    Column("is_inside", "in the interval", "flag"),
    Column("coverage", "placed %", "percent"),
    Column("shapes", "inputs", "shapes"),
    Column("measured_at", "measured"),
    Column("direction", "direction"),
)
_ROWS: Final = (
    Column("model", "network"),
    Column("name", "meta-node"),
    Column("operator", "operator"),
    Column("kind", "kind"),
    Column("predicted_ms", "predicted ms", "ms", is_summed=True),
    Column("measured_ms", "measured ms", "ms", is_summed=True),
    Column("off_ms", "off ms", "change", is_summed=True),
    Column("error", "error %", "error"),
    Column("macs", "MACs", "count", is_summed=True),
    Column("bound", "bound"),
    Column("reason", "the model says"),
    Column("direction", "direction"),
    Column("label", "in its network"),
)
_TONES: Final = {"predicted too slow": "color-0", "predicted too fast": "color-1"}


def page(found: Crosscheck) -> Page:
    """Assemble the page of a cross-check."""
    found, shared = shortened(found)
    dates = sorted({model.measured_at[:10] for model in found.models})
    return Page(
        title=f"Cross-check of {units.counted(len(found.models), 'network')} on {printable(found.device)}",
        facts=tuple(
            printable(fact)
            for fact in (
                found.device_title,
                found.host,
                found.runtime,
                " ".join(found.isa),
                f"{found.statistic} of the samples",
                f"measured {', '.join(dates)}",
                shared,
            )
            if fact
        ),
        figures=_figures(found),
        lead=_lead(found),
        warnings=tuple(dict.fromkeys(_warnings(found))),
        sections=tuple(_sections(found)),
        footer=(
            f"latencylab {found.latencylab_version}",
            *(f"{m.name}, sha256 {m.sha256}" for m in found.models),
        ),
        version=found.latencylab_version,
    )


def shortened(found: Crosscheck) -> tuple[Crosscheck, str]:
    """Take what all names end with ("?height=360&width=640") off them, and return it."""
    endings = {model.name.partition("?")[2] for model in found.models}
    if len(endings) != 1 or not (shared := endings.pop()):
        return found, ""
    models = tuple(replace(model, name=model.name.partition("?")[0]) for model in found.models)
    return replace(found, models=models), shared.replace("&", ", ")


def _figures(found: Crosscheck) -> tuple[Figure, ...]:
    some, baseline = found.agreement, found.baseline
    if some is None:
        return ()
    tone: Tone = "good" if some.mape <= _BAND else "unsure"
    within = dict(zip(BANDS, some.within, strict=True))
    return (
        Figure("Mean error", f"{100 * some.mape:.1f} %", f"of {units.counted(some.rows, 'total')}", tone),
        *((Figure("By MACs alone", f"{100 * baseline.mape:.1f} %", "best a + b·MACs"),) if baseline else ()),
        Figure(f"Within {100 * _BAND:g} %", f"{100 * within[_BAND]:.0f} %", "of the networks"),
        Figure("In the interval", f"{100 * found.inside:.0f} %", "of the networks"),
        *((Figure("Order", f"{some.tau:.3f}", "Kendall's τ"),) if some.tau is not None else ()),
    )


def _lead(found: Crosscheck) -> str:
    if not found.models:
        return "Nothing was measured."
    worst = max(found.models, key=lambda model: abs(model.error))
    return printable(
        f"The farthest off is {worst.name}: {units.milliseconds(worst.predicted_s)} ms predicted, "
        f"{units.milliseconds(worst.measured_s)} ms measured, {100 * worst.error:+.1f} %."
    )


def _warnings(found: Crosscheck) -> Iterator[str]:
    """Yield each warning of a measurement once, with those it is about."""
    about: dict[str, list[str]] = {}
    for model in found.models:
        for warning in model.warnings:
            about.setdefault(warning, []).append(model.name)
    for warning, names in about.items():
        yield printable(f"{listed(names, 3)}: {warning}")


def _sections(found: Crosscheck) -> Iterator[Section]:
    totals = Table("totals", _TOTALS, tuple(_picked(_TOTALS, _total(model)) for model in found.models))
    checked = [(model, row) for model in found.models for row in model.rows]
    parts = Table("meta-nodes", _ROWS, tuple(_picked(_ROWS, _row(model, row)) for model, row in checked))
    yield _scatter(found, totals)
    yield _errors(totals)
    yield _agreement(found)
    if parts.rows:
        yield _meta_nodes(parts)


def _picked(columns: tuple[Column, ...], values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values[column.key] for column in columns)


def _total(model: CheckedModel) -> dict[str, Any]:
    return {
        "name": printable(model.name),
        "group": _group(model),
        "gmacs": float(f"{model.macs / 1e9:.4g}"),
        "predicted_ms": ms(model.predicted_s),
        "low_ms": ms(model.low_s),
        "high_ms": ms(model.high_s),
        "measured_ms": ms(model.measured_s),
        "deviation": round(model.deviation, 6),
        "error": round(model.error, 6),
        "is_inside": model.is_inside,
        "coverage": round(model.coverage, 6),
        "shapes": model.input_shapes,
        "measured_at": model.measured_at,
        "direction": _direction(model.error),
    }


def _group(model: CheckedModel) -> str:
    return f"{model.dtype}, {units.counted(model.threads, 'thread')}"


def _direction(error: float) -> str:
    return "predicted too slow" if error >= 0 else "predicted too fast"


def _row(model: CheckedModel, row: CheckedRow) -> dict[str, Any]:
    off_s = row.predicted_s - row.measured_s
    return {
        "model": printable(model.name),
        "name": printable(row.name),
        "operator": printable(row.operator),
        "kind": row.kind,
        "predicted_ms": ms(row.predicted_s) if row.predicted_s else None,
        "measured_ms": ms(row.measured_s) if row.measured_s else None,
        "off_ms": ms(off_s),
        "error": None if row.error is None else round(row.error, 6),
        "macs": row.macs,
        "bound": row.bound,
        "reason": printable(row.reason),
        "direction": _direction(off_s),
        "label": printable(f"{row.name or row.operator}, {model.name}"),
    }


def _scatter(found: Crosscheck, totals: Table) -> Section:
    values = [value for m in found.models for value in (1e3 * m.predicted_s, 1e3 * m.measured_s)] or [1.0]
    low, high = min(values) / 3, 3 * max(values)
    lower, upper = [[[x, x * (1 + sign * _BAND)] for x in (low, high)] for sign in (-1, 1)]
    inside = sum(abs(model.error) <= _BAND for model in found.models)
    return Section(
        "scatter",
        "Predicted and measured",
        f"On the line a prediction is right; the band is ±{100 * _BAND:g} %. Lines through points are the "
        "predicted intervals.",
        chart=Chart(
            "scatter",
            f"Scatter of predicted over measured latency of {units.counted(len(found.models), 'network')}, "
            f"{inside} of them within {_BAND:.0%}.",
            {
                "label": "name", "x": "measured_ms", "y": "predicted_ms", "low": "low_ms", "high": "high_ms",
                "is_upright": True, "is_square": True, "log": True, "is_tight": True, "color": "group",
                "is_named": True,
                "x_title": "measured, ms", "y_title": "predicted, ms",
                "lines": [{"name": "as measured", "points": [[low, low], [high, high]], "ink": "muted"}],
                "bands": [{"name": "band", "points": [*lower, *reversed(upper)]}],
                "told": ["error"],
            },
        ),
        table=totals,
        shown=tuple(c.key for c in _TOTALS if c.key not in {"shapes", "measured_at", "direction"}),
        is_open=True,
    )  # fmt: skip


def _errors(totals: Table) -> Section:
    return Section(
        "errors",
        "Error of each total",
        "To the right, predicted too slow; to the left, too fast. The farthest off first.",
        chart=Chart(
            "bars",
            f"Bars of the relative error of {units.counted(len(totals.rows), 'network')}.",
            {
                "label": "name", "value": "error", "color": "direction", "tones": _TONES, "is_sorted": True,
                "told": ["predicted_ms", "measured_ms", "group"],
            },
        ),
        table=totals,
        shown=("name", "group", "predicted_ms", "measured_ms", "error", "is_inside"),
    )  # fmt: skip


def _agreement(found: Crosscheck) -> Section:
    columns = (
        Column("by", "predicted by"),
        Column("models", "networks", "number"),
        Column("mape", "mean error %", "percent"),
        Column("rmspe", "RMS error %", "percent"),
        *(Column(f"within_{i}", f"within {100 * band:g} %", "percent") for i, band in enumerate(BANDS)),
        Column("tau", "Kendall's τ", "decibel"),
        Column("spearman", "Spearman", "decibel"),
    )
    sides = (("latencylab", found.agreement), ("best a + b·MACs of these rows", found.baseline))
    return Section(
        "agreement",
        "How far to trust this",
        "Over all totals; below it what the best straight line through the MACs of the same networks does.",
        table=Table("agreement", columns, tuple(_agreed(name, some) for name, some in sides if some)),
    )


def _agreed(name: str, some: Agreement) -> tuple[Any, ...]:
    return (name, some.rows, some.mape, some.rmspe, *some.within, some.tau, some.spearman)


def _meta_nodes(parts: Table) -> Section:
    return Section(
        "parts",
        "Meta-nodes",
        "By how many milliseconds the prediction of each is off, the farthest first.",
        chart=Chart(
            "bars",
            f"Bars of how far off {units.counted(len(parts.rows), 'meta-node')} are.",
            {
                "label": "label", "value": "off_ms", "color": "direction", "tones": _TONES, "is_sorted": True,
                "told": ["operator", "predicted_ms", "measured_ms", "bound"],
            },
        ),
        table=parts,
        shown=tuple(column.key for column in _ROWS if column.key not in {"direction", "label", "reason"}),
    )  # fmt: skip
