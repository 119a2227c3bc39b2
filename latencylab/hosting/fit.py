"""Least squares on the logarithm of the error: the coefficients that the times of kernels imply.

Every coefficient keeps the shipped value as a prior, as wide as its bounds, so that what no network exercises
stays as it was. Outliers (a kernel that something else disturbed) weigh less: soft L1 loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Final

import numpy as np

from latencylab.fitting.choice import Parameter, from_value
from latencylab.npu import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from latencylab.device import DeviceProfile
    from latencylab.hosting.points import Point

    Vector = NDArray[np.float64]

_CORE: Final = "engines.cpu.core."
_SHARED: Final = (
    "engines.cpu.launch_s",
    "memory.dram.efficiency",
    "memory.cache.bytes_per_s",
    "memory.cache.size_bytes",
)
_STEP: Final = 0.02
_MOST_EVALUATIONS: Final = 30
# Beyond this many standard deviations a residual counts linearly.
_LINEAR_BEYOND: Final = 3.0


@dataclass(frozen=True, slots=True)
class Solution:
    """Fitted values by path, their standard deviations of the logarithm, and which points each rests on."""

    values: Mapping[str, float]
    sigma: Mapping[str, float]
    points: Mapping[str, int]
    priors: Mapping[str, Parameter]


def parameters(profile: DeviceProfile, *, is_threaded: bool) -> tuple[Parameter, ...]:
    """Coefficients to fit: all of one thread, or of several only what threads change."""
    paths = [path for path, value in profile.parameters().items() if value.is_fittable]
    if is_threaded:
        wanted = [p for p in paths if ".parallel." in p or p == "engines.cpu.launch_s"]
    else:
        wanted = [p for p in paths if (p.startswith(_CORE) and ".parallel." not in p) or p in _SHARED]
    return tuple(from_value(path, "", profile.parameters()[path]) for path in wanted)


def solve(points: Sequence[Point], profile: DeviceProfile, chosen: Sequence[Parameter]) -> Solution:
    """Fit the coefficients that the points depend on."""
    problem = _Problem(points, profile, chosen)
    touched = problem.touched()
    kept = [p for p in chosen if touched[p.path]]
    if not kept:
        return Solution({}, {}, {}, {})
    return _solved(_Problem(points, profile, kept), kept, touched)


def _solved(problem: _Problem, kept: Sequence[Parameter], touched: Mapping[str, list[int]]) -> Solution:
    from scipy.optimize import least_squares

    problem.rows_of = touched
    bounds = (np.log([p.low for p in kept]), np.log([p.high for p in kept]))
    found = least_squares(
        problem.residuals,
        np.clip(problem.start, bounds[0] + 1e-9, bounds[1] - 1e-9),
        jac=problem.jacobian,
        bounds=bounds,
        loss="soft_l1",
        f_scale=_LINEAR_BEYOND,
        max_nfev=_MOST_EVALUATIONS,
        xtol=1e-4,
        ftol=1e-4,
    )
    covariance = np.linalg.pinv(found.jac.T @ found.jac)
    # Where the kernels scatter more than their clocks do, so do the values.
    scatter = max(1.0, float(np.mean(problem.errors(found.x) ** 2)))
    sigma = np.sqrt(np.maximum(np.diag(covariance) * scatter, 0))
    return Solution(
        values=_values(kept, found.x),
        sigma={p.path: float(s) for p, s in zip(kept, sigma, strict=True)},
        points={p.path: len(touched[p.path]) for p in kept},
        priors={p.path: p for p in kept},
    )


def _values(chosen: Sequence[Parameter], logs: Vector) -> dict[str, float]:
    """Values by path; what is counted is a whole number."""
    exact = ((p, float(exp(x))) for p, x in zip(chosen, logs, strict=True))
    return {p.path: round(value) if p.is_whole else value for p, value in exact}


class _Problem:
    """Residuals of points and priors at the logarithms of the coefficients."""

    def __init__(self, points: Sequence[Point], profile: DeviceProfile, chosen: Sequence[Parameter]) -> None:
        self.points, self.profile, self.chosen = points, profile, chosen
        self.start: Vector = np.log([p.start for p in chosen])
        self.prior = np.array([p.prior_sigma for p in chosen])
        self.measured = np.log([point.measured_s for point in points])
        self.sigma = np.array([point.sigma for point in points])
        self.rows_of: Mapping[str, list[int]] = {}

    def touched(self) -> dict[str, list[int]]:
        """Indices of the points that depend on each coefficient."""
        before = self.predicted(self.start)
        result = {}
        for index, parameter in enumerate(self.chosen):
            changed = np.zeros(len(self.points), dtype=bool)
            for step in (log(2), -log(2)):
                x = self.start.copy()
                x[index] = np.clip(x[index] + step, log(parameter.low), log(parameter.high))
                changed |= np.abs(self.predicted(x) - before) > 1e-9
            result[parameter.path] = [int(i) for i in np.flatnonzero(changed)]
        return result

    def predicted(self, x: Vector, rows: Sequence[int] | None = None) -> Vector:
        """Logarithms of the predicted times."""
        device = machine.of(self.profile.with_values(_values(self.chosen, x)))
        some = self.points if rows is None else [self.points[i] for i in rows]
        return np.log([point.predicted_s(device) for point in some])

    def errors(self, x: Vector) -> Vector:
        """Of every point, in its standard deviations."""
        result: Vector = (self.predicted(x) - self.measured) / self.sigma
        return result

    def residuals(self, x: Vector) -> Vector:
        """Errors of the points, then of the coefficients against their priors."""
        return np.concatenate([self.errors(x), (x - self.start) / self.prior])

    def jacobian(self, x: Vector) -> Vector:
        """Forward differences, each over the points that depend on the coefficient."""
        before = self.predicted(x)
        result = np.zeros((len(self.points) + len(self.chosen), len(self.chosen)))
        for index, parameter in enumerate(self.chosen):
            rows = self.rows_of[parameter.path]
            step = _STEP if x[index] + _STEP <= log(parameter.high) else -_STEP
            moved = x.copy()
            moved[index] += step
            result[rows, index] = (self.predicted(moved, rows) - before[rows]) / step / self.sigma[rows]
            result[len(self.points) + index, index] = 1 / self.prior[index]
        return result
