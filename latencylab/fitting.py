"""Fit named, bounded parameters of device profiles to measured rows, on the logarithm of the error.

A parameter is a dotted path of a profile that states bounds there. Several profiles may be fitted at once: a path
without a device is one number for all of them (one physics), `device/path` is that device's own. Every parameter
keeps a prior: the value the profile states, with the width its bounds or its sigma give; so what the rows cannot tell
stays where the datasheet put it, and the report says so.

Residuals are weighted; a row may be a difference of two networks. The reported error is that of networks left out,
all rows of one network at once, on every device.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from latencylab import device as devices
from latencylab import fusion, lowering, pipeline
from latencylab.errors import ConfigError, InputFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from latencylab.device import DeviceProfile
    from latencylab.lowering import Program
    from latencylab.onnx_reader import Model

# What a single row is trusted to: the spread between repeated published measurements of one network.
ROW_SIGMA = 0.05
_COLUMNS = ("id", "model", "device", "latency_ms")
# A row this many times away from the others' level of error is more likely in the wrong unit.
_UNIT_SUSPICION = 300.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact: a network (or the difference of two) on a device under a runtime."""

    id: str
    model: str
    minus: str
    device: str
    layout: str
    dtype: str
    latency_ms: float
    weight: float
    role: str
    overrides: tuple[tuple[str, float], ...]
    status: str
    source: str

    @property
    def network(self) -> str:
        """What is left out together: the network without its options, on whatever device."""
        return self.model


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number to fit. device: "" = shared by all profiles. prior_sigma: of its logarithm."""

    path: str
    device: str
    start: float
    low: float
    high: float
    prior_sigma: float

    @property
    def name(self) -> str:
        """`path`, or `device/path` where it belongs to one device."""
        return f"{self.device}/{self.path}" if self.device else self.path


def read_rows(path: Path) -> tuple[Row, ...]:
    """Rows of a CSV. Raises InputFileError or ConfigError naming file, line and column."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(line for line in stream if not line.startswith("#"))
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path}: no column {', '.join(missing)}; needed: {', '.join(_COLUMNS)}")
            return tuple(_row(path, reader.line_num, record) for record in reader)
    except OSError as error:
        raise InputFileError(f"cannot read rows {str(path)!r}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a CSV of rows: {error}") from error


def _row(path: Path, line: int, record: Mapping[str, str]) -> Row:
    def number(column: str, default: str) -> float:
        text = record.get(column) or default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value <= 0:
            raise ConfigError(f"{path}:{line}: {column}: found {text!r}, expected a number above zero")
        return value

    runtime = record.get("runtime") or ""
    name = record["device"]
    return Row(
        id=record["id"],
        model=record["model"],
        minus=record.get("minus") or "",
        device=f"{name}:{runtime}" if runtime else name,
        layout=record.get("layout") or "",
        dtype=record.get("dtype") or "",
        latency_ms=number("latency_ms", ""),
        weight=number("weight", "1"),
        role=record.get("role") or "fit",
        overrides=_overrides(path, line, record.get("set") or ""),
        status=record.get("status") or "",
        source=record.get("source") or "",
    )


def _overrides(path: Path, line: int, text: str) -> tuple[tuple[str, float], ...]:
    result = []
    for item in filter(None, text.split(";")):
        key, _, value = item.partition("=")
        try:
            result.append((key.strip(), float(value)))
        except ValueError:
            raise ConfigError(f"{path}:{line}: set: found {item!r}, expected path=number") from None
    return tuple(result)


def parameters(names: Sequence[str], rows: Sequence[Row]) -> tuple[Parameter, ...]:
    """Parameters by name (`path` or `device:runtime/path`), started at what the profiles state.

    Raises UnknownNameError for a path no profile states, ConfigError for one without bounds.
    """
    result = []
    for name in names:
        device, _, path = name.rpartition("/")
        owner = device or next(iter(rows)).device
        stated = devices.load(owner).parameters()
        if path not in stated:
            from latencylab.errors import UnknownNameError

            raise UnknownNameError("parameter", path, stated)
        value = stated[path]
        if value.low is None or value.high is None:
            raise ConfigError(f"{owner}: {path} states no bounds (low, high), so it cannot be fitted")
        low, high = max(value.low, value.high * 1e-6), value.high
        start = min(max(float(value.value), low), high)
        sigma = value.sigma_pct / 100 if value.sigma_pct else math.log(high / low) / 4
        result.append(Parameter(path, device, start, low, high, sigma))
    return tuple(result)


class Predictor:
    """Predicts rows under changed parameter values; every network is read and lowered once."""

    def __init__(self, rows: Sequence[Row], engine: str | None = None) -> None:
        self.rows = tuple(rows)
        self._engine = engine
        self._networks: dict[str, Model] = {}
        self._profiles: dict[str, DeviceProfile] = {}
        self._programs: dict[tuple[str, str, str, str], Program] = {}

    def predict_ms(self, values: Mapping[str, float], rows: Sequence[Row] | None = None) -> list[float]:
        """Milliseconds of each row with parameters set by `Parameter.name`."""
        changed: dict[tuple[str, tuple[tuple[str, float], ...]], DeviceProfile] = {}
        result = []
        for row in rows if rows is not None else self.rows:
            key = (row.device, row.overrides)
            if key not in changed:
                changed[key] = self._profile_with(row, values)
            latency_s = self._latency_s(row, row.model, changed[key])
            if row.minus:
                latency_s -= self._latency_s(row, row.minus, changed[key])
            result.append(latency_s * 1e3)
        return result

    def _profile_with(self, row: Row, values: Mapping[str, float]) -> DeviceProfile:
        profile = self.profile(row.device)
        stated = profile.parameters()
        own = {}
        for name, value in values.items():
            device, _, path = name.rpartition("/")
            if path in stated and (not device or _covers(device, row.device)):
                own[path] = value
        return profile.with_values({**own, **dict(row.overrides)})

    def profile(self, device: str) -> DeviceProfile:
        """Profile of a row's device, loaded once."""
        if device not in self._profiles:
            self._profiles[device] = devices.load(device)
        return self._profiles[device]

    def _latency_s(self, row: Row, model: str, profile: DeviceProfile) -> float:
        key = (model, row.device, row.layout, row.dtype)
        if key not in self._programs:
            self._programs[key] = self._lowered(row, model)
        name = self._engine or profile.engine
        return pipeline.engine_module(name, is_asked=True)[1].run(self._programs[key], profile).latency_s

    def _lowered(self, row: Row, model: str) -> Program:
        if model not in self._networks:
            self._networks[model] = pipeline.read(model)
        network = self._networks[model]
        return _lower(network, self.profile(row.device), row)


