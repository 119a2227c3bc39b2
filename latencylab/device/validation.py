"""Every fault of a profile at once: structure, references, contradictions; each with file and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from latencylab import dtypes
from latencylab.device.construction import build
from latencylab.device.faults import Fault, described, shown, unknown
from latencylab.device.overlay import runtime_names, table_at
from latencylab.device.quantities import Sourced
from latencylab.device.schema import ANY, FREE, NAME, NAME_EXPECTED, SCHEMA_VERSION, DeviceProfile, plain
from latencylab.errors import ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Set

    from latencylab.device.overlay import Layer
    from latencylab.device.schema import Engine

_TYPES = frozenset(dtypes.BITS)
_TYPE_NAMES = dict.fromkeys((*dtypes.BITS, ANY))
# Of several types the first of these is told.
_COMMON = ("float32", "uint8", "int8", "float16")
# Operators whose arithmetic is multiply-accumulates; any other one needs lanes, or a measured rate.
_MULTIPLYING = frozenset(
    {"Conv", "ConvTranspose", "ConvInteger", "DeformConv", "CausalConvWithState", "QLinearConv"}
    | {"Gemm", "QGemm", "MatMul", "MatMulInteger", "MatMulNBits", "QLinearMatMul", "Einsum"}
    | {"RNN", "GRU", "LSTM", "Attention", "MultiHeadAttention", "QAttention"}
)

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
        strided_by = table_at(engines, name).get("strided_by")
        yield from unknown(("engines", name, "strided_by"), strided_by, others, "another engine")
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


def _contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    """Find what no single table shows: engines that cannot do what is asked of them, shares above 1."""
    yield from _engine_contradictions(profile)
    yield from _operator_contradictions(profile)
    yield from _memory_contradictions(profile)
    rules = [rule.id for rule in profile.rules]
    for rule in dict.fromkeys(rule for rule in rules if rules.count(rule) > 1):
        yield Fault(("rules",), f"found {rule!r} more than once")
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
    able = {name: _Ability.of(engine) for name, engine in profile.engines.items()}
    for op_type, types in profile.operators.items():
        if FREE in types.values() and not profile.free_reasons.get(op_type):
            yield Fault(("free_reasons", op_type), "missing, a free operator states why it costs nothing")
        is_costed = op_type not in profile.views and op_type not in _MULTIPLYING
        for dtype, name in types.items():
            if name in able:
                # "*" stands for every type that the operator does not name.
                asked = _TYPES - types.keys() if dtype == ANY else {dtype}
                text = able[name].refusal(op_type, asked, needs_lanes=is_costed)
                if text:
                    yield Fault(("operators", op_type, dtype), f"found {name!r}, which {text}")


class _Ability(NamedTuple):
    """Element types an engine can work on, those it has lanes for, and operators whose rate it states."""

    types: frozenset[str]
    lanes: frozenset[str]
    rated: frozenset[str]

    @classmethod
    def of(cls, engine: Engine) -> _Ability:
        rated = (name.partition("_")[0] for name in engine.element_cycles)
        return cls(
            frozenset(dtype for dtype in _TYPES if engine.computes(dtype)),
            frozenset(dtype for dtype in _TYPES if engine.unit_lanes(dtype)),
            frozenset(rated),
        )

    def refusal(self, op_type: str, asked: Set[str], *, needs_lanes: bool) -> str:
        """Say why it cannot run an operator on one of these types; "" where it can run it on all."""
        if missing := asked - self.types:
            return f"has neither MACs nor lanes for {_counted(missing)}"
        if needs_lanes and op_type not in self.rated and (missing := asked - self.lanes):
            return f"has no lanes for {_counted(missing)}: it would cost nothing"
        return ""


def _counted(types: Set[str]) -> str:
    first = next(dtype for dtype in (*_COMMON, *sorted(types)) if dtype in types)
    return first if len(types) == 1 else f"{first} and {len(types) - 1} other types"
