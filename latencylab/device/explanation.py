"""What is wrong with the structure of a profile, every fault at once, as pydantic sees it.

Imported only when a profile did not fit its types: importing pydantic takes longer than a whole estimate.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from latencylab.device.faults import Fault, nearest, shown
from latencylab.device.json_schema import keys_at
from latencylab.device.schema import DeviceProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails


def structural_faults(tables: Mapping[str, Any], error: Exception) -> tuple[Fault, ...]:
    """List every fault of the structure; `error` stopped construction and is told if pydantic has none."""
    try:
        # As JSON, because there a strict pydantic takes tables and lists for what they stand for.
        adapter().validate_json(json.dumps(tables, default=str))
    except ValidationError as found:
        return tuple(_fault(item) for item in found.errors(include_url=False))
    return (Fault((), str(error)),)


@cache
def adapter() -> TypeAdapter[DeviceProfile]:
    """Make pydantic's view of the profile."""
    return TypeAdapter(DeviceProfile)


def _fault(item: ErrorDetails) -> Fault:
    key = tuple(str(part) for part in item["loc"])
    kind, message = item["type"], item["msg"]
    if kind == "unexpected_keyword_argument":
        return Fault(key, f"unknown key{nearest(key[-1], keys_at(key[:-1]))}")
    if kind in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return Fault(key, "missing")
    if kind == "value_error":
        return Fault(key, message.removeprefix("Value error, "))
    if kind == "dataclass_type" and "provenance" in keys_at(key):
        message = "a table { value = ..., provenance = ..., source = ... }"
    return Fault(key, f"found {shown(item['input'])}, expected {_expected(message)}")


def _expected(message: str) -> str:
    """Say what was expected in the words of a TOML file."""
    words = message.removeprefix("Input should be ").replace("\n", " ")
    for ours, theirs in (("a list", "a valid array"), ("text", "a valid string"), ("a table", "an object")):
        words = words.replace(theirs, ours)
    return words
