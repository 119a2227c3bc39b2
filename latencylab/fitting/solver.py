"""Least squares on the logarithm of the error, with the priors as further residuals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from latencylab import units
from latencylab.errors import ConfigError
from latencylab.fitting.rows import FIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from latencylab.fitting.choice import Parameter
    from latencylab.fitting.predictor import Predictor
    from latencylab.fitting.rows import Row

    Vector = NDArray[np.float64]

# What a single row is trusted to: the spread between repeated published measurements of one network.
ROW_SIGMA: Final = 0.05
# Of the logarithm: large against the integer picoseconds of the simulator, small against its curvature.
_STEP: Final = 1e-3
_MOST_EVALUATIONS: Final = 25
# Far below what the rows can tell; the last steps of a fit are many and change nothing.
_TOLERANCE: Final = 1e-4
# A difference of two networks may come out at or below zero on the way.
_LEAST_MS: Final = 1e-6
# Ranges of at most so many whole numbers are tried one by one, longer ones by powers of two.
_FEW: Final = 16


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted values with what the rows say of them.

    values: by `Parameter.name`. sigma: standard deviation of the logarithm of each, from the curvature at the
    optimum; whole numbers, which have none, are left out. correlation: between the logarithms, in the order
    of `sigma`; pairs near +-1 are what the rows cannot tell apart. predicted_ms: of the predictor's rows.
    """

    values: Mapping[str, float]
    sigma: Mapping[str, float]
    correlation: Vector
    predicted_ms: tuple[float, ...]
    cost: float


