"""Every fault of a profile at once: structure, references, contradictions; each with file and key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latencylab import dtypes
from latencylab.device.construction import build
from latencylab.device.faults import Fault, described, nearest, shown
from latencylab.device.quantities import Sourced
from latencylab.device.schema import ANY, FREE, DeviceProfile, plain
from latencylab.errors import ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from latencylab.device.overlay import Layer

# What a file says once, for all of its runtimes.
_FILE_ONLY = ("extends", "runtimes", "name", "aliases", "default_runtime", "schema_version")


def validate(
    tables: Mapping[str, Any], layers: tuple[Layer, ...] = (), *, name: str = "profile"
) -> DeviceProfile:
    """Build the profile that resolved tables describe. Raises ProfileError listing every fault.

    layers: where the tables came from, so that each fault names the file and the key as written there.
    """
    profile, faults = inspected(tables, layers)
    if profile is None or faults:
        raise ProfileError("; ".join(described(faults, layers, name)))
    return profile


def inspected(
    tables: Mapping[str, Any], layers: Iterable[Layer] = ()
) -> tuple[DeviceProfile | None, tuple[Fault, ...]]:
    """Validate without raising: the profile, if its structure allows one, and every fault found."""
    references = (*_file_faults(layers), *_reference_faults(tables))
    try:
        profile = build(tables)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        from latencylab.device.explanation import structural_faults

        return None, (*structural_faults(tables, error), *references)
    return profile, (*references, *_contradictions(profile))


def revalued(profile: DeviceProfile, values: Mapping[str, float | Sourced]) -> DeviceProfile:
    """Copy `profile` with other values by dotted path (see DeviceProfile.with_values)."""
    stated = profile.parameters()
    tables = profile.tables
    for path, value in values.items():
        if path not in stated:
            raise UnknownNameError("parameter", path, stated)
        new = plain(value) if isinstance(value, Sourced) else _set_by_caller(stated[path], value)
        tables = _with_leaf(tables, path.split("."), new)
    return validate(tables, name=profile.name)


def _set_by_caller(old: Sourced, value: float) -> dict[str, Any]:
    """Keep the bounds while the new number lies within them; its origin is no longer the old one."""
    number = int(value) if isinstance(old.value, int) and value == int(value) else value
    new = {"value": number, "provenance": "assumed", "source": "set by the caller"}
    if old.low is None or old.high is None or not old.low <= number <= old.high:
        return new
    return new | {"low": old.low, "high": old.high}


def _with_leaf(tables: dict[str, Any], path: list[str], leaf: dict[str, Any]) -> dict[str, Any]:
    """Copy nested tables along one path, with another value at its end."""
    key, *rest = path
    return tables | {key: _with_leaf(tables[key], rest, leaf) if rest else leaf}


def _file_faults(layers: Iterable[Layer]) -> Iterator[Fault]:
    """Find what a file may not state: a resolved profile's `runtime`, runtimes that are no tables."""
    for layer in layers:
        if layer.prefix:
            continue
        if "runtime" in layer.tables:
            yield Fault(("runtime",), "unknown key, did you mean 'runtimes'?")
        runtimes = layer.tables.get("runtimes", {})
        if not isinstance(runtimes, dict):
            yield Fault(("runtimes",), f"found {shown(runtimes)}, expected a table")
        for name, overlay in _table(runtimes).items():
            if not isinstance(overlay, dict):
                yield Fault(("runtimes", name), f"found {shown(overlay)}, expected a table")
            for key in sorted({"runtime", *_FILE_ONLY} & _table(overlay).keys()):
                yield Fault(
                    ("runtimes", name, key), "unknown key, a runtime overlays the tables of a profile"
                )


