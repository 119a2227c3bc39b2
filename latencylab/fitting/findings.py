"""What a calibration found, as plain rows: nothing here prints."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from latencylab.fitting.rows import FIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from latencylab.fitting.agreement import Agreement
    from latencylab.fitting.calibration import Calibration
    from latencylab.fitting.choice import Parameter
    from latencylab.fitting.rows import Row

# Pairs more alike than this cannot be told apart by the rows.
STRONG: Final = 0.7
# A value so close to a bound, in relative terms, was stopped there.
_AT_BOUND: Final = 1e-3
# A value whose sigma is this share of its prior's was not narrowed by the rows.
_UNINFORMED: Final = 0.9

Record = dict[str, Any]


def findings(calibration: Calibration) -> Record:
    """Everything: agreement, parameters, correlations, rows, untouched."""
    return {
        "agreement": list(agreements(calibration)),
        "parameters": [_parameter(calibration, p) for p in calibration.chosen],
        "correlations": correlations(calibration),
        "rows": list(rows(calibration)),
        "untouched": [p.name for p in calibration.untouched],
    }


def groups(calibration: Calibration) -> dict[str, tuple[Row, ...]]:
    """Fitted rows by device and runtime, as rows name them."""
    found: dict[str, list[Row]] = {}
    for row in calibration.rows:
        if row.role == FIT:
            found.setdefault(row.device, []).append(row)
    return {device: tuple(own) for device, own in found.items()}


def agreements(calibration: Calibration) -> Iterator[Record]:
    """A row a device and runtime and stage: before, fitted, left out."""
    stages: tuple[tuple[str, Callable[[Sequence[Row]], Agreement | None]], ...] = (
        ("before", calibration.before),
        ("fitted", calibration.fitted),
        ("left out", calibration.unseen),
    )
    for device, own in groups(calibration).items():
        for stage, judged in stages:
            found = judged(own)
            if found is not None:
                yield {
                    "device": device,
                    "stage": stage,
                    "rows": found.rows,
                    "mape_pct": 100 * found.mape,
                    "median_pct": 100 * found.median,
                    "worst_pct": 100 * found.worst,
                    "within_10_pct": 100 * found.near_share,
                    "kendall_tau": found.tau,
                }


def _parameter(calibration: Calibration, parameter: Parameter) -> Record:
    fit = calibration.fit
    value, sigma = fit.values[parameter.name], fit.sigma.get(parameter.name)
    return {
        "parameter": parameter.name,
        "prior": parameter.start,
        "value": value,
        "sigma_pct": None if sigma is None else 100 * sigma,
        "low": parameter.low,
        "high": parameter.high,
        "rows": len(calibration.of(parameter)),
        "note": _note(parameter, value, sigma),
    }


def _note(parameter: Parameter, value: float, sigma: float | None) -> str:
    if value <= parameter.low * (1 + _AT_BOUND):
        return "at its lower bound"
    if value >= parameter.high * (1 - _AT_BOUND):
        return "at its upper bound"
    if sigma is not None and sigma >= _UNINFORMED * parameter.prior_sigma:
        return "no more than the prior"
    return ""


def correlations(calibration: Calibration) -> list[Record]:
    """Pairs of parameters that the rows cannot tell apart, the strongest first."""
    names, matrix = list(calibration.fit.sigma), calibration.fit.correlation
    pairs = [
        {"first": names[i], "second": names[j], "correlation": float(matrix[i, j])}
        for i, j in combinations(range(len(names)), 2)
        if abs(matrix[i, j]) >= STRONG
    ]
    return sorted(pairs, key=lambda pair: (-abs(pair["correlation"]), pair["first"], pair["second"]))


def rows(calibration: Calibration) -> Iterator[Record]:
    """Every row with what was predicted before, by the fit, and by the fit without its network."""
    unseen = {out.row.id: out for out in calibration.left_out}
    predictions = zip(calibration.rows, calibration.before_ms, calibration.fit.predicted_ms, strict=True)
    for row, before_ms, fitted_ms in predictions:
        out = unseen.get(row.id)
        yield {
            "id": row.id,
            "role": row.role,
            "measured_ms": row.latency_ms,
            "before_ms": before_ms,
            "fitted_ms": fitted_ms,
            "left_out_ms": out.predicted_ms if out else None,
            "error_pct": 100 * (fitted_ms / row.latency_ms - 1),
            "left_out_error_pct": 100 * out.error if out else None,
            "is_foreign": out.is_foreign if out else False,
        }
