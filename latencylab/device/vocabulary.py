"""Names that a profile mentions and others define: operators, fusion rules, engine models, a core's kernels.

Operators are held against the ONNX schemas. Importing those takes longer than a whole estimate, so the
shipped profiles, whose names the tests check, are not asked again at each load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from latencylab import ops, plugins
from latencylab.device.faults import Fault, unknown
from latencylab.device.overlay import table_at
from latencylab.device.words import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What latencylab/cpu/ asks a profile for beside operators.
CORE_KERNELS: Final = frozenset(
    {f"{kind}_{blocks}" for kind in ("direct", "pointwise", "few_inputs") for blocks in range(1, 9)}
    | {f"integer_{vectors}" for vectors in range(1, 4)}
    | {"direct", "pointwise", "few_inputs", "depthwise", "gemm", "integer", "integer_depthwise"}
)
CORE_WORK: Final = frozenset(
    {"row_call", "accumulate", "im2col", "pack", "im2col_integer", "pack_integer", "col2im", "requantize"}
    | {"crossing"}
    | {"position_integer", "tap_integer", "tap_grouped_integer", "ragged_integer", "reduced_row"}
    | {"activation", "softmax_row", "concat_run"}
)


def name_faults(tables: Mapping[str, Any]) -> Iterator[Fault]:
    """Find names that nobody knows; tolerant of tables that are themselves malformed."""
    operators = sorted(operator_names())
    for key in ("operators", "free_reasons"):
        for name in table_at(tables, key):
            yield from unknown((key, name), name, (*operators, ANY), "an operator")
    yield from _listed(tables, "views", operators, "an operator")
    yield from _listed(tables, "fusion", plugins.names("fusion"), "a fusion rule")
    yield from unknown(("engine",), tables.get("engine"), plugins.names("engines"), "an engine model")
    for name in table_at(tables, "engines"):
        yield from _engine_faults(tables, name, operators)


def _listed(tables: Mapping[str, Any], key: str, known: Sequence[str], what: str) -> Iterator[Fault]:
    names = tables.get(key)
    for position, name in enumerate(names if isinstance(names, list) else ()):
        yield from unknown((key, str(position)), name, known, what)


def _engine_faults(tables: Mapping[str, Any], engine: str, operators: Sequence[str]) -> Iterator[Fault]:
    path = ("engines", engine)
    for name in table_at(tables, *path, "element_cycles"):
        yield from unknown((*path, "element_cycles", name), name, operators, "an operator")
    for name in table_at(tables, *path, "efficiency"):
        yield from unknown((*path, "efficiency", name), name, (*operators, ANY), "an operator")
    for table, words in (("efficiency", CORE_KERNELS), ("cycles", CORE_WORK), ("parallel", CORE_KERNELS)):
        for name in table_at(tables, *path, "core", table):
            # An operator, or one with details: Resize_nearest, Add_broadcast_integer.
            if name.partition("_")[0] not in operators:
                yield from unknown((*path, "core", table, name), name, (*sorted(words), ANY), "a kernel")


def operator_names() -> frozenset[str]:
    """Collect the operators of the installed onnx and those that latencylab prices, of any domain."""
    from onnx import defs

    schemas = (schema.name for schema in defs.get_all_schemas())
    return frozenset(schemas) | {op_type for _, op_type in ops.operators()}
