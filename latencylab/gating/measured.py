"""Measured budgets: a network timed here with onnxruntime. A machine is noisy: two things must be shown.

Effect: the median lies above the limit by more than `min_effect_pct`. Significance: a one-sided sign test
finds so many runs above the limit with a probability of at most `max_p` if the median were at it. Consecutive
runs are not quite independent, so the p-value flatters; that is why the effect is asked for as well, and why
the level is "warn" unless the configuration says otherwise.
"""

from __future__ import annotations

from math import comb, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.gating.verdict import Check, Culprit, Place, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.gating.config import MeasuredBudget
    from latencylab.gating.pricing import Case
    from latencylab.measurement import Measurement

_NS_PER_MS: Final = units.NS_PER_S / units.MS_PER_S
# Up to here the binomial is summed exactly; beyond it, a normal distribution is as good.
_EXACT: Final = 500
_TOP: Final = 3


def check_measured(budget: MeasuredBudget, case: Case, measurement: Measurement, place: Place) -> Check:
    """Check a measurement against a limit in milliseconds."""
    median, low, high = (
        ns / _NS_PER_MS for ns in (measurement.median_ns, measurement.p10_ns, measurement.p90_ns)
    )
    p = sign_test(measurement.samples_ns, budget.max * _NS_PER_MS)
    exceeds = median > budget.max * (1 + budget.min_effect_pct / 100) and p <= budget.max_p
    status: Status = budget.level if exceeds else "ok"
    return Check(
        "budget",
        "measured_ms",
        case,
        status,
        _sentence(budget, measurement, median, p, exceeds=exceeds),
        place,
        median,
        budget.max,
        low,
        high,
        culprits=_slowest(measurement) if exceeds else (),
    )


def sign_test(samples_ns: Sequence[int], limit_ns: float) -> float:
    """Probability of at least as many samples above the limit, if the median were at it; ties count half."""
    count = len(samples_ns)
    above = sum(1.0 if s > limit_ns else 0.5 if s == limit_ns else 0.0 for s in samples_ns)
    if count > _EXACT:
        # With the continuity correction.
        return 1 - NormalDist(count / 2, sqrt(count) / 2).cdf(above - 0.5)
    least = -int(-above // 1)
    ways: int = sum(comb(count, k) for k in range(least, count + 1))
    return ways / (1 << count)


def _sentence(
    budget: MeasuredBudget, measurement: Measurement, median: float, p: float, *, exceeds: bool
) -> str:
    runs = f"median of {units.counted(len(measurement.samples_ns), 'run')} with onnxruntime"
    found = f"measured {units.significant(median)} ms ({runs})"
    warned = f"; {'; '.join(measurement.warnings)}" if measurement.warnings else ""
    if exceeds:
        by = 100 * (median / budget.max - 1)
        return f"{found} exceeds {budget.max:g} ms by {by:.1f} % (p = {p:.2g}){warned}"
    if median > budget.max:
        return f"{found} is above {budget.max:g} ms, but not clearly (p = {p:.2g}){warned}"
    return f"{found} is within {budget.max:g} ms{warned}"


def _slowest(measurement: Measurement) -> tuple[Culprit, ...]:
    ranked = sorted(measurement.kernels, key=lambda kernel: -kernel.median_ns)[:_TOP]
    return tuple(
        Culprit(k.name, k.op_type, f"{units.significant(k.median_ns / _NS_PER_MS)} ms") for k in ranked
    )
