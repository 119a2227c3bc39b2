"""Everything known of every kernel, as the table that charts and tables of a page show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters._page import Column, Table
from latencylab.reporters._rows import busy_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.result import Estimate, KernelEstimate

_WORK: Final = (
    ("macs", "MACs"),
    ("binary_macs", "of them binary"),
    ("arithmetic_ops", "arithmetic operations"),
    ("division_ops", "divisions"),
    ("transcendental_ops", "transcendental operations"),
    ("move_ops", "moves"),
)
# Column, and its value from (index, kernel); shares refer to the sum over kernels, as in every other format.
_KERNEL: Final[tuple[tuple[Column, Callable[[int, KernelEstimate], Any]], ...]] = (
    (Column("index", "#", "number"), lambda i, _: i),
    (Column("name", "meta-node"), lambda _, k: printable(k.name)),
    (Column("kind", "kind"), lambda _, k: printable(k.kind) + ("" if k.is_priced else " (unpriced)")),
    (Column("engine", "engine"), lambda _, k: printable(k.engine)),
    (Column("reason", "why this engine"), lambda _, k: printable(k.reason)),
    (Column("dtype", "element type"), lambda _, k: k.dtype),
    (Column("start_ms", "start ms", "ms"), lambda _, k: ms(k.start_s)),
    (Column("latency_ms", "ms", "ms", is_summed=True), lambda _, k: ms(k.latency_s)),
    (Column("compute_ms", "compute ms", "ms", is_summed=True), lambda _, k: ms(k.compute_s)),
    (Column("memory_ms", "memory ms", "ms", is_summed=True), lambda _, k: ms(k.memory_s)),
    (Column("overhead_ms", "overhead ms", "ms", is_summed=True), lambda _, k: ms(k.overhead_s)),
    (Column("stall_ms", "stall ms", "ms", is_summed=True), lambda _, k: ms(k.stall_s)),
    (Column("bound", "bound"), lambda _, k: k.bound.value if k.latency_s else ""),
    (Column("utilization", "util %", "percent"), lambda _, k: k.utilization if k.latency_s else None),
    *(
        (Column(key, title, "count", is_summed=True), lambda _, k, key=key: getattr(k.work, key))
        for key, title in _WORK
    ),
    (
        Column("macs_per_byte", "MACs per DRAM byte", "number"),
        lambda _, k: ratio(k.work.macs, k.dram_bytes) or None,
    ),
    (
        Column("macs_per_port_byte", "MACs per port byte", "number"),
        lambda _, k: ratio(k.work.macs, port_bytes(k)) or None,
    ),
    (Column("macs_per_s", "MAC/s", "count"), lambda _, k: ratio(k.work.macs, k.latency_s) or None),
    (Column("input_shapes", "inputs", "shapes"), lambda _, k: k.input_shapes),
    (Column("output_shapes", "outputs", "shapes"), lambda _, k: k.output_shapes),
    (Column("read_bytes", "read at the boundary", "bytes"), lambda _, k: k.read_bytes),
    (Column("write_bytes", "written at the boundary", "bytes"), lambda _, k: k.write_bytes),
    (Column("weight_bytes", "weights", "bytes"), lambda _, k: k.weight_bytes),
    (Column("dram_bytes", "DRAM", "bytes", is_summed=True), lambda _, k: k.dram_bytes),
    (Column("causes", "DRAM by cause", "list"), lambda _, k: _causes(k)),
    (Column("scratchpad_bytes", "scratchpad", "kib"), lambda _, k: k.scratchpad_bytes),
    (Column("tile_plan", "tiles"), lambda _, k: printable(k.tile_plan)),
    (Column("assumed_share", "resting on assumptions %", "percent"), lambda _, k: k.assumed_share),
    (Column("nodes", "nodes of the file", "list"), lambda _, k: [printable(n) for n in k.nodes]),
    (Column("op_types", "operators", "list"), lambda _, k: [printable(o) for o in k.op_types]),
    (Column("fused_by", "fused by", "list"), lambda _, k: [printable(line) for line in k.fused_by]),
)


def kernel_table(estimate: Estimate, table_id: str = "kernels") -> Table:
    """Everything known of every kernel, a row each, in execution order."""
    whole_s = busy_s(estimate)
    critical = frozenset(estimate.critical_path)
    shared = (
        (Column("share", "%", "percent", is_summed=True), lambda _, k: ratio(k.latency_s, whole_s)),
        (Column("is_critical", "on the critical path", "flag"), lambda i, _: i in critical),
        (Column("depends_on", "reads from", "list"), lambda _, k: k.depends_on),
    )
    parts = (*_KERNEL, *shared)
    numbered = tuple(enumerate(estimate.kernels))
    return Table(
        table_id,
        tuple(column for column, _ in parts),
        tuple(tuple(value(i, kernel) for _, value in parts) for i, kernel in numbered),
    )


def port_bytes(kernel: KernelEstimate) -> int:
    """Bytes that the busier of an engine's two ports, in and out, moves for a kernel's activations."""
    return max(kernel.read_bytes, kernel.write_bytes)


def _causes(kernel: KernelEstimate) -> list[str]:
    return [f"{cause} {units.byte_count(size)}" for cause, size in kernel.dram_bytes_by_cause.items()]


def ms(value_s: float) -> float:
    """Milliseconds to a tenth of a nanosecond: what is shown, and short in the file."""
    return round(value_s * units.MS_PER_S, 7)


def ratio(part: float, whole: float) -> float | None:
    return float(f"{part / whole:.6g}") if whole else None
