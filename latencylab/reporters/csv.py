"""CSV: one row a meta-node (or one an estimate), plain numbers with the unit in the column's name."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View
from latencylab.reporters._rows import visible
from latencylab.result_json import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.result import Estimate

suffix = ".csv"
# The first columns, in this order, are what makes a CSV file a report of ours.
marker = b"model,device,runtime,engine_model,"

_KERNEL_COLUMNS = (
    "index",
    "name",
    "kind",
    "op_types",
    "nodes",
    "engine",
    "dtype",
    "start_ms",
    "latency_ms",
    "compute_ms",
    "memory_ms",
    "overhead_ms",
    "stall_ms",
    "bound",
    "utilization",
    "macs",
    "binary_macs",
    "vector_ops",
    "move_ops",
    "read_bytes",
    "write_bytes",
    "weight_bytes",
    "dram_read_bytes",
    "dram_write_bytes",
    "dram_bytes",
    "is_priced",
    "is_layout",
    "assumed_share",
    "reason",
    "tile_plan",
    "scratchpad_bytes",
    "depends_on",
    "input_shapes",
    "output_shapes",
)
_SUMMARY_COLUMNS = (
    "latency_ms",
    "latency_low_ms",
    "latency_high_ms",
    "interval",
    "parameters",
    "parameters_frozen",
    "macs",
    "binary_macs",
    "dram_read_bytes",
    "dram_write_bytes",
    "peak_scratchpad_bytes",
    "kernels",
    "unpriced",
    "fallbacks",
)
_LISTS = ("op_types", "nodes", "depends_on")
_SHAPES = ("input_shapes", "output_shapes")
_IDENTITY = ("model", "device", "runtime", "engine_model")


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
    """Render the estimates as UTF-8 CSV (RFC 4180, line feeds)."""
    text = io.StringIO()
    columns = _IDENTITY + (_SUMMARY_COLUMNS if view.is_summary else _KERNEL_COLUMNS)
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for estimate in estimates:
        rows = [_summary(estimate)] if view.is_summary else _kernels(estimate, view)
        writer.writerows(_harmless(_identity(estimate) | row) for row in rows)
    return text.getvalue().encode("utf-8", errors="backslashreplace")


def _harmless(row: dict[str, Any]) -> dict[str, Any]:
    """Escape what could command a terminal; line breaks are content, which CSV quotes."""
    return {
        key: "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value
        for key, value in row.items()
    }


def columns() -> tuple[str, ...]:
    """Names of the columns of a row a kernel, in order: later versions may add some at the end."""
    return _IDENTITY + _KERNEL_COLUMNS


def rows(estimate: Estimate) -> Iterator[dict[str, Any]]:
    """Every kernel as a row of plain values, for tables elsewhere; lists are joined by semicolons."""
    for row in _kernels(estimate, DEFAULT_VIEW):
        yield {key: value for key, value in (_identity(estimate) | row).items() if key in columns()}


def _identity(estimate: Estimate) -> dict[str, Any]:
    device = estimate.device
    values = (estimate.model.name, device.name, device.runtime, estimate.engine)
    return dict(zip(_IDENTITY, values, strict=True))


def _kernels(estimate: Estimate, view: View) -> Iterator[dict[str, Any]]:
    for index, kernel in visible(estimate, view):
        row = encode(kernel) | {"index": index}
        shapes = {key: ";".join("x".join(map(str, shape)) for shape in row[key]) for key in _SHAPES}
        yield row | shapes | {key: ";".join(map(str, row[key])) for key in _LISTS}


def _summary(estimate: Estimate) -> dict[str, Any]:
    counts = {
        "kernels": len(estimate.kernels),
        "unpriced": sum(item.count for item in estimate.unpriced),
        "fallbacks": len(estimate.fallbacks),
    }
    return encode(estimate.model) | encode(estimate) | counts