def _lower(network: Model, profile: DeviceProfile, row: Row) -> Program:
    graph = pipeline.declared(network.graph, profile, row.dtype or None)
    decomposition = fusion.decompose(graph, profile.fusion)
    return lowering.lower(decomposition, profile, layout=row.layout or None)


def _covers(device: str, row_device: str) -> bool:
    """Whether a parameter of `device` (NAME or NAME:RUNTIME) applies to a row's NAME:RUNTIME."""
    return row_device == device or row_device.split(":")[0] == device


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted values with what the rows say of them.

    sigma: standard deviation of the logarithm of each value, from the curvature at the optimum.
    correlation: between the logarithms; pairs near +-1 are what the data cannot tell apart.
    """

    values: Mapping[str, float]
    sigma: Mapping[str, float]
    correlation: np.ndarray
    predicted_ms: tuple[float, ...]


def fit(
    predictor: Predictor,
    chosen: Sequence[Parameter],
    rows: Sequence[Row] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fit:
    """Least squares on log(predicted / measured), weighted, with the priors as further residuals."""
    from scipy.optimize import least_squares

    used = [row for row in (rows if rows is not None else predictor.rows) if row.role == "fit"]
    _check_determined(used, chosen)
    log_start = np.log([p.start for p in chosen])
    low, high = np.log([p.low for p in chosen]), np.log([p.high for p in chosen])
    measured = np.array([row.latency_ms for row in used])
    weight = np.sqrt([row.weight for row in used]) / ROW_SIGMA
    prior = 1 / np.array([p.prior_sigma for p in chosen])

    def residuals(x: np.ndarray) -> np.ndarray:
        values = {p.name: float(v) for p, v in zip(chosen, np.exp(x), strict=True)}
        predicted = np.maximum(predictor.predict_ms(values, used), 1e-6)
        return np.concatenate([np.log(predicted / measured) * weight, (x - log_start) * prior])

    inside = np.clip(log_start, low + 1e-9, high - 1e-9)
    solution = least_squares(
        residuals, inside, bounds=(low - 1e-9, high + 1e-9), diff_step=1e-3, loss="soft_l1", max_nfev=25
    )
    if progress:
        progress(f"{len(used)} rows, {len(chosen)} parameters, {solution.nfev} steps")
    covariance = np.linalg.pinv(solution.jac.T @ solution.jac)
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.outer(sigma, sigma)
    correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    values = {p.name: float(v) for p, v in zip(chosen, np.exp(solution.x), strict=True)}
    return Fit(
        values=values,
        sigma={p.name: float(s) for p, s in zip(chosen, sigma, strict=True)},
        correlation=correlation,
        predicted_ms=tuple(predictor.predict_ms(values)),
    )


def _check_determined(rows: Sequence[Row], chosen: Sequence[Parameter]) -> None:
    """A parameter without bounds narrower than a factor of 100 is free; there must be enough rows for those."""
    free = [p for p in chosen if p.prior_sigma > math.log(100) / 2]
    if not rows:
        raise ConfigError("no row has the role 'fit': nothing to fit to")
    if len(rows) < len(free):
        names = ", ".join(p.name for p in free)
        raise ConfigError(f"{len(rows)} rows cannot determine {len(free)} free parameters: {names}; narrow their bounds")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Prediction of a row by a fit that has not seen any row of its network."""

    row: Row
    predicted_ms: float

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
    """Fit once per network without its rows, predict them."""
    result = []
    used = [row for row in predictor.rows if row.role == "fit"]
    for name in dict.fromkeys(group(row) for row in used):
        kept = [row for row in used if group(row) != name]
        left = [row for row in used if group(row) == name]
        fitted = fit(predictor, chosen, kept)
        result += [LeftOut(r, p) for r, p in zip(left, predictor.predict_ms(fitted.values, left), strict=True)]
        if progress:
            progress(f"without {name}")
    return tuple(result)


def suspicious_units(rows: Sequence[Row], predicted_ms: Sequence[float]) -> tuple[Row, ...]:
    """Rows off by about a factor of 1000: their unit is probably not milliseconds."""
    ratios = [row.latency_ms / p for row, p in zip(rows, predicted_ms, strict=True)]
    level = float(np.median(ratios)) if ratios else 1.0
    return tuple(
        row for row, r in zip(rows, ratios, strict=True) if not 1 / _UNIT_SUSPICION < r / level < _UNIT_SUSPICION
    )


def narrowed(row: Row, **changes: object) -> Row:
    """A row with other fields."""
    return replace(row, **changes)  # type: ignore[arg-type]
