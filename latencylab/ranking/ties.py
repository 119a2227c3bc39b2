"""Which of two candidates is faster, and how sure the model is: the error of a difference.

The logarithm of predicted by measured latency has a standard deviation sigma (`accuracy.sigma_log` of a
profile). For two networks on one device these residuals are correlated: a wrong rate errs in both.

    sigma_difference² = sigma_a² + sigma_b² - 2 · rho · sigma_a · sigma_b

How much they have in common depends on what they spend their time on. With `c` the cosine between their times
by kind and engine, rho = residual correlation · max(0, 2c - 1): networks half unlike share nothing. A
profile states its own (`accuracy.residual_correlation`); docs/ranking.md shows what was found on
measured rows, and why this is on the safe side.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import hypot, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.result import Estimate

# An order is told only where the model gives it this probability.
CONFIDENCE: Final = 0.9
# Below this likeness two networks are taken to have no errors in common.
_UNLIKE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides whether the model can tell two candidates of one device apart.

    residual_correlation: of networks that spend their time alike; None: what the device's profile states.
    """

    confidence: float = CONFIDENCE
    residual_correlation: float | None = None

    def correlation(self, a: Estimate, b: Estimate) -> float:
        """Correlation of the two residuals, 0..1."""
        shared = max(0.0, (likeness(a, b) - _UNLIKE) / (1 - _UNLIKE))
        stated = (a.device.residual_correlation, b.device.residual_correlation)
        return shared * (min(stated) if self.residual_correlation is None else self.residual_correlation)

    def sigma_difference(self, a: Estimate, b: Estimate) -> float:
        """Standard deviation of log(latency of a / latency of b)."""
        if a.model.sha256 == b.model.sha256 and a.kernels == b.kernels:
            return 0.0
        sigma_a, sigma_b = sigma_log(a), sigma_log(b)
        product = sigma_a * sigma_b
        # The difference of squares is written so that rounding cannot make it negative.
        return sqrt((sigma_a - sigma_b) ** 2 + 2 * (1 - self.correlation(a, b)) * product)

    def probability(self, advantage: float, a: Estimate, b: Estimate) -> float:
        """Probability that a is better; advantage: log of how many times better it is predicted to be."""
        sigma = self.sigma_difference(a, b)
        if not sigma:
            return 0.5 if not advantage else float(advantage > 0)
        return NormalDist().cdf(advantage / sigma)

    def is_told(self, advantage: float, a: Estimate, b: Estimate) -> bool:
        """Whether a is better than b with the confidence asked for."""
        return advantage > 0 and self.probability(advantage, a, b) >= self.confidence


def sigma_log(estimate: Estimate) -> float:
    """Standard deviation of log(latency), from the interval: wider where operators are unpriced."""
    sigmas = NormalDist().inv_cdf((1 + estimate.interval) / 2)
    return log(estimate.high_s / estimate.latency_s) / sigmas if estimate.latency_s else 0.0


def likeness(a: Estimate, b: Estimate) -> float:
    """Cosine between the times two networks spend by kind and engine: 1 = alike, 0 = nothing in common."""
    left, right = _times_s(a), _times_s(b)
    lengths = hypot(*left.values()) * hypot(*right.values())
    dot = sum(time_s * right[key] for key, time_s in left.items())
    return min(1.0, dot / lengths) if lengths else 0.0


def _times_s(estimate: Estimate) -> Counter[tuple[str, str]]:
    times_s: Counter[tuple[str, str]] = Counter()
    for kernel in estimate.kernels:
        times_s[kernel.kind, kernel.engine] += kernel.latency_s  # type: ignore[assignment]
    return times_s
