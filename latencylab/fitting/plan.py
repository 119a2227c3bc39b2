"""Plans: which parameters are fitted to which rows, as TOML, so that shipped values can be fitted again."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from latencylab.device.faults import nearest
from latencylab.errors import ConfigError, InputFileError, UnknownNameError
from latencylab.fitting.calibration import rows_of
from latencylab.fitting.choice import Parameter, covers, prior_sigma, split_name
from latencylab.fitting.predictor import Predictor
from latencylab.fitting.rows import FIT, REPORT, Row, narrowed, read_rows

if TYPE_CHECKING:
    from pathlib import Path

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)
_Above = Annotated[float, Field(gt=0)]


class PlannedParameter(BaseModel):
    """Where a parameter starts, its bounds, and the standard deviation of its logarithm before any row.

    also: other paths that always have the same value.
    """

    model_config = _STRICT

    start: _Above
    low: _Above
    high: _Above
    prior_sigma: _Above | None = None
    also: list[str] = []

    @model_validator(mode="after")
    def _ordered(self) -> PlannedParameter:
        if not (self.low <= self.start <= self.high and self.low < self.high):
            raise ValueError("expected low <= start <= high, low below high")
        return self


class Plan(BaseModel):
    """A fit to be run again.

    title: what it is. rows: CSV files, relative to the plan. devices: NAME or NAME:RUNTIME; rows of others
    are left aside. fit, report: rows by id, or a glob of ids, that get this role whatever their file says.
    parameters: by `path` or `owner/path`.
    """

    model_config = _STRICT

    title: str
    rows: list[str] = Field(min_length=1)
    devices: list[str] = Field(min_length=1)
    fit: list[str] = []
    report: list[str] = []
    parameters: dict[str, PlannedParameter] = Field(min_length=1)


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises InputFileError if it cannot be read, ConfigError with every fault at once."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return Plan.model_validate(tables)
    except OSError as error:
        raise InputFileError(f"cannot read plan {str(path)!r}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(
            "; ".join(_fault(path, item) for item in error.errors(include_url=False))
        ) from error


def _fault(path: Path, item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = PlannedParameter.model_fields if len(item["loc"]) > 1 else Plan.model_fields
        return f"{path}: {key}: unknown key{nearest(str(item['loc'][-1]), known)}"
    return f"{path}: {key}: {item['msg'].removeprefix('Value error, ')}"


def rows_of_plan(plan: Plan, path: Path) -> tuple[Row, ...]:
    """Rows of the plan's devices, in the order of its files.

    Raises ConfigError for a pattern of ids that matches none.
    """
    found = [row for name in plan.rows for row in read_rows(path.parent / name)]
    rows = rows_of(plan.devices, found)
    for role, patterns in ((FIT, plan.fit), (REPORT, plan.report)):
        for pattern in patterns:
            if not any(fnmatchcase(row.id, pattern) for row in rows):
                raise ConfigError(f"{path}: {role}: no row's id matches {pattern!r}")
            rows = tuple(narrowed(row, role=role) if fnmatchcase(row.id, pattern) else row for row in rows)
    return rows


def parameters_of_plan(plan: Plan, rows: tuple[Row, ...]) -> tuple[Parameter, ...]:
    """The plan's parameters. Raises UnknownNameError for one that no profile of its owner states."""
    predictor = Predictor(rows)
    return tuple(_parameter(name, planned, rows, predictor) for name, planned in plan.parameters.items())


def _parameter(
    name: str, planned: PlannedParameter, rows: tuple[Row, ...], predictor: Predictor
) -> Parameter:
    owner, path = split_name(name)
    covered = [
        profile.parameters()
        for row in rows
        if covers(owner, row.device, (profile := predictor.profile(row.device)).runtime.name)
    ]
    if not covered:
        raise ConfigError(f"{name}: no row is of {owner}")
    for tie in (path, *planned.also):
        if not any(tie in values for values in covered):
            raise UnknownNameError("parameter", tie, covered[0])
    stated = next(values[path] for values in covered if path in values)
    sigma = planned.prior_sigma or prior_sigma(planned.low, planned.high)
    is_whole = isinstance(stated.value, int)
    return Parameter(
        path, owner, planned.start, planned.low, planned.high, sigma, is_whole, tuple(planned.also)
    )
