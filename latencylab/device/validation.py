"""Every fault of a profile at once: structure, references, contradictions; each with file and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from latencylab import dtypes
from latencylab.device.construction import build
from latencylab.device.contradictions import contradictions
from latencylab.device.faults import Fault, described, shown, unknown
from latencylab.device.overlay import runtime_names, table_at
from latencylab.device.words import ANY, FREE, NAME, NAME_EXPECTED, SCHEMA_VERSION
from latencylab.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from latencylab.device.overlay import Layer
    from latencylab.device.schema import DeviceProfile

_TYPE_NAMES = dict.fromkeys((*dtypes.BITS, ANY))
# Keys by which an engine names another one.
_HELPERS = ("strided_by", "per_channel_by")

# What a file says once, for all of its runtimes.
_FILE_ONLY = ("extends", "runtimes", "name", "aliases", "default_runtime", "schema_version")


def validate(
    tables: Mapping[str, Any],
    layers: tuple[Layer, ...] = (),
    *,
    name: str = "profile",
    are_names_known: bool = True,
) -> DeviceProfile:
    """Build the profile that resolved tables describe. Raises ProfileError listing every fault.

    layers: where the tables came from, so that each fault names the file and the key as written there.
    are_names_known: operators, fusion rules and the like are taken to exist.
    """
    profile, faults = inspected(tables, layers, are_names_known=are_names_known)
    if profile is None or faults:
        raise ProfileError("; ".join(described(faults, layers, name)))
    return profile


def inspected(
    tables: Mapping[str, Any], layers: Iterable[Layer] = (), *, are_names_known: bool = False
) -> tuple[DeviceProfile | None, tuple[Fault, ...]]:
    """Validate without raising: the profile, if its structure allows one, and every fault found."""
    references = (*_file_faults(tuple(layers)), *_reference_faults(tables))
    if not are_names_known:
        from latencylab.device.vocabulary import name_faults

        references = (*references, *name_faults(tables))
    try:
        profile = build(tables)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        from latencylab.device.explanation import structural_faults

        return None, (*structural_faults(tables, error), *references)
    return profile, (*references, *contradictions(profile))


def _file_faults(layers: tuple[Layer, ...]) -> Iterator[Fault]:
    """Find what is wrong with the files themselves: a resolved profile's `runtime`, and their runtimes."""
    files = tuple(layer for layer in layers if not layer.prefix)
    for layer in files:
        if "runtime" in layer.tables:
            yield Fault(("runtime",), "unknown key, did you mean 'runtimes'?")
        runtimes = layer.tables.get("runtimes", {})
        if not isinstance(runtimes, dict):
            yield Fault(("runtimes",), f"found {shown(runtimes)}, expected a table")
        for name, overlay in table_at(layer.tables, "runtimes").items():
            yield from _runtime_faults(name, overlay)
    for layer in reversed(files):
        if "default_runtime" in layer.tables:
            known = runtime_names(files)
            what = "a runtime" if known else "a runtime, of which the profile has none"
            yield from unknown(("default_runtime",), layer.tables["default_runtime"], known, what)
            return


def _runtime_faults(name: str, overlay: object) -> Iterator[Fault]:
    if not re.fullmatch(NAME, name):
        yield Fault(("runtimes", name), f"found the name {shown(name)}, {NAME_EXPECTED}")
    if not isinstance(overlay, dict):
        yield Fault(("runtimes", name), f"found {shown(overlay)}, expected a table")
    for key in sorted({"runtime", *_FILE_ONLY} & table_at(overlay).keys()):
        yield Fault(("runtimes", name, key), "unknown key, a runtime overlays the tables of a profile")


def _reference_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Find names that point nowhere; tolerant of tables that are themselves malformed."""
    yield from _dotted_keys(tables, ())
    yield from _identity_faults(tables)
    engines = table_at(tables, "engines")
    known = (*engines, FREE)
    for op_type, types in table_at(tables, "operators").items():
        for dtype, engine in table_at(types).items():
            if dtype in _TYPE_NAMES and engine in known:
                continue  # some hundred of them in a profile, at each load
            key = ("operators", op_type, dtype)
            yield from unknown(key, dtype, _TYPE_NAMES, "an element type")
            yield from unknown(key, engine, known, "an engine")
    for name in engines:
        for table in ("macs_per_cycle", "lanes"):
            for dtype in table_at(engines, name, table):
                place = ("engines", name, table, dtype)
                yield from unknown(place, dtype, _TYPE_NAMES, "an element type")
        others = tuple(other for other in engines if other != name)
        for helper in _HELPERS:
            stated = table_at(engines, name).get(helper)
            yield from unknown(("engines", name, helper), stated, others, "another engine")
    yield from unknown(
        ("deployment_dtype",),
        tables.get("deployment_dtype"),
        dtypes.DEPLOYABLE,
        "an element type that arithmetic is deployed in",
    )


def _identity_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    version = tables.get("schema_version", SCHEMA_VERSION)
    if type(version) is int and version != SCHEMA_VERSION:
        yield Fault(("schema_version",), f"found {version}, expected {SCHEMA_VERSION}")
    aliases = tables.get("aliases")
    listed = enumerate(aliases if isinstance(aliases, list) else ())
    for key, name in ((("name",), tables.get("name")), *((("aliases", str(i)), name) for i, name in listed)):
        if isinstance(name, str) and not re.fullmatch(NAME, name):
            yield Fault(key, f"found {shown(name)}, {NAME_EXPECTED}")


def _dotted_keys(tables: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Fault]:
    """Find keys that would make the dotted paths of parameters ambiguous."""
    for key, value in tables.items():
        if not key or "." in key:
            yield Fault((*path, key), "a key may be neither empty nor contain a dot")
        elif isinstance(value, dict) and "value" not in value:
            yield from _dotted_keys(value, (*path, key))