def fit(
    predictor: Predictor,
    chosen: Sequence[Parameter],
    rows: Sequence[Row] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fit:
    """Fit to the rows whose role is FIT (default: the predictor's), weighted, robust against single outliers.

    Whole numbers are tried one after the other around the fit of the rest, which is then fitted again.
    Raises ConfigError where the rows cannot determine the parameters.
    """
    used = [row for row in (rows if rows is not None else predictor.rows) if row.role == FIT]
    require_determined(used, chosen)
    smooth = [p for p in chosen if not p.is_whole]
    whole = [p for p in chosen if p.is_whole]
    fixed = {name: v for p in whole for name, v in p.values(float(round(p.start))).items()}
    problem = _Problem(predictor, used, smooth, fixed)
    solution = problem.solve()
    for parameter in whole:
        better = _best_whole(problem, parameter, solution)
        if better != problem.fixed[parameter.name]:
            problem = replace(problem, fixed=problem.fixed | parameter.values(better))
            solution = problem.solve()
    if progress:
        progress(f"{units.counted(len(used), 'row')}, {units.counted(len(chosen), 'parameter')}")
    return _result(problem, solution)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Weighted residuals over the logarithms of the smooth parameters, the whole ones held fixed."""

    predictor: Predictor
    rows: Sequence[Row]
    smooth: Sequence[Parameter]
    fixed: dict[str, float]

    def values(self, x: Vector) -> dict[str, float]:
        found = zip(self.smooth, np.exp(x), strict=True)
        return {name: v for p, value in found for name, v in p.values(float(value)).items()} | self.fixed

    def residuals(self, x: Vector) -> Vector:
        predicted = np.maximum(self.predictor.predict_ms(self.values(x), self.rows), _LEAST_MS)
        measured = np.array([row.latency_ms for row in self.rows])
        weight = np.sqrt([row.weight for row in self.rows]) / ROW_SIGMA
        prior = np.array([p.prior_sigma for p in self.smooth])
        return np.concatenate([np.log(predicted / measured) * weight, (x - self.start()) / prior])

    def start(self) -> Vector:
        return np.log([p.start for p in self.smooth]) if self.smooth else np.zeros(0)

    def cost(self, x: Vector) -> float:
        """As `solve` minimises it: quadratic near zero, linear far out."""
        return float(np.sum(np.sqrt(1 + self.residuals(x) ** 2) - 1))

    def solve(self) -> _Solution:
        from scipy.optimize import least_squares

        if not self.smooth:
            return _Solution(np.zeros(0), np.zeros((0, 0)), self.cost(np.zeros(0)))
        # scipy wants the start strictly inside; a value at its bound is one of the possible answers.
        low, high = (np.log([getattr(p, end) for p in self.smooth]) for end in ("low", "high"))
        inside = np.clip(self.start(), low + 1e-9, high - 1e-9)
        found: Any = least_squares(
            self.residuals,
            inside,
            bounds=(low - 1e-9, high + 1e-9),
            diff_step=_STEP,
            loss="soft_l1",
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            max_nfev=_MOST_EVALUATIONS,
        )
        return _Solution(np.clip(found.x, low, high), found.jac, float(found.cost))


@dataclass(frozen=True, slots=True)
class _Solution:
    x: Vector
    jacobian: Vector
    cost: float


def _best_whole(problem: _Problem, parameter: Parameter, solution: _Solution) -> float:
    """The candidate of least cost while everything else stays; the present one unless another is better."""
    present = problem.fixed[parameter.name]
    costs = {present: problem.cost(solution.x)}
    for candidate in _candidates(parameter):
        tried = replace(problem, fixed=problem.fixed | parameter.values(candidate))
        costs.setdefault(candidate, tried.cost(solution.x))
    best = min(costs, key=lambda candidate: costs[candidate])
    return best if costs[best] < costs[present] * (1 - 1e-6) else present


def _candidates(parameter: Parameter) -> tuple[float, ...]:
    low, high = math.ceil(parameter.low), math.floor(parameter.high)
    if high - low < _FEW:
        return tuple(float(value) for value in range(low, high + 1))
    return tuple(float(2**power) for power in range(high.bit_length()) if low <= 2**power <= high)


def _result(problem: _Problem, solution: _Solution) -> Fit:
    covariance = np.linalg.pinv(solution.jacobian.T @ solution.jacobian)
    # Where the rows scatter more than one row is trusted to, so do the values.
    residuals = problem.residuals(solution.x)[: len(problem.rows)]
    covariance = covariance * max(1.0, float(np.mean(residuals**2)))
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.outer(sigma, sigma)
    values = problem.values(solution.x)
    return Fit(
        values=values,
        sigma={p.name: float(s) for p, s in zip(problem.smooth, sigma, strict=True)},
        correlation=np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0),
        predicted_ms=tuple(problem.predictor.predict_ms(values)),
        cost=solution.cost,
    )


def require_determined(rows: Sequence[Row], chosen: Sequence[Parameter]) -> None:
    """Raise ConfigError without rows or parameters, or where rows and informative priors are too few."""
    if not rows:
        raise ConfigError("no row has the role 'fit': nothing to fit to")
    if not chosen:
        raise ConfigError("no parameter to fit: no value of the profile has bounds (low, high)")
    informed = sum(p.is_informed for p in chosen)
    if len(rows) + informed < len(chosen):
        free = [p.name for p in chosen if not p.is_informed]
        shown = ", ".join(free[:6]) + (", ..." if len(free) > 6 else "")
        raise ConfigError(
            f"{units.counted(len(rows), 'row')} and {units.counted(informed, 'informative prior')} "
            f"cannot determine {units.counted(len(chosen), 'parameter')}; "
            f"name fewer by --parameter, or narrow the bounds of {shown}"
        )


def effects(predictor: Predictor, chosen: Sequence[Parameter], rows: Sequence[Row]) -> dict[str, float]:
    """Largest relative change of any row when each parameter alone moves well within its bounds."""
    start = {name: v for p in chosen for name, v in p.values(p.start).items()}
    before = np.array(predictor.predict_ms(start, rows))
    result = {}
    for p in chosen:
        ends = [p.low, p.high] if p.is_whole else [max(p.low, p.start / 2), min(p.high, p.start * 2)]
        moved = [np.array(predictor.predict_ms(start | p.values(end), rows)) for end in ends]
        largest = [np.max(np.abs(after - before) / np.maximum(np.abs(before), _LEAST_MS)) for after in moved]
        result[p.name] = float(max(largest))
    return result
