"""Builds the typed tables from plain ones, in well under a millisecond and without importing pydantic.

A load happens before every estimate, so the good case must be cheap: build, and if anything at all does not
fit, let `explanation` have pydantic tell everything that is wrong. Both read the types off the dataclasses;
a test holds them together.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from latencylab.device.schema import DeviceProfile, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Maker = Callable[[Any], Any]


def build(tables: Mapping[str, Any]) -> DeviceProfile:
    """Build the profile that resolved tables describe.

    Raises TypeError, KeyError or ValueError for the first thing that does not fit.
    """
    profile = _maker(DeviceProfile)(tables)
    assert isinstance(profile, DeviceProfile)  # noqa: S101 - tells the type checker what the maker makes
    return profile


@cache
def _maker(kind: Any) -> Maker:
    """How a value of this type is made from plain data."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _table(kind)
    if origin is dict:
        make = _maker(arguments[1])
        return lambda value: {_text(key): make(item) for key, item in _require(value, dict).items()}
    if origin is tuple:
        make = _maker(arguments[0])
        return lambda value: tuple(make(item) for item in _require(value, list))
    if origin is Literal:
        return lambda value: _member(value, arguments)
    if origin in {Union, types.UnionType}:
        make = _maker(next(choice for choice in arguments if choice is not type(None)))
        return lambda value: None if value is None else make(value)
    return {float: _number, int: _integer, str: _text, bool: _boolean}[kind]


def _table(kind: Any) -> Maker:
    hints = get_type_hints(kind)
    makers = {key_of(f.name): (f.name, _maker(hints[f.name])) for f in fields(kind)}

    def make(value: Any) -> Any:
        arguments = {}
        for key, item in _require(value, dict).items():
            name, maker = makers[key]
            arguments[name] = maker(item)
        return kind(**arguments)

    return make


def _require(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"found {value!r}, expected {kind.__name__}")
    return value


def _member(value: Any, choices: tuple[Any, ...]) -> Any:
    # Python holds True and 1.0 for equal to 1.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        raise ValueError(f"found {value!r}, expected one of {choices}")
    return value


def _number(value: Any) -> float:
    if type(value) not in {int, float}:
        raise TypeError(f"found {value!r}, expected a number")
    return float(value)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"found {value!r}, expected a whole number")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"found {value!r}, expected true or false")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"found {value!r}, expected text")
    return value
