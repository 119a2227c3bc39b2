"""A verdict as plain rows: what the text formats show, before any of them decides how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters._columns import Field

if TYPE_CHECKING:
    from latencylab.gating import Check, Verdict

FIELDS: Final = (
    Field("verdict"),
    Field("network", "name"),
    Field("device", "name"),
    Field("check", "name"),
    Field("found", "number"),
    Field("limit", "number"),
    Field("note"),
)
_UNITS: Final = {
    "latency_ms": "ms",
    "dram_mb": "MB",
    "unpriced_pct": "%",
    "latency": "ms",
    "measured_ms": "ms",
}
_MS_PER_PS: Final = units.MS_PER_S / units.PS_PER_S


def rows(verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """One row a check, in the order of the configuration."""
    return tuple(_row(check) for check in verdict.checks)


def findings(verdict: Verdict) -> tuple[Check, ...]:
    """Return the checks that found something, the gravest first."""
    return (*verdict.of("error"), *verdict.of("warn"), *verdict.of("info"))


def differences(check: Check, most: int | None = None) -> tuple[tuple[str, str], ...]:
    """Say what changed since the baseline: ms and meta-node, the largest first; `most`: only so many."""
    ordered = sorted(check.differences, key=lambda term: -abs(term.difference_ps))
    shown = [(f"{term.difference_ps * _MS_PER_PS:+,.3f}", printable(term.name)) for term in ordered[:most]]
    rest_ps = sum(term.difference_ps for term in ordered[len(shown) :])
    left = len(ordered) - len(shown)
    return (*shown, *([(f"{rest_ps * _MS_PER_PS:+,.3f}", f"{left} smaller ones")] if left else []))


def _row(check: Check) -> tuple[str, ...]:
    options = "".join(f" {key}={value}" for key, value in check.case.options.items())
    cells = (
        check.status.upper() if check.status in {"warn", "error"} else check.status,
        check.case.model,
        check.case.device + options,
        check.what,
        _quantity(check.value, check.what),
        _quantity(check.limit, check.what),
        "at risk" if check.is_at_risk else "",
    )
    return tuple(printable(cell) for cell in cells)


def _quantity(value: float | None, what: str) -> str:
    if value is None:
        return "-"
    unit = _UNITS.get(what)
    return f"{units.significant(value)} {unit}" if unit else f"{value:g}"
