"""Prediction of rows that the fit has not seen, and rows that look as if their unit were another."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.errors import ConfigError
from latencylab.fitting.rows import FIT
from latencylab.fitting.solver import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from latencylab.fitting.choice import Parameter
    from latencylab.fitting.predictor import Predictor
    from latencylab.fitting.rows import Row

# A row this many times away from the others' level of error is more likely in the wrong unit.
_UNIT_SUSPICION: Final = 100.0
_FEWEST_FOR_A_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Prediction of a row by a fit that has not seen any row of its network.

    is_foreign: the network runs a kind of kernel that no remaining row has: nothing could be learned of it.
    """

    row: Row
    predicted_ms: float
    is_foreign: bool = False

    @property
    def error(self) -> float:
        """Relative error."""
        return self.predicted_ms / self.row.latency_ms - 1


def leave_one_network_out(
    predictor: Predictor,
    chosen: Sequence[Parameter],
    group: Callable[[Row], str] = lambda row: row.network,
    progress: Callable[[str], None] | None = None,
) -> tuple[LeftOut, ...]:
    """Fit once per network without its rows, on every device, always from the priors; predict them.

    Empty where there is only one network.
    """
    result: list[LeftOut] = []
    used = [row for row in predictor.rows if row.role == FIT]
    names = dict.fromkeys(group(row) for row in used)
    for name in names if len(names) > 1 else ():
        kept = [row for row in used if group(row) != name]
        left = [row for row in used if group(row) == name]
        fitted = fit(predictor, chosen, kept)
        seen = {kind for row in kept for kind in predictor.kinds(row)}
        for row, predicted_ms in zip(left, predictor.predict_ms(fitted.values, left), strict=True):
            result.append(LeftOut(row, predicted_ms, not predictor.kinds(row) <= seen))
        if progress:
            progress(f"without {name}")
    return tuple(result)


def suspicious_units(rows: Sequence[Row], predicted_ms: Sequence[float]) -> tuple[Row, ...]:
    """Rows off by orders of magnitude from the others: their unit is probably not milliseconds."""
    ratios = [
        row.latency_ms / p if p > 0 and not row.minus else None
        for row, p in zip(rows, predicted_ms, strict=True)
    ]
    known = [ratio for ratio in ratios if ratio is not None]
    level = statistics.median(known) if len(known) >= _FEWEST_FOR_A_LEVEL else 1.0
    if not 1 / _UNIT_SUSPICION < level < _UNIT_SUSPICION:
        level = 1.0
    return tuple(
        row
        for row, ratio in zip(rows, ratios, strict=True)
        if ratio is not None and not 1 / _UNIT_SUSPICION < ratio / level < _UNIT_SUSPICION
    )


def require_milliseconds(rows: Sequence[Row], predicted_ms: Sequence[float]) -> None:
    """Raise ConfigError pointing at the rows that are not in milliseconds, by id."""
    predicted = dict(zip((row.id for row in rows), predicted_ms, strict=True))
    wrong = suspicious_units(rows, predicted_ms)
    if not wrong:
        return
    shown = "; ".join(
        f"row {row.id}: {row.latency_ms:g} ms measured, about {predicted[row.id]:.3g} ms expected"
        for row in wrong[:3]
    )
    more = f"; and {units.counted(len(wrong) - 3, 'more row')}" if len(wrong) > 3 else ""
    raise ConfigError(f"{shown}{more}: is latency_ms in milliseconds?")
