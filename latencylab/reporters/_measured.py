"""Measurements as text: the kernels that ran, and the nodes of the file they stand for."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.printable import printable, shorten
from latencylab.reporters._columns import BULLET, Field, aligned, paragraph
from latencylab.reporters.md import line, piped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.align import Alignment, Placement
    from latencylab.measurement import Measurement

    Measured = tuple[Measurement, Alignment]

FORMATS: Final = ("table", "json", "csv", "md")
SUFFIXES: Final = {".txt": "table", ".json": "json", ".csv": "csv", ".md": "md"}
MARKERS: Final = {
    "table": b"measured by latencylab",
    "json": b'"kind": "measurement"',
    "csv": b"model,threads,index,kernel,",
    "md": b"<!-- measured by latencylab -->",
}
_FIELDS: Final = (
    Field("#", "number", is_spare=True),
    Field("kernel", "name"),
    Field("operator", "name"),
    Field("kind"),
    Field("ms", "number"),
    Field("%", "number"),
    Field("nodes", "text"),
)
_NAME_WIDTH: Final = 32


def render(
    measured: tuple[Measured, ...], format_name: str, *, top: int | None = None, width: int = 160
) -> bytes:
    """Render measurements with their alignments. top: only the N slowest kernels. width: text columns."""
    if format_name == "json":
        from latencylab.measurement import dumps

        text = dumps([measurement for measurement, _ in measured])
    elif format_name == "csv":
        text = _csv(measured)
    elif format_name == "md":
        blocks = "\n\n".join(_block(m, a, _markdown(a, top), line) for m, a in measured)
        text = f"{MARKERS['md'].decode()}\n\n{blocks}\n"
    else:
        blocks = "\n\n".join(_block(m, a, _table(a, top, width), _wrapped(width)) for m, a in measured)
        text = f"{blocks}\n\n{MARKERS['table'].decode()} {measured[0][0].latencylab_version}\n"
    return text.encode("utf-8", errors="backslashreplace")


def header_lines(measurement: Measurement) -> tuple[str, ...]:
    """Say what was measured where, in lines."""
    m, host, runtime = measurement, measurement.host, measurement.runtime
    inputs = " ".join(f"{i.name} {i.dtype}[{','.join(map(str, i.shape))}] {i.source}" for i in m.inputs)
    count = runtime.intra_op_threads
    threads = units.counted(count, "thread") if count else "unknown threads"
    session = f"{threads} · {', '.join(runtime.providers)} · {runtime.optimization}"
    return (
        f"{m.model_name} · onnxruntime {runtime.version} · {session}",
        f"{host.cpu} · {units.counted(host.physical_cores, 'core')} · {' '.join(host.isa)} · {host.os}",
        f"{inputs} · {m.measured_at}",
    )


def total_line(measurement: Measurement) -> str:
    """Say how long an inference took."""
    m, ms = measurement, _ms
    spread = f"min {ms(m.min_ns)}, p10 {ms(m.p10_ns)}, p90 {ms(m.p90_ns)}, MAD {ms(m.mad_ns)}"
    memory = f" · memory {units.byte_count(m.peak_memory_bytes)} peak" if m.peak_memory_bytes else ""
    if m.model_memory_bytes:
        memory += f", {units.byte_count(m.model_memory_bytes)} of it for the model"
    runs = units.counted(len(m.samples_ns), "run")
    return f"measured {ms(m.median_ns)} ms (median of {runs}; {spread}){memory}"


def coverage_line(alignment: Alignment) -> str:
    """Say how much of the kernels' time has a place, by kind."""
    from latencylab.align import KINDS

    parts = ", ".join(f"{kind} {alignment.share_of(kind):.1%}" for kind in KINDS)
    return f"placed {alignment.coverage:.1%} of the kernels' time: {parts}"


def _block(measurement: Measurement, alignment: Alignment, table: str, safe: Callable[[str], str]) -> str:
    """Say what was measured and what it came to, around the table of kernels."""
    lines = [*map(safe, header_lines(measurement)), "", safe(total_line(measurement))]
    lines += [safe(f"{BULLET}{warning}") for warning in measurement.warnings]
    if alignment.placements:
        lines += ["", table, "", safe(coverage_line(alignment))]
    if alignment.placements and alignment.uncovered:
        lines.append(safe(f"computed by no kernel: {', '.join(alignment.uncovered)}"))
    return "\n".join(lines)


def _wrapped(width: int) -> Callable[[str], str]:
    return lambda text: paragraph(printable(text), width)


def _table(alignment: Alignment, top: int | None, width: int) -> str:
    return aligned(_FIELDS, [_row(i, placement) for i, placement in _shown(alignment, top)], width)


def _markdown(alignment: Alignment, top: int | None) -> str:
    return piped(_FIELDS, [_row(i, placement) for i, placement in _shown(alignment, top)])


def _shown(alignment: Alignment, top: int | None) -> list[tuple[int, Placement]]:
    """Pick the slowest `top` kernels, in execution order."""
    numbered = enumerate(alignment.placements)
    return sorted(sorted(numbered, key=lambda pair: -pair[1].share)[:top])


def _row(index: int, placement: Placement) -> tuple[str, ...]:
    return (
        str(index),
        shorten(printable(placement.kernel.name), _NAME_WIDTH),
        printable(placement.kernel.op_type),
        placement.kind,
        _ms(placement.time_ns),
        f"{placement.share:.1%}".removesuffix("%"),
        printable(" ".join(placement.nodes)),
    )


def _csv(measured: tuple[Measured, ...]) -> str:
    stream = io.StringIO()
    rows = [row for m, a in measured for row in _csv_rows(m, a)]
    columns = ("model", "threads", "index", "kernel", "op_type", "provider", "kind", "latency_ms", "share")
    writer = csv.DictWriter(stream, (*columns, "nodes"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _csv_rows(measurement: Measurement, alignment: Alignment) -> Iterator[dict[str, Any]]:
    for index, placement in enumerate(alignment.placements):
        yield {
            "model": measurement.model_name,
            "threads": measurement.runtime.intra_op_threads,
            "index": index,
            "kernel": placement.kernel.name,
            "op_type": placement.kernel.op_type,
            "provider": placement.kernel.provider,
            "kind": placement.kind,
            "latency_ms": placement.time_ns / 1e6,
            "share": placement.share,
            "nodes": " ".join(placement.nodes),
        }


def _ms(time_ns: float) -> str:
    return units.significant(time_ns / 1e6)
