"""What a prediction must beat: latency in proportion to MACs, and affine in MACs, fitted to the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from evidence.accuracy.study import Case

# Fits to some cases, predicts others, in milliseconds.
Baseline = Callable[[Sequence["Case"], Sequence["Case"]], list[float]]


def proportional(seen: Sequence[Case], wanted: Sequence[Case]) -> list[float]:
    """Milliseconds a MAC: the geometric mean of what is seen."""
    rates = [np.log(case.row.latency_ms / case.macs) for case in seen if case.macs > 0]
    rate = float(np.exp(np.mean(rates))) if rates else 0.0
    return [rate * case.macs for case in wanted]


def affine(seen: Sequence[Case], wanted: Sequence[Case]) -> list[float]:
    """A constant and milliseconds a MAC, neither negative, of least relative squares."""
    measured = np.array([case.row.latency_ms for case in seen])
    # In units of the largest count, so that both columns are of one size.
    unit = max((case.macs for case in (*seen, *wanted)), default=0) or 1
    design = np.array([[1.0, case.macs / unit] for case in seen]) / measured[:, None]
    (constant, slope), _ = nnls(design, np.ones(len(seen)))
    return [float(constant + slope * case.macs / unit) for case in wanted]


def left_out(baseline: Baseline, cases: Sequence[Case]) -> list[tuple[Case, float]]:
    """Each case predicted by a fit that has seen no row of its network."""
    result = []
    for network in dict.fromkeys(case.row.network for case in cases):
        seen = [case for case in cases if case.row.network != network]
        wanted = [case for case in cases if case.row.network == network]
        if seen:
            result += list(zip(wanted, baseline(seen, wanted), strict=True))
    return result