def _reference_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Find names that point nowhere; tolerant of tables that are themselves malformed."""
    yield from _dotted_keys(tables, ())
    engines = _table(tables.get("engines"))
    known = (*engines, FREE)
    for op_type, types in _table(tables.get("operators")).items():
        for dtype, engine in _table(types).items():
            yield from _unknown(("operators", op_type, dtype), dtype, (*dtypes.BITS, ANY), "an element type")
            yield from _unknown(("operators", op_type, dtype), engine, known, "an engine")
    for name, engine in engines.items():
        for table in ("macs_per_cycle", "lanes"):
            for dtype in _table(_table(engine).get(table)):
                key = ("engines", name, table, dtype)
                yield from _unknown(key, dtype, (*dtypes.BITS, ANY), "an element type")
        for helper in ("strided_by", "per_channel_by"):
            stated = _table(engine).get(helper)
            yield from _unknown(("engines", name, helper), stated, engines, "an engine")
    if "deployment_dtype" in tables:
        yield from _unknown(("deployment_dtype",), tables["deployment_dtype"], dtypes.BITS, "an element type")


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dotted_keys(tables: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Fault]:
    """Find keys that would make the dotted paths of parameters ambiguous."""
    for key, value in tables.items():
        if not key or "." in key:
            yield Fault((*path, key), "a key may be neither empty nor contain a dot")
        elif isinstance(value, dict) and "value" not in value:
            yield from _dotted_keys(value, (*path, key))


def _unknown(key: tuple[str, ...], found: object, known: Iterable[str], what: str) -> Iterator[Fault]:
    names = tuple(known)
    if isinstance(found, str) and found not in names:
        yield Fault(key, f"found {shown(found)}, expected {what}{nearest(found, names)}")


def _contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    """Find what no single table shows: engines that cannot do what is asked of them, shares above 1."""
    yield from _engine_contradictions(profile)
    yield from _operator_contradictions(profile)
    yield from _memory_contradictions(profile)
    hosts = [name for name, engine in profile.engines.items() if engine.role == "host"]
    if len(hosts) > 1:
        yield Fault(("engines",), f"found hosts {', '.join(hosts)}, expected at most one")


def _memory_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    reserved = sum(e.dram_share.value for e in profile.engines.values() if e.dram_share is not None)
    # Shares such as 0.1 do not add up exactly.
    if reserved > 1 + 1e-9:
        yield Fault(("engines",), f"found dram_share adding up to {reserved:g}, expected at most 1")
    if profile.device_class == "npu" and profile.memory.scratchpad is None:
        yield Fault(("memory", "scratchpad"), "missing, an NPU computes out of its scratchpad")


def _engine_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    if not profile.engines:
        yield Fault(("engines",), "found none, expected at least one")
    if FREE in profile.engines:
        yield Fault(
            ("engines", FREE), "an engine may not be called free: that word declares an operator costless"
        )
    for name, engine in profile.engines.items():
        has_macs = any(v.value for v in engine.macs_per_cycle.values())
        has_lanes = any(v.value for v in engine.lanes.values())
        if engine.role == "matrix" and not has_macs:
            yield Fault(("engines", name, "macs_per_cycle"), "missing, a matrix engine multiplies")
        if engine.role in {"vector", "host"} and not has_lanes:
            text = f"missing, a {engine.role} engine computes element by element"
            yield Fault(("engines", name, "lanes"), text)
        if has_lanes and engine.cycles_per_op is None:
            yield Fault(("engines", name, "cycles_per_op"), "missing, lanes need the cycles of an operation")


def _operator_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    if ANY not in profile.operators.get(ANY, {}):
        yield Fault(("operators", ANY, ANY), "missing, every operator must run somewhere")
    for op_type, types in profile.operators.items():
        if FREE in types.values() and not profile.free_reasons.get(op_type):
            yield Fault(("free_reasons", op_type), "missing, a free operator states why it costs nothing")
        for dtype, name in types.items():
            engine = profile.engines.get(name)
            if engine is not None and not engine.computes(dtype):
                text = f"found {name!r}, which has neither MACs nor lanes for {dtype}"
                yield Fault(("operators", op_type, dtype), text)
