"""The gate: budgets, a baseline and design rules, kept in the repository and checked in CI (docs/gate.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import __version__
from latencylab.gating import baseline as baselines
from latencylab.gating.budgets import check_budgets
from latencylab.gating.loading import load, shown_path
from latencylab.gating.measured import check_measured
from latencylab.gating.pricing import Case, Pricer
from latencylab.gating.regressions import check_regressions
from latencylab.gating.rule_checks import check_rules
from latencylab.gating.verdict import Check, Culprit, Place, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from latencylab.gating.config import MeasuredBudget
    from latencylab.gating.loading import Settings
    from latencylab.result import Estimate

__all__ = ["Case", "Check", "Culprit", "Place", "Verdict", "gate", "new_baseline"]


def gate(config: str | Path | None = None) -> Verdict:
    """Check networks against budgets, a baseline and design rules.

    config: a `latencylab.toml` or `pyproject.toml`; default: the nearest one from the working folder upwards.

    A failed gate is a verdict, not an exception. Raises ConfigError for an unusable configuration (a glob
    that matches nothing among them), InputFileError and ResultError for a missing, corrupt or stale
    baseline, and
    the errors of `estimate` for networks and devices.
    """
    settings = load(config)
    pricer = Pricer(settings)
    asked = _asked(pricer)
    checks = [*_budget_checks(settings, pricer, asked)]
    checks += check_rules(settings, pricer, tuple(dict.fromkeys(case for found in asked for case in found)))
    if settings.file.compare is not None:
        compare = settings.file.compare
        path = settings.folder / compare.baseline
        entries = baselines.load(path, shown_path(path), settings.update_command)
        checks += check_regressions(compare, entries, _priced(pricer, asked), settings)
    return Verdict(settings.shown_path, tuple(checks), __version__)


def new_baseline(config: str | Path | None = None) -> tuple[Path, bytes]:
    """Price everything the budgets name; return where the baseline belongs, and its bytes.

    Raises as `gate`; nothing is written here, and an existing baseline is not read.
    """
    settings = load(config)
    pricer = Pricer(settings)
    found = _priced(pricer, _asked(pricer))
    entries = {str(case): baselines.Entry.of(estimate) for case, estimate in found.items()}
    name = settings.file.compare.baseline if settings.file.compare else ".latencylab/baseline.json"
    return settings.folder / name, baselines.dumps(entries)


def _asked(pricer: Pricer) -> tuple[tuple[Case, ...], ...]:
    """List the cases of every budget."""
    budgets = pricer.settings.file.budget
    return tuple(pricer.cases(budget, "budget", index) for index, budget in enumerate(budgets))


def _budget_checks(
    settings: Settings, pricer: Pricer, asked: tuple[tuple[Case, ...], ...]
) -> Iterator[Check]:
    for index, (budgets, found) in enumerate(zip(settings.file.budget, asked, strict=True)):
        for case in found:
            yield from check_budgets(budgets, case, pricer.estimate(case), settings, index)
            if budgets.measured_ms is not None:
                yield _measured(budgets.measured_ms, case, settings, pricer, index)


def _measured(budget: MeasuredBudget, case: Case, settings: Settings, pricer: Pricer, index: int) -> Check:
    """Time a network, unless the budget is switched off."""
    key = ("budget", index, "measured_ms", "max")
    place = Place(settings.shown_path, settings.line_of(*key), settings.dotted(*key))
    if budget.level == "off":
        return Check("budget", "measured_ms", case, "off", "measured_ms is switched off", place)
    return check_measured(budget, case, pricer.measurement(case), place)


def _priced(pricer: Pricer, asked: tuple[tuple[Case, ...], ...]) -> dict[Case, Estimate]:
    return {case: pricer.estimate(case) for found in asked for case in found}
