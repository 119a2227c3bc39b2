"""How well predictions agree with measurements, in the figures that are reported."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# What repeated published measurements of one network differ by: no interval is narrower.
SIGMA_FLOOR: Final = 0.05
NEAR: Final = 0.10
# 11 / 10 - 1 is a little more than 0.1.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `rows` pairs: mean, median and largest absolute relative error, share within +-10 %, Kendall's tau.

    tau: rank correlation; None where fewer than two measurements differ.
    """

    rows: int
    mape: float
    median: float
    worst: float
    near_share: float
    tau: float | None


def agreement(measured_ms: Sequence[float], predicted_ms: Sequence[float]) -> Agreement | None:
    """Compare pair by pair; None without a pair."""
    if not measured_ms:
        return None
    errors = np.abs(np.array(predicted_ms) / np.array(measured_ms) - 1)
    return Agreement(
        rows=len(measured_ms),
        mape=float(errors.mean()),
        median=float(np.median(errors)),
        worst=float(errors.max()),
        near_share=float((errors <= NEAR + _ROUNDING).mean()),
        tau=kendall_tau(measured_ms, predicted_ms),
    )


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Rank correlation (tau-b); None where one side does not vary."""
    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    from scipy.stats import kendalltau

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(kendalltau(first, second).statistic)


def sigma_log(measured_ms: Sequence[float], predicted_ms: Sequence[float]) -> float:
    """Root mean square of log(predicted / measured).

    A prediction of nothing or less (a difference can come out so) counts as a factor of e.
    """
    ratios = (p / m for p, m in zip(predicted_ms, measured_ms, strict=True))
    squares = [math.log(ratio) ** 2 if ratio > 0 else 1.0 for ratio in ratios]
    return math.sqrt(sum(squares) / len(squares))


def sigma_of_interval(measured_ms: Sequence[float], predicted_ms: Sequence[float]) -> float:
    """Sigma that makes a 90 % interval, wider where few rows tell it (Student's t), at least SIGMA_FLOOR."""
    from scipy.stats import norm, t

    widening = float(t.ppf(0.95, len(measured_ms)) / norm.ppf(0.95))
    return max(SIGMA_FLOOR, widening * sigma_log(measured_ms, predicted_ms))
