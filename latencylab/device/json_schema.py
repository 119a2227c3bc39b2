"""The JSON Schema of a profile file, generated from the models; also answers which keys a table may have."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from latencylab.device.quantities import KINDS, Sourced
from latencylab.device.schema import DeviceProfile
from latencylab.device.words import NAME, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

RANGES = {kind.__name__: kind for kind in KINDS}


@cache
def schema() -> dict[str, Any]:
    """Generate the schema of a TOML profile: the resolved profile plus `extends` and `runtimes`.

    A file that extends another one, and a runtime, state only what differs; so only sourced values and
    design rules, which are replaced whole, keep their required keys, and a file without `extends` its
    top-level ones.
    """
    complete = TypeAdapter(DeviceProfile).json_schema(by_alias=True)
    definitions = complete.pop("$defs")
    properties = complete["properties"]
    properties.pop("runtime")
    properties["schema_version"] = {"const": SCHEMA_VERSION}
    properties["name"]["pattern"] = properties["aliases"]["items"]["pattern"] = f"^{NAME}$"
    definitions.pop("Runtime")
    for name, definition in definitions.items():
        if name in RANGES:
            _limit(definition["properties"], RANGES[name])
        elif name != "Rule":
            definition.pop("required", None)
    definitions["RuntimeOverlay"] = _runtime_overlay(properties)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"latencylab device profile, schema version {SCHEMA_VERSION}",
        "type": "object",
        "additionalProperties": False,
        "properties": properties | _file_properties(),
        "required": ["name", "title"],
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": complete["required"]},
        "$defs": definitions,
    }


def _limit(properties: dict[str, Any], kind: type[Sourced]) -> None:
    """Write the range of a kind of value into its schema; a lower bound of 0 stands for none."""
    least, most = kind.RANGE
    limits = {"minimum": least, "maximum": most}
    or_zero = {"anyOf": [{"const": 0}, limits]}
    properties["value"] |= or_zero if kind.MAY_BE_ZERO else limits
    for key in ("low", "high"):
        properties[key] = {"type": "number", **or_zero}


def _file_properties() -> dict[str, Any]:
    runtimes = {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$"},
        "additionalProperties": {"$ref": "#/$defs/RuntimeOverlay"},
    }
    return {
        "extends": {
            "type": "string",
            "minLength": 1,
            "description": "Name or path of the profile below this one.",
        },
        "runtimes": {**runtimes, "description": "Compilers or drivers: overlays of any key of the profile."},
    }


def _runtime_overlay(properties: Mapping[str, Any]) -> dict[str, Any]:
    own = {"title": {"type": "string"}, "version": {"type": "string"}}
    return {"type": "object", "additionalProperties": False, "properties": {**properties, **own}}


def keys_at(path: tuple[str, ...]) -> tuple[str, ...]:
    """List the keys that the table at a path may have; () where any name is allowed."""
    root = schema()
    node: dict[str, Any] = root
    for part in path:
        node = _dereferenced(root, _child(node, part))
    return tuple(node.get("properties", ()))


def _child(node: Mapping[str, Any], part: str) -> dict[str, Any]:
    found = node.get("properties", {}).get(part) or node.get("items") or node.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _dereferenced(root: Mapping[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref`, and the one table among the choices of an optional key."""
    for choice in node.get("anyOf", ()):
        if "$ref" in choice:
            node = choice
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        found: dict[str, Any] = root["$defs"][name]
        return found
    return node


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(schema(), indent=2, sort_keys=True) + "\n")
