"""Budgets: whether a quantity of an estimate is within what the configuration allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import units
from latencylab.gating.config import LatencyBudget
from latencylab.gating.verdict import Check, Culprit, Place, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.gating.config import Budget, Budgets
    from latencylab.gating.loading import Settings
    from latencylab.gating.pricing import Case
    from latencylab.result import Estimate, KernelEstimate

_TOP = 3


def check_budgets(
    budgets: Budgets, case: Case, estimate: Estimate, settings: Settings, index: int
) -> Iterator[Check]:
    """Check one estimate against every limit of `[[budget]]` number `index`."""
    for what, measure in _MEASURES.items():
        budget: Budget | None = getattr(budgets, what)
        if budget is not None:
            key = ("budget", index, what, "max")
            place = Place(settings.shown_path, settings.line_of(*key), settings.dotted(*key))
            yield measure(budget, case, estimate, place)


def _latency(budget: Budget, case: Case, estimate: Estimate, place: Place) -> Check:
    value, low, high = (s * units.MS_PER_S for s in (estimate.latency_s, estimate.low_s, estimate.high_s))
    is_at_risk = low <= budget.max < high
    status: Status = _status(budget, exceeds=value > budget.max)
    at_risk = budget.at_risk if isinstance(budget, LatencyBudget) else "as_estimated"
    if is_at_risk and at_risk != "as_estimated" and status != "off":
        status = "ok" if at_risk == "off" else at_risk
    text = _sentence("latency", value, budget.max, "ms")
    if is_at_risk:
        interval = f"{units.significant(low)}–{units.significant(high)} ms"
        text += f", at risk: the {estimate.interval * 100:g} % interval {interval} straddles the limit"
    culprits = _top(
        estimate, lambda kernel: kernel.latency_s, lambda k: f"{units.milliseconds(k.latency_s)} ms"
    )
    return Check(
        "budget",
        "latency_ms",
        case,
        status,
        text,
        place,
        value,
        budget.max,
        low,
        high,
        is_at_risk,
        culprits if status in {"warn", "error"} else (),
    )


def _dram(budget: Budget, case: Case, estimate: Estimate, place: Place) -> Check:
    value = estimate.dram_bytes / units.BYTES_PER_MB
    culprits = _top(estimate, lambda kernel: kernel.dram_bytes, lambda k: units.byte_count(k.dram_bytes))
    return _exact(
        "dram_mb", "DRAM traffic", "MB", value=value, budget=budget, case=case, place=place, culprits=culprits
    )


def _unpriced(budget: Budget, case: Case, estimate: Estimate, place: Place) -> Check:
    """Share of the kernels' time that rests on bytes alone, because nobody priced the operator."""
    whole_s = sum(kernel.latency_s for kernel in estimate.kernels)
    unpriced_s = sum(kernel.latency_s for kernel in estimate.kernels if not kernel.is_priced)
    value = 100 * unpriced_s / whole_s if whole_s else 0.0
    culprits = _top(
        estimate,
        lambda kernel: 0.0 if kernel.is_priced else kernel.latency_s,
        lambda kernel: f"{units.milliseconds(kernel.latency_s)} ms",
    )
    return _exact(
        "unpriced_pct",
        "unpriced share",
        "%",
        value=value,
        budget=budget,
        case=case,
        place=place,
        culprits=culprits,
    )


_MEASURES = {"latency_ms": _latency, "dram_mb": _dram, "unpriced_pct": _unpriced}


def _exact(  # noqa: PLR0913 - one check, spelled out
    what: str,
    name: str,
    unit: str,
    *,
    value: float,
    budget: Budget,
    case: Case,
    place: Place,
    culprits: tuple[Culprit, ...],
) -> Check:
    """Check a quantity that is counted, not predicted: it has no interval."""
    status = _status(budget, exceeds=value > budget.max)
    blamed = culprits if status in {"warn", "error"} else ()
    text = _sentence(name, value, budget.max, unit)
    return Check("budget", what, case, status, text, place, value, budget.max, culprits=blamed)


def _status(budget: Budget, *, exceeds: bool) -> Status:
    if budget.level == "off":
        return "off"
    return budget.level if exceeds else "ok"


def _sentence(name: str, value: float, limit: float, unit: str) -> str:
    digits = next((d for d in (3, 6, 9) if units.significant(value, d) != units.significant(limit, d)), 12)
    shown = units.significant(value, digits)
    if value > limit:
        return f"{name} {shown} {unit} exceeds {limit:g} {unit}"
    return f"{name} {shown} {unit} is within {limit:g} {unit}"


def _top(
    estimate: Estimate, key: Callable[[KernelEstimate], float], say: Callable[[KernelEstimate], str]
) -> tuple[Culprit, ...]:
    """Name the meta-nodes that contribute most."""
    ranked = sorted((kernel for kernel in estimate.kernels if key(kernel)), key=lambda kernel: -key(kernel))
    return tuple(Culprit(kernel.name, kernel.kind, say(kernel)) for kernel in ranked[:_TOP])
