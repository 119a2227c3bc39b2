"""The JSON form of an Estimate, driven by the dataclasses: what they declare is written, read and checked.

The rules are few. A field is a key. Seconds (`*_s`) are written as milliseconds (`*_ms`). A kernel's work is
written beside its other quantities, not in an object of its own. What a reader would otherwise derive (a
kernel's `dram_bytes`, `vector_ops`) is written too, and ignored on reading. Unknown keys are ignored: a later
version of the same schema may add some. Text is ASCII with escapes, so any node name survives any terminal.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from latencylab.errors import ResultError
from latencylab.result import SCHEMA_VERSION, Estimate, KernelEstimate, rounded
from latencylab.units import MS_PER_S
from latencylab.work import Work

_RENAMED = {"low_s": "latency_low_ms", "high_s": "latency_high_ms", "kernels": "meta_nodes"}
_DERIVED: Mapping[type, tuple[str, ...]] = {KernelEstimate: ("dram_bytes",), Work: ("vector_ops",)}
_SCALARS = frozenset({str, int, float, bool, NoneType})
_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_SCHEMA_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def dumps(estimates: Estimate | tuple[Estimate, ...]) -> str:
    """One estimate as a JSON object, several as a list: indented by two, sorted keys, a trailing newline."""
    data = [encode(e) for e in estimates] if isinstance(estimates, tuple) else encode(estimates)
    # Piece by piece: indented JSON of a large result is millions of pieces.
    text = io.StringIO()
    json.dump(data, text, indent=2, sort_keys=True, allow_nan=False)
    return text.getvalue() + "\n"


def loads(text: str | bytes) -> Estimate:
    """Read one estimate; raises ResultError as `loads_all`, and if the text holds several."""
    estimates = loads_all(text)
    if len(estimates) != 1:
        raise ResultError(f"one saved result expected, found {len(estimates)}")
    return estimates[0]


def loads_all(text: str | bytes) -> tuple[Estimate, ...]:
    """Read an estimate or a list of them.

    Raises ResultError for what is not JSON, not a result, incomplete, or of another schema version.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"not a saved result: not JSON ({error})") from error
    documents = data if isinstance(data, list) else [data]
    return tuple(_decode_estimate(document) for document in documents)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no quantity")


def _decode_estimate(data: object) -> Estimate:
    if not isinstance(data, dict) or "schema_version" not in data:
        raise ResultError("not a saved result: no schema_version")
    found = data["schema_version"]
    if found != SCHEMA_VERSION:
        raise ResultError(
            f"saved result of schema version {found!r}; this latencylab reads version {SCHEMA_VERSION}: "
            "profile the model again"
        )
    estimate: Estimate = _decode_object(Estimate, data, "")
    _check_indices(estimate)
    return estimate


def _check_indices(estimate: Estimate) -> None:
    count = len(estimate.kernels)
    named = [estimate.critical_path, *(kernel.depends_on for kernel in estimate.kernels)]
    if any(not 0 <= index < count for indices in named for index in indices):
        raise ResultError("not a saved result: it refers to meta-nodes it does not hold")


@cache
def _layout(cls: Any) -> tuple[tuple[Field[Any], str, Any], ...]:
    """Field, JSON key and type of every field of a dataclass."""
    hints = get_type_hints(cls, localns={"Mapping": Mapping})
    return tuple((f, _key(f.name), hints[f.name]) for f in fields(cls))


def _key(name: str) -> str:
    if name in _RENAMED:
        return _RENAMED[name]
    return f"{name[:-2]}_ms" if _is_seconds(name) else name


@cache
def _is_seconds(name: str) -> bool:
    return name.endswith("_s") and not name.endswith("_per_s")


def encode(instance: Any) -> dict[str, Any]:
    """Return a dataclass instance as plain data."""
    result: dict[str, Any] = {name: getattr(instance, name) for name in _DERIVED.get(instance.__class__, ())}
    for f, key, hint in _layout(instance.__class__):
        value = getattr(instance, f.name)
        if hint is Work:
            result |= encode(value)
        elif _is_seconds(f.name):
            result[key] = rounded(value * MS_PER_S)
        else:
            result[key] = _plain(value)
    return result


def _plain(value: Any) -> Any:
    if value.__class__ in _SCALARS:
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return encode(value)
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


def _decode_object(cls: Any, data: object, path: str) -> Any:
    if not isinstance(data, dict):
        _fail(path, "an object", data)
    values: dict[str, Any] = {}
    for f, key, hint in _layout(cls):
        if hint is Work:
            values[f.name] = _decode_object(Work, data, path)
        elif key not in data:
            raise ResultError(f"not a saved result: {_at(path, key)} is missing")
        else:
            value = _decode(hint, data[key], _at(path, key))
            values[f.name] = rounded(value / MS_PER_S) if _is_seconds(f.name) else value
    return cls(**values)


def _decode(hint: Any, data: Any, path: str) -> Any:
    """Check `data` against a type and convert it; `path` names the place in the file."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if data is None else _decode(_not_none(arguments), data, path)
    if origin is tuple:
        items = data if isinstance(data, list) else _fail(path, "a list", data)
        return tuple(_decode(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(items))
    if origin is Mapping:
        pairs = data if isinstance(data, dict) else _fail(path, "an object", data)
        return {key: _decode(arguments[1], value, _at(path, key)) for key, value in pairs.items()}
    if is_dataclass(hint):
        return _decode_object(hint, data, path)
    return _decode_scalar(hint, data, path)


def _decode_scalar(hint: Any, data: Any, path: str) -> Any:
    if issubclass(hint, Enum):
        known = [member.value for member in hint]
        return hint(data) if data in known else _fail(path, f"one of {', '.join(known)}", data)
    accepted = (int, float) if hint is float else hint
    if not isinstance(data, accepted) or (isinstance(data, bool) and hint is not bool):
        _fail(path, _NAMES[hint], data)
    if hint is not float:
        return data
    return float(data) if abs(data) <= sys.float_info.max else _fail(path, "a finite number", data)


def _not_none(arguments: tuple[Any, ...]) -> Any:
    return next(argument for argument in arguments if argument is not NoneType)


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _fail(path: str, expected: str, found: object) -> NoReturn:
    raise ResultError(
        f"not a saved result: {path or 'the file'} must be {expected}, found {str(found)[:40]!r}"
    )


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `dumps` writes: one result, or a list of them."""
    one = _object_schema(Estimate)
    one["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "latencylab result",
        "oneOf": [{"$ref": "#/$defs/result"}, {"type": "array", "items": {"$ref": "#/$defs/result"}}],
        "$defs": {"result": one},
    }


def _object_schema(cls: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "integer", "minimum": 0} for name in _DERIVED.get(cls, ())}
    for _, key, hint in _layout(cls):
        properties |= _object_schema(Work)["properties"] if hint is Work else {key: _schema_of(hint)}
    title = (cls.__doc__ or "").partition("\n")[0]
    return {"type": "object", "description": title, "properties": properties, "required": sorted(properties)}


def _schema_of(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return {"anyOf": [_schema_of(_not_none(arguments)), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1])}
    if is_dataclass(hint):
        return _object_schema(hint)
    if issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    limits = {"minimum": 0} if hint in (int, float) else {}
    return {"type": _SCHEMA_TYPES[hint], **limits}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, sort_keys=True) + "\n")
