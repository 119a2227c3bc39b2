"""docs/accuracy.md: the study as tables. The same evidence gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evidence.accuracy import baselines, derived
from evidence.accuracy.study import by_device
from latencylab import fitting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evidence.accuracy.derived import Check
    from evidence.accuracy.study import Case

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "accuracy.md"
DIARY = DOCS / "accuracy-diary.md"

_HEAD = """\
# Accuracy

What the model gets wrong, and by how much. `make accuracy` writes this page from `evidence/`: every row
that a profile is fitted on or held against; its source stands in `evidence/rows/`. `accuracy-diary.md` is
its last part.

*Fitted*: predicted by the shipped profile, which has seen the row. *Left out*: predicted by a fit from
the same priors that has seen no row of that network, at any scale, on any of the plan's devices. A
network that runs a kind of kernel which no remaining row has (marked †) cannot be learned from the
others: its rows stand beside, not in, the figures of those left out. Rows with the role *report* are
compared and never fitted: their graph, release or conditions are not known well enough, or they repeat in
another form what is fitted. Differences, of a network and its twin, are listed apart. τ is Kendall's rank
correlation.

The baselines know multiply-accumulates alone: in proportion to them, and with a constant besides; both
are fitted to the same rows, and left out likewise. The intervals that `latencylab profile` prints rest on
the errors of networks left out, widened by Student's t where these are few, and are never narrower than
the 5 % by which repeated measurements of one network differ.
"""


def render(cases: Sequence[Case], diary: str) -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## In short\n", _summary(cases), _baselines(cases), "## Ratios and differences\n"]
    known = {case.row.id: case for case in cases}
    sections = (
        ("Dolphin and VS640", (*derived.exact_networks(known), *derived.sisters(known))),
        ("ABPN and its study", tuple(derived.study(known))),
        ("Layout", tuple(derived.layouts(known))),
        ("DRAM", tuple(derived.dram(known))),
        ("The replicated skip", tuple(derived.skips(known))),
        ("Phones, networks of the published table", tuple(derived.phones(known))),
    )
    parts += [f"### {title}\n\n{_checks(checks)}" for title, checks in sections if checks]
    parts.append("## Every row\n")
    parts += [_device(device, own) for device, own in by_device(cases).items()]
    return "\n".join([*parts, diary])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(header), " | ".join("---" for _ in header), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _summary(cases: Sequence[Case]) -> str:
    header = (
        *("device and runtime", "rows", "mean error", "within 10 %", "τ"),
        *("left out: rows", "mean error", "median", "worst", "within 10 %", "τ", "† mean error (rows)"),
    )
    rows = [_summary_row(device, own) for device, own in by_device(_networks(cases)).items()]
    return _table(header, rows)


def _networks(cases: Iterable[Case]) -> list[Case]:
    """Fitted rows that are whole networks."""
    return [case for case in cases if case.is_fitted and not case.row.minus]


def _summary_row(device: str, own: Sequence[Case]) -> tuple[str, ...]:
    seen = _agreement([(case, case.predicted_ms) for case in own])
    unseen = [(case, case.unseen.predicted_ms) for case in own if case.unseen]
    familiar = _agreement([(c, ms) for c, ms in unseen if c.unseen and not c.unseen.is_foreign])
    foreign = _agreement([(c, ms) for c, ms in unseen if c.unseen and c.unseen.is_foreign])
    assert seen is not None  # noqa: S101 - a device is here because of its rows
    cells = (f"`{device}`", str(seen.rows), _pct(seen.mape), _share(seen.near_share), _tau(seen.tau))
    beside = f"{_pct(foreign.mape)} ({foreign.rows})" if foreign else "–"
    if familiar is None:
        return (*cells, *("–",) * 6, beside)
    return (
        *cells,
        str(familiar.rows),
        *(_pct(value) for value in (familiar.mape, familiar.median, familiar.worst)),
        *(_share(familiar.near_share), _tau(familiar.tau), beside),
    )


def _baselines(cases: Sequence[Case]) -> str:
    header = (
        "device and runtime",
        *(f"{name}: {what}" for name in ("MACs", "affine") for what in ("fitted", "τ", "left out", "worst")),
    )
    rows = []
    for device, own in by_device(_networks(cases)).items():
        cells = [f"`{device}`"]
        for baseline in (baselines.proportional, baselines.affine):
            seen = _agreement(list(zip(own, baseline(own, own), strict=True)))
            unseen = _agreement(baselines.left_out(baseline, own))
            cells += [_pct(seen.mape), _tau(seen.tau)] if seen else ["–"] * 2
            cells += [_pct(unseen.mape), _pct(unseen.worst)] if unseen else ["–"] * 2
        rows.append(cells)
    return "### What MACs alone would say\n\n" + _table(header, rows)


def _agreement(pairs: Sequence[tuple[Case, float]]) -> fitting.Agreement | None:
    return fitting.agreement([case.row.latency_ms for case, _ in pairs], [ms for _, ms in pairs])


def _checks(checks: Iterable[Check]) -> str:
    rows = (
        (c.what, c.measured, c.predicted, "" if c.error_pct is None else f"{c.error_pct:+.1f} %", c.asked)
        for c in checks
    )
    return _table(("what", "measured", "predicted", "error", "asked"), rows)


def _device(device: str, own: Sequence[Case]) -> str:
    blocks = (
        ("fitted", [case for case in own if case.is_fitted and not case.row.minus]),
        ("differences, fitted", [case for case in own if case.is_fitted and case.row.minus]),
        ("differences, reported", [case for case in own if not case.is_fitted and case.row.minus]),
        ("reported", [case for case in own if not case.is_fitted and not case.row.minus]),
    )
    text = [f"### {device}\n"]
    text += [f"*{title}*\n\n{_rows(cases)}" for title, cases in blocks if cases]
    return "\n".join(text)


def _rows(cases: Sequence[Case]) -> str:
    header = ("row", "status", "measured ms", "predicted ms", "error", "left out ms", "error", "note")
    return _table(header, (tuple(_cells(case)) for case in cases))


def _cells(case: Case) -> Iterator[str]:
    row, unseen = case.row, case.unseen
    yield f"`{row.id}`"
    yield row.status
    yield f"{row.latency_ms:.4g}"
    yield f"{case.predicted_ms:.4g}"
    yield f"{100 * case.error:+.1f} %"
    if unseen and case.unseen_error is not None:
        yield f"{unseen.predicted_ms:.4g}{' †' if unseen.is_foreign else ''}"
        yield f"{100 * case.unseen_error:+.1f} %"
    else:
        yield ""
        yield ""
    yield row.note.replace("|", "/")


def _pct(value: float) -> str:
    return f"{100 * value:.1f} %"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _tau(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
