"""Every fault of a profile at once: structure (pydantic), references, contradictions; each with file and key."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from latencylab import dtypes
from latencylab.device.quantities import Sourced
from latencylab.device.schema import ANY, FREE, DeviceProfile
from latencylab.errors import ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from latencylab.device.overlay import Layer

# Below this no tile of any convolution fits: a unit mistake (KiB for bytes), not a device.
SMALLEST_SCRATCHPAD_BYTES = 1024
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a profile: the key's path, and what was found and expected there."""

    key: tuple[str, ...]
    text: str


def validate(
    tables: Mapping[str, Any], layers: Iterable[Layer] = (), *, name: str = "profile"
) -> DeviceProfile:
    """Build the profile that resolved tables describe. Raises ProfileError listing every fault.

    layers: where the tables came from, so that each fault names the file and the key as written there.
    """
    profile, faults = _inspected(tables)
    if profile is None or faults:
        origins = tuple(layers)
        raise ProfileError("; ".join(dict.fromkeys(_located(fault, origins, name) for fault in faults)))
    return profile


def revalidated(profile: DeviceProfile, values: Mapping[str, float | Sourced]) -> DeviceProfile:
    """Copy `profile` with other values by dotted path (see DeviceProfile.with_values)."""
    stated = profile.parameters()
    tables = profile.content()
    for path, value in values.items():
        if path not in stated:
            raise UnknownNameError("parameter", path, stated)
        table, key = _leaf(tables, path)
        table[key] = _replaced(stated[path], value).model_dump(exclude_unset=True)
    return validate(tables, name=profile.name)


