"""What `latencylab devices check` looks at beyond loading: every runtime, and every name mentioned.

Operator names are held against the ONNX schemas here and not on each load: importing them takes longer than a
whole estimate.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from latencylab import ops, plugins
from latencylab.device.faults import Fault, described
from latencylab.device.overlay import chain, resolve, runtime_names, with_runtime
from latencylab.device.registry import find
from latencylab.device.schema import ANY, DeviceProfile
from latencylab.device.validation import inspected
from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


def check(name_or_path: str | Path) -> tuple[str, ...]:
    """List every fault of a profile under each of its runtimes; () if there is none.

    A file that cannot be read or parsed is one fault; nothing is raised.
    """
    try:
        layers = chain(find(str(name_or_path)), find)
    except LatencyLabError as error:
        return (str(error),)
    found: dict[str, None] = {}
    for runtime in runtime_names(layers) or (None,):
        profile, faults = inspected(resolve(layers, runtime), layers)
        faults = (*faults, *(name_faults(profile) if profile else ()))
        found.update(dict.fromkeys(described(faults, with_runtime(layers, runtime))))
    return tuple(found)


def name_faults(profile: DeviceProfile) -> Iterator[Fault]:
    """Find names of operators, fusion rules and engines that nobody knows."""
    operators = operator_names()
    tables = (("operators", profile.operators), ("free_reasons", profile.free_reasons))
    for key, names in tables:
        yield from _unknown((key,), names, operators, "operator")
    yield from _unknown(("views",), profile.views, operators, "operator")
    for name, engine in profile.engines.items():
        rates = [op_type.rstrip("0123456789").removesuffix("_") for op_type in engine.element_cycles]
        yield from _unknown(("engines", name, "element_cycles"), rates, operators, "operator")
        yield from _unknown(("engines", name, "efficiency"), engine.efficiency, operators, "operator")
    yield from _unknown(("fusion",), profile.fusion, plugins.names("fusion"), "fusion rule")
    yield from _unknown(("engine",), (profile.engine,), plugins.names("engines"), "engine")


def operator_names() -> frozenset[str]:
    """Collect the operators of the installed onnx and those that latencylab prices, of any domain."""
    from onnx import defs

    schemas = (schema.name for schema in defs.get_all_schemas())
    return frozenset(schemas) | {op_type for _, op_type in ops.operators()}


def _unknown(
    key: tuple[str, ...], names: Collection[str], known: Collection[str], what: str
) -> Iterator[Fault]:
    for name in names:
        if name != ANY and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f", did you mean {near[0]!r}?" if near else ""
            yield Fault((*key, name), f"unknown {what}{hint}")
