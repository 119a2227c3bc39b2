"""Sourced values: a physical number never stands without its provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self

Provenance = Literal["datasheet", "measured", "fitted", "inferred", "assumed"]

# What pydantic is told of these classes where it explains faults; plain data: a load does not import it.
STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sourced:
    """A number with where it comes from; the unit stands in the name of the key that holds it.

    provenance: `datasheet` (the vendor states it) | `measured` (read off silicon) | `fitted` (to the rows
        named in `source`) | `inferred` (derived, derivation in `source`) | `assumed` (nobody knows).
    low, high: the bounds within which `calibrate` may move the value; both or neither. A low of 0 is none.
    sigma_pct: standard deviation of the value in percent of it; `residual`: how well a fit met its rows.
    prior: of a fitted value, what stood there before any fit; fitting again starts from it.
    Raises ValueError for a value out of the class's range or its own bounds.
    """

    __pydantic_config__: ClassVar = STRICT
    # What `value` may be, from and to: wide enough for an idealized device, too narrow for a slip of units.
    RANGE: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    UNIT: ClassVar[str] = ""
    # Whether the value may also be zero, said on purpose.
    MAY_BE_ZERO: ClassVar[bool] = False

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
        if not all(number is None or abs(number) < math.inf for number in numbers):
            raise ValueError("found NaN or infinity, expected finite numbers")
        if not self._in_range(self.value):
            found = self.value if isinstance(self.value, int) else f"{self.value:g}"
            raise ValueError(f"found {found}, expected {self._range_text()}")
        self._check_bounds()
        if self.prior is not None and not self._bounds(self.prior):
            raise ValueError(f"found prior {self.prior:g}, expected a number within low and high")
        if not self.source.strip():
            raise ValueError("found an empty source, expected where the value comes from")
        if self.sigma_pct is not None and self.sigma_pct < 0:
            raise ValueError(f"found sigma_pct {self.sigma_pct:g}, expected at least 0")
        if self.provenance == "fitted" and self.sigma_pct is None and not self.residual:
            raise ValueError("a fitted value must state its residual or its sigma_pct")

    def _check_bounds(self) -> None:
        if self.low is None and self.high is None:
            return
        if self.low is None or self.high is None:
            raise ValueError("low and high must be given together")
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"found {self.value:g}, expected low {self.low:g} <= value <= high {self.high:g}"
            )
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound and not self._in_range(bound):
                raise ValueError(f"found {name} {bound:g}, expected {self._range_text()}")

    def _in_range(self, number: float) -> bool:
        least, most = self.RANGE
        return least <= number <= most or (self.MAY_BE_ZERO and number == 0)

    def _range_text(self) -> str:
        unit = f" {self.UNIT}" if self.UNIT else ""
        zero = "0, or " if self.MAY_BE_ZERO else ""
        return f"{zero}a number from {self.RANGE[0]:g} to {self.RANGE[1]:g}{unit}"

    def _bounds(self, number: float) -> bool:
        return self.low is not None and self.high is not None and self.low <= number <= self.high

    def revalued(self, value: float | Sourced) -> Self:
        """Put another value in place of this one, of the same kind.

        Of a bare number nobody knows where it comes from; the bounds stay while it lies within them.
        Raises ValueError for a value out of the kind's range, or a broken one where whole numbers belong.
        """
        if isinstance(value, Sourced):
            stated = {part.name: getattr(value, part.name) for part in fields(value)}
            return type(self)(**stated | {"value": self._whole(value.value)})
        number = self._whole(value)
        is_bounded = self.low is not None and self.high is not None and self.low <= number <= self.high
        low, high = (self.low, self.high) if is_bounded else (None, None)
        source = "set by the caller"
        return type(self)(value=number, provenance="assumed", source=source, low=low, high=high)

    def _whole(self, number: float) -> float:
        """The number as this kind keeps it: a count is an int."""
        if not isinstance(self.value, int):
            return float(number)
        if not math.isfinite(number) or number != int(number):
            raise ValueError(f"found {number:g}, expected a whole number")
        return int(number)

    @property
    def is_fittable(self) -> bool:
        """Whether `calibrate` may move this value."""
        return self.low is not None and self.high is not None and self.low < self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Positive(Sourced):
    """A number above zero."""

    RANGE: ClassVar[tuple[float, float]] = (1e-9, 1e30)


@dataclass(frozen=True, kw_only=True, slots=True)
class NonNegative(Positive):
    """A number that may be zero, said on purpose."""

    MAY_BE_ZERO: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds(Sourced):
    """A time that a kernel or a transfer costs; never as long as a second."""

    RANGE: ClassVar[tuple[float, float]] = (0, 1)
    UNIT: ClassVar[str] = "s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hertz(Sourced):
    """A clock."""

    RANGE: ClassVar[tuple[float, float]] = (1e5, 1e30)
    UNIT: ClassVar[str] = "Hz"


@dataclass(frozen=True, kw_only=True, slots=True)
class BytesPerSecond(Sourced):
    """The rate of a memory."""

    RANGE: ClassVar[tuple[float, float]] = (1e6, 1e30)
    UNIT: ClassVar[str] = "bytes/s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Share(Sourced):
    """A share of a whole: above zero, at most one."""

    RANGE: ClassVar[tuple[float, float]] = (1e-6, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSpread(Sourced):
    """A standard deviation of a logarithm; 3 is a factor of 140 either way in a 90 % interval."""

    RANGE: ClassVar[tuple[float, float]] = (1e-3, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Count(Sourced):
    """A whole number of things, at least one."""

    RANGE: ClassVar[tuple[float, float]] = (1, 2**60)

    value: int


# Every kind of value, by the name it has in the JSON Schema.
KINDS = (Positive, NonNegative, Seconds, Hertz, BytesPerSecond, Share, LogSpread, Count)

# Neutral values of what a profile leaves out; they are not listed among its parameters.
UNSTATED = Count(value=1, provenance="assumed", source="not stated")
# Errors of networks alike have little in common where nobody has looked.
UNCORRELATED = Share(value=0.15, provenance="assumed", source="no differences of networks were measured")
UNCOMPRESSED = Share(value=1.0, provenance="assumed", source="no compression of weights stated")