def _leaf(tables: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Find the table that holds a dotted path's last key."""
    *parents, key = path.split(".")
    for parent in parents:
        tables = tables[parent]
    return tables, key


def _replaced(old: Sourced, value: float | Sourced) -> Sourced:
    if isinstance(value, Sourced):
        return value
    number = type(old.value)(value)
    bounds = {"low": old.low, "high": old.high}
    is_inside = old.low is not None and old.high is not None and old.low <= number <= old.high
    return Sourced.model_construct(
        value=number, provenance="assumed", source="set by the caller", **(bounds if is_inside else {})
    )


def _inspected(tables: Mapping[str, Any]) -> tuple[DeviceProfile | None, tuple[Fault, ...]]:
    references = tuple(_reference_faults(tables))
    try:
        profile = DeviceProfile.model_validate(tables)
    except ValidationError as error:
        return None, (*_structural_faults(error), *references)
    return profile, (*references, *_contradictions(profile))


def _structural_faults(error: ValidationError) -> Iterator[Fault]:
    for item in error.errors(include_url=False, include_context=True):
        key = tuple(str(part) for part in item["loc"])
        kind, message = item["type"], item["msg"]
        if kind == "extra_forbidden":
            yield Fault(key, f"unknown key{_nearest(key[-1], _valid_keys(key[:-1]))}")
        elif kind == "missing":
            yield Fault(key, "missing")
        elif kind == "value_error":
            yield Fault(key, f"expected {message.removeprefix('Value error, ')}")
        else:
            expected = message.removeprefix("Input should be ").replace("\n", " ")
            yield Fault(key, f"found {shown(item['input'])}, expected {expected}")


def _reference_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Names that point nowhere; tolerant of tables that are themselves malformed."""
    engines = tables.get("engines")
    known = tuple(engines) if isinstance(engines, dict) else ()
    operators = tables.get("operators")
    for op_type, types in operators.items() if isinstance(operators, dict) else ():
        for dtype, engine in types.items() if isinstance(types, dict) else ():
            yield from _unknown(("operators", op_type, dtype), dtype, (*dtypes.BITS, ANY), "an element type")
            yield from _unknown(("operators", op_type, dtype), engine, (*known, FREE), "an engine")
    for name, engine in engines.items() if isinstance(engines, dict) else ():
        for table in ("macs_per_cycle", "lanes"):
            types = engine.get(table) if isinstance(engine, dict) else None
            for dtype in types if isinstance(types, dict) else ():
                yield from _unknown(
                    ("engines", name, table, dtype), dtype, (*dtypes.BITS, ANY), "an element type"
                )
    if "deployment_dtype" in tables:
        yield from _unknown(("deployment_dtype",), tables["deployment_dtype"], dtypes.BITS, "an element type")


def _unknown(key: tuple[str, ...], found: object, known: Iterable[str], what: str) -> Iterator[Fault]:
    names = tuple(known)
    if isinstance(found, str) and found not in names:
        yield Fault(key, f"found {shown(found)}, expected {what}{_nearest(found, names)}")


def _contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    """Find what no single table shows: engines that cannot do what is asked of them, shares beyond a whole."""
    yield from _engine_contradictions(profile)
    yield from _operator_contradictions(profile)
    reserved = sum(e.dram_share.value for e in profile.engines.values() if e.dram_share is not None)
    if reserved > 1 + 1e-9:
        yield Fault(("engines",), f"found dram_share adding up to {reserved:g}, expected at most 1")
    scratchpad = profile.memory.scratchpad
    if scratchpad is not None and scratchpad.size_bytes.value < SMALLEST_SCRATCHPAD_BYTES:
        yield Fault(
            ("memory", "scratchpad", "size_bytes"),
            f"found {scratchpad.size_bytes.value}, expected bytes, at least {SMALLEST_SCRATCHPAD_BYTES}",
        )
    if profile.device_class == "npu" and scratchpad is None:
        yield Fault(("memory", "scratchpad"), "missing, an NPU computes out of its scratchpad")
    hosts = [name for name, engine in profile.engines.items() if engine.role == "host"]
    if len(hosts) > 1:
        yield Fault(("engines",), f"found hosts {', '.join(hosts)}, expected at most one")


def _engine_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    for name, engine in profile.engines.items():
        has_macs = any(v.value for v in engine.macs_per_cycle.values())
        has_lanes = any(v.value for v in engine.lanes.values())
        if engine.role == "matrix" and not has_macs:
            yield Fault(("engines", name, "macs_per_cycle"), "missing, a matrix engine multiplies")
        if engine.role in {"vector", "host"} and not has_lanes:
            yield Fault(
                ("engines", name, "lanes"), f"missing, a {engine.role} engine computes element by element"
            )
        if has_lanes and engine.cycles_per_op is None:
            yield Fault(("engines", name, "cycles_per_op"), "missing, lanes need the cycles of an operation")


def _operator_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    if ANY not in profile.operators.get(ANY, {}):
        yield Fault(("operators", ANY, ANY), "missing, every operator must run somewhere")
    for op_type, types in profile.operators.items():
        for dtype, name in types.items():
            engine = profile.engines.get(name)
            if name == FREE and not profile.free_reasons.get(op_type):
                yield Fault(("free_reasons", op_type), "missing, a free operator states why it costs nothing")
            if engine is not None and not engine.computes(dtype):
                yield Fault(
                    ("operators", op_type, dtype),
                    f"found {name!r}, which has neither MACs nor lanes for {dtype}",
                )


def _valid_keys(parent: tuple[str, ...]) -> tuple[str, ...]:
    from latencylab.device.json_schema import keys_at

    return keys_at(parent)


def _nearest(found: str, known: Iterable[str]) -> str:
    names = tuple(known)
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    if near:
        return f", did you mean {near[0]!r}?"
    return f" (one of {', '.join(names[:12])})" if names else ""


def shown(value: object) -> str:
    """Show a found value on one short line, without control characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _located(fault: Fault, layers: tuple[Layer, ...], name: str) -> str:
    """`file: key: text`, where the file and the prefix are those of the layer that wrote the key last."""
    key = ".".join(part if part.isprintable() else repr(part) for part in fault.key)
    if not layers:
        return f"{name}: {key}: {fault.text}"
    # The last layer wins among those that hold the longest part of the path.
    best = max(
        enumerate(layers), key=lambda item: (_depth(item[1].tables, fault.key), not item[1].prefix, item[0])
    )
    layer = best[1]
    return f"{layer.path}: {layer.prefix}{key}: {fault.text}"


def _depth(tables: Mapping[str, Any], key: tuple[str, ...]) -> int:
    """How many parts of a path a layer holds."""
    depth, node = 0, tables
    for part in key:
        if not isinstance(node, dict) or part not in node:
            break
        depth, node = depth + 1, node[part]
    return depth
