"""Sourced values: a physical number never stands without its provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

Provenance = Literal["datasheet", "measured", "fitted", "inferred", "assumed"]

# What pydantic is told of these classes where it explains faults; plain data: a load does not import it.
STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sourced:
    """A number with where it comes from; the unit stands in the name of the key that holds it.

    provenance: `datasheet` (the vendor states it) | `measured` (read off silicon) | `fitted` (to the rows
        named in `source`) | `inferred` (derived, derivation in `source`) | `assumed` (nobody knows).
    low, high: the bounds within which `calibrate` may move the value; both or neither.
    sigma_pct: standard deviation of the value in percent of it; `residual`: how well a fit met its rows.
    prior: of a fitted value, what stood there before any fit; fitting again starts from it.
    Raises ValueError for a value out of the class's range or its own bounds.
    """

    __pydantic_config__: ClassVar = STRICT
    # JSON Schema's names for the range of `value`.
    RANGE: ClassVar[dict[str, float]] = {}

    value: float
    provenance: Provenance
    source: str
    low: float | None = None
    high: float | None = None
    sigma_pct: float | None = None
    residual: str | None = None
    prior: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.value, self.low, self.high, self.sigma_pct, self.prior)
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise ValueError("found NaN or infinity, expected finite numbers")
        if not self._in_range():
            raise ValueError(f"found {self.value:g}, expected a number {_range_text(self.RANGE)}")
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(
                f"found {self.value:g}, expected low {self.low:g} <= value <= high {self.high:g}"
            )
        if self.prior is not None and not self._bounds(self.prior):
            raise ValueError(f"found prior {self.prior:g}, expected a number within low and high")
        if not self.source.strip():
            raise ValueError("found an empty source, expected where the value comes from")
        if self.sigma_pct is not None and self.sigma_pct < 0:
            raise ValueError(f"found sigma_pct {self.sigma_pct:g}, expected at least 0")
        if self.provenance == "fitted" and self.sigma_pct is None and not self.residual:
            raise ValueError("a fitted value must state its residual or its sigma_pct")

    def _in_range(self) -> bool:
        limits = self.RANGE
        return self.value > limits.get("exclusiveMinimum", -math.inf) and limits.get(
            "minimum", -math.inf
        ) <= self.value <= limits.get("maximum", math.inf)

    def _bounds(self, number: float) -> bool:
        return self.low is not None and self.high is not None and self.low <= number <= self.high

    @property
    def is_fittable(self) -> bool:
        """Whether `calibrate` may move this value."""
        return self.low is not None and self.high is not None and self.low < self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Positive(Sourced):
    """A number above zero."""

    RANGE: ClassVar[dict[str, float]] = {"exclusiveMinimum": 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class NonNegative(Sourced):
    """A number that may be zero, said on purpose."""

    RANGE: ClassVar[dict[str, float]] = {"minimum": 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Share(Sourced):
    """A share of a whole: above zero, at most one."""

    RANGE: ClassVar[dict[str, float]] = {"exclusiveMinimum": 0, "maximum": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Count(Sourced):
    """A whole number of things, at least one."""

    RANGE: ClassVar[dict[str, float]] = {"minimum": 1}

    value: int


# Neutral values of what a profile leaves out; they are not listed among its parameters.
UNSTATED = Count(value=1, provenance="assumed", source="not stated")


def _range_text(limits: dict[str, float]) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "of at least", "maximum": "of at most"}
    return " and ".join(f"{words[key]} {limit:g}" for key, limit in limits.items())


UNCOMPRESSED = Share(value=1.0, provenance="assumed", source="no compression of weights stated")
