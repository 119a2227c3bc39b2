"""Sourced values: a physical number never stands without its provenance."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Provenance = Literal["datasheet", "measured", "fitted", "inferred", "assumed"]


class Table(BaseModel):
    """A table of a profile: immutable, no unknown key, no silent conversion, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sourced(Table):
    """A number with where it comes from; the unit stands in the name of the key that holds it.

    provenance: `datasheet` (the vendor states it) | `measured` (read off silicon) | `fitted` (to the rows
        named in `source`) | `inferred` (derived, derivation in `source`) | `assumed` (nobody knows).
    low, high: the bounds within which `calibrate` may move the value; both or neither.
    sigma_pct: standard deviation of the value in percent of it; `residual`: how well a fit met its rows.
    """

    value: float
    provenance: Provenance
    source: str = Field(min_length=3)
    low: float | None = None
    high: float | None = None
    sigma_pct: float | None = Field(default=None, ge=0)
    residual: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"low <= value <= high, not {self.low:g}, {self.value:g}, {self.high:g}")
        if self.provenance == "fitted" and self.sigma_pct is None and not self.residual:
            raise ValueError("a fitted value states its residual or its sigma_pct")
        return self

    @property
    def is_fittable(self) -> bool:
        """Whether `calibrate` may move this value."""
        return self.low is not None and self.high is not None and self.low < self.high


class Positive(Sourced):
    """A number above zero."""

    value: float = Field(gt=0)


class NonNegative(Sourced):
    """A number that may be zero, said on purpose."""

    value: float = Field(ge=0)


class Share(Sourced):
    """A share of a whole: above zero, at most one."""

    value: float = Field(gt=0, le=1)


class Count(Sourced):
    """A whole number of things, at least one."""

    value: int = Field(ge=1)


def one(reason: str) -> Count:
    """Make the neutral count of a key that a profile leaves out."""
    return Count(value=1, provenance="assumed", source=reason)
