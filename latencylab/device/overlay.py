"""Overlays: `extends` and `runtimes` are one mechanism, a deep merge of plain dicts before validation.

A later layer wins. Tables merge key by key; a sourced value (a table with `value`) and a list replace what
they cover whole, so that no number is left with the provenance or the bounds of another one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latencylab.errors import InputFileError, ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Tables = dict[str, Any]

# What a file says of itself alone, never of those that extend it.
OWN_KEYS = ("name", "title", "aliases")
# What the merge itself reads.
_FILE_KEYS = ("extends", "runtimes")
# A runtime's own description; everything else in it is an overlay.
_RUNTIME_KEYS = ("title", "version")


@dataclass(frozen=True, slots=True)
class Layer:
    """One overlay and where it was written: the file, and the table prefix inside it ("runtimes.x.")."""

    path: Path
    prefix: str
    tables: Tables


def read_toml(path: Path) -> Tables:
    """Tables of one file, a byte order mark before them forgiven.

    Raises InputFileError if it cannot be read, ProfileError if it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputFileError(f"cannot read device profile {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: not valid TOML: not UTF-8 text at byte {error.start}") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of too many digits
        raise ProfileError(f"{path}: not valid TOML: {error or 'nested too deeply'}") from error


def table_at(tables: object, *keys: str) -> Mapping[str, Any]:
    """Find the table below these keys; an empty one where there is none, or where something else stands."""
    node = tables
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tables:
    """Lay `over` on `base`; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and "value" not in value:
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def chain(path: Path, find: Callable[[str, Path], Path]) -> tuple[Layer, ...]:
    """Read a file and all it extends, the farthest ancestor first.

    find: resolves the text of `extends`, given the file that holds it, to a path.
    Raises ProfileError naming the file whose `extends` leads nowhere, or in a circle.
    """
    layers: list[Layer] = []
    seen: list[Path] = []
    current: Path | None = path
    while current is not None:
        if current.resolve() in seen:
            names = " -> ".join(p.stem for p in (*seen, current))
            raise ProfileError(f"{path}: extends: a cycle, {names}")
        seen.append(current.resolve())
        tables = read_toml(current)
        layers.append(Layer(current, "", tables))
        current = _parent(current, tables, find)
    return tuple(reversed(layers))


def _parent(path: Path, tables: Tables, find: Callable[[str, Path], Path]) -> Path | None:
    extends = tables.get("extends")
    if extends is None:
        return None
    if not isinstance(extends, str) or not extends:
        raise ProfileError(f"{path}: extends: found {extends!r}, expected the name or path of a profile")
    try:
        return find(extends, path)
    except (InputFileError, UnknownNameError) as error:
        raise ProfileError(f"{path}: extends: {error}") from error


def runtime_names(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """Runtimes that a chain of files offers, in the order they were written."""
    return tuple(dict.fromkeys(name for layer in layers for name in table_at(layer.tables, "runtimes")))


def with_runtime(layers: tuple[Layer, ...], runtime: str | None) -> tuple[Layer, ...]:
    """Append to the chain what each of its files overlays for this runtime."""
    overlays = []
    for layer in layers:
        tables = table_at(layer.tables, "runtimes", runtime) if runtime else {}
        if tables:
            overlays.append(Layer(layer.path, f"runtimes.{runtime}.", _as_overlay(tables)))
    return (*layers, *overlays)


def _as_overlay(tables: Mapping[str, Any]) -> Tables:
    """Set a runtime's own title and version apart from those of the device it overlays."""
    own = {key: tables[key] for key in _RUNTIME_KEYS if key in tables}
    return {key: value for key, value in tables.items() if key not in _RUNTIME_KEYS} | {"runtime": own}


def resolve(layers: tuple[Layer, ...], runtime: str | None) -> Tables:
    """Merge the chain, then the runtime's overlays; the result's `runtime` describes the latter."""
    result: Tables = {}
    for layer in with_runtime(layers, runtime):
        if not layer.prefix:
            for key in OWN_KEYS:
                result.pop(key, None)
        result = merged(result, {k: v for k, v in layer.tables.items() if k not in _FILE_KEYS})
    return merged(result, {"runtime": {"name": runtime}}) if runtime else result
