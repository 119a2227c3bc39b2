"""Options of a zoo network: `abpn_x3?height=180&width=320`, typed by the annotations of what they reach."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from latencylab.errors import LatencyLabError, UnknownNameError
from latencylab.zoo._spellings import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What every network takes: its input image and how its pixel shuffle is spelled.
COMMON: Mapping[str, str] = {
    "batch": "int",
    "colours": "int",
    "height": "int",
    "width": "int",
    "spelling": "spelling",
}
_LARGEST = 2**16


def parse(name: str) -> tuple[str, dict[str, str]]:
    """'abpn_x3?height=180' -> ('abpn_x3', {'height': '180'}).

    Raises LatencyLabError where an option lacks its value or is given twice.
    """
    bare, _, query = name.partition("?")
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not equals or key in options:
            raise LatencyLabError(f"zoo option {part!r} of {bare}: expected KEY=VALUE, each key once")
        options[key] = value
    return bare, options


def check(network: str, write: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with their values converted to the types `write` declares.

    Raises UnknownNameError for an option nobody has, LatencyLabError for a value of the wrong type or size.
    """
    known = {**COMMON, **_declared(write)}
    for key in given:
        if key not in known:
            raise UnknownNameError(f"option of zoo network {network}", key, known)
    return {key: _convert(key, value, known[key]) for key, value in given.items()}


def _declared(write: Callable[..., Any]) -> dict[str, str]:
    parameters = inspect.signature(write).parameters.values()
    return {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}


def _convert(key: str, value: Any, kind: str) -> Any:
    try:
        return _READERS[kind](value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise LatencyLabError(f"zoo option {key}={value}: expected {_EXPECTED[kind]}") from None


def _whole(value: Any) -> int:
    number = int(value)
    if not 1 <= number <= _LARGEST or number != float(value):
        raise ValueError
    return number


def _real(value: Any) -> float:
    number = float(value)
    if abs(number) > _LARGEST or number != number:  # noqa: PLR0124 - only NaN differs from itself
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError
        return str(value)

    return read


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _real,
    "bool": _truth,
    "str": str,
    "spelling": _one_of(*SPELLINGS),
}
_EXPECTED: Mapping[str, str] = {
    "int": f"a whole number from 1 to {_LARGEST}",
    "float": f"a number up to {_LARGEST} in size",
    "bool": "true or false",
    "str": "text",
    "spelling": f"one of {', '.join(SPELLINGS)}",
}
