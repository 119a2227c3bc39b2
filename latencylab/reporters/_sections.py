"""An estimate as the sections of a page: what to change, when, where, why, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters import _counters
from latencylab.reporters import _rows as rows
from latencylab.reporters._kernels import kernel_table, ms, ratio
from latencylab.reporters._page import Chart, Column, Section, Table
from latencylab.reporters._roofs import roofs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.result import Estimate

_MOST_BARS_IN_ORDER: Final = 40
_ENGINES: Final = (
    Column("engine", "engine"),
    Column("busy_ms", "busy", "ms"),
    Column("stall_ms", "stalled", "ms"),
    Column("idle_ms", "idle", "ms"),
    Column("busy", "busy %", "percent"),
    Column("kernels", "meta-nodes", "number", is_summed=True),
)
# Columns of the kernels' table that the timeline shows.
_IN_TIME: Final = (
    *("name", "engine", "kind", "start_ms", "latency_ms"),
    *("scratchpad_bytes", "dram_bytes", "is_critical"),
)


def sections(estimate: Estimate, prefix: str = "") -> Iterator[Section]:
    """Yield the sections of one estimate; prefix keeps the ids of several apart."""
    kernels = kernel_table(estimate, f"{prefix}kernels")
    yield advice(estimate, prefix)
    yield timeline(estimate, kernels, prefix)
    yield meta_nodes(estimate, kernels, prefix)
    yield kinds(estimate, prefix)
    yield engines(estimate, prefix)
    if any(kernel.work.macs and kernel.latency_s for kernel in estimate.kernels):
        yield roofline(estimate, kernels, prefix)
    yield network(kernels, prefix)
    yield trust(estimate, prefix)


def advice(estimate: Estimate, prefix: str = "") -> Section:
    """Show the changes worth making, by what each saves."""
    columns = (
        Column("change", "change"),
        Column("saves_ms", "saves ms", "ms"),
        Column("share", "of the latency %", "percent"),
        Column("nodes", "nodes", "list"),
    )
    found = tuple(
        (
            printable(a.change),
            ms(a.saves_s),
            ratio(a.saves_s, estimate.latency_s),
            [printable(node) for node in a.nodes],
        )
        for a in estimate.advice
    )
    if not found:
        nothing = "No change was estimated for this result, or none of those tried makes it faster."
        return Section(f"{prefix}advice", "What to change", nothing)
    return Section(
        f"{prefix}advice",
        "What to change",
        "Each change was made and the network estimated again; the savings do not add up.",
        chart=Chart(
            "bars",
            f"Bars of {units.counted(len(found), 'change')}; the first saves "
            f"{units.milliseconds(estimate.advice[0].saves_s)} ms: {printable(estimate.advice[0].change)}.",
            {"label": "change", "value": "saves_ms", "told": ["share"], "is_wordy": True},
        ),
        table=Table(f"{prefix}advice", columns, found),
    )


def timeline(estimate: Estimate, kernels: Table, prefix: str = "") -> Section:
    """Show when each engine does what, and below it the scratchpad and DRAM."""
    used = dict.fromkeys(printable(k.engine) for k in estimate.kernels if k.latency_s > 0)
    return Section(
        f"{prefix}timeline",
        "Timeline",
        "Engines work side by side; a gap is an engine that waits. Drag the slider, or hold Ctrl and scroll, "
        "to zoom; click a span for details.",
        chart=Chart(
            "timeline",
            f"Timeline of {units.counted(len(estimate.kernels), 'meta-node')} on "
            f"{units.counted(len(used), 'engine')} over {units.milliseconds(estimate.latency_s)} ms"
            f"{_busiest(estimate)}.",
            {
                "label": "name",
                "lane": "engine",
                "start": "start_ms",
                "value": "latency_ms",
                "color": "kind",
                "told": ["bound"],
                "lanes": list(used),
                "counters": list(_counted(estimate)),
                "end": ms(estimate.latency_s),
            },
        ),
        table=kernels,
        shown=_IN_TIME,
    )


def _busiest(estimate: Estimate) -> str:
    use = max(estimate.engines, key=lambda use: use.busy_s + use.stall_s, default=None)
    if use is None:
        return ""
    return f"; the busiest is {printable(use.name)}, {_percent(use.busy_s, estimate.latency_s)} busy"


def _counted(estimate: Estimate) -> Iterator[dict[str, Any]]:
    """Yield the tracks below the engines, those that stay at zero left out."""
    for name, fields, steps in (
        ("scratchpad", {"kind": "kib"}, _counters.scratchpad_bytes(estimate)),
        ("DRAM", {"unit": "/s"}, _counters.dram_bytes_per_s(estimate)),
    ):
        points = [(ms(time_s), value) for time_s, value in steps]
        if any(value for _, value in points):
            yield {"name": name, **fields, "points": points}


def meta_nodes(estimate: Estimate, kernels: Table, prefix: str = "") -> Section:
    """Show what each meta-node takes."""
    slowest = max(estimate.kernels, key=lambda k: k.latency_s, default=None)
    said = f" The slowest is {slowest.name}, {units.milliseconds(slowest.latency_s)} ms." if slowest else ""
    is_sorted = len(estimate.kernels) > _MOST_BARS_IN_ORDER
    order = "slowest first" if is_sorted else "in execution order"
    return Section(
        f"{prefix}meta-nodes",
        "Meta-nodes",
        f"What each fused unit takes, {order}. Click a bar or a name for shapes, bytes, tiles and reasons.",
        chart=Chart(
            "bars",
            printable(
                f"Bars of the time of {units.counted(len(estimate.kernels), 'meta-node')}, {order}.{said}"
            ),
            {
                "label": "name",
                "value": "latency_ms",
                "color": "kind",
                "told": ["engine", "bound", "share"],
                "is_sorted": is_sorted,
            },
        ),
        table=kernels,
        shown=(
            "index",
            "name",
            "kind",
            "engine",
            "start_ms",
            "latency_ms",
            "share",
            "bound",
            "utilization",
            "macs",
            "dram_bytes",
        ),
        is_open=True,
    )


def kinds(estimate: Estimate, prefix: str = "") -> Section:
    """Show what each kind of meta-node takes in total."""
    sums: dict[str, list[float]] = {}
    for kernel in estimate.kernels:
        entry = sums.setdefault(printable(kernel.kind), [0, 0, 0, 0])
        for i, value in enumerate((1, ms(kernel.latency_s), kernel.work.macs, kernel.dram_bytes)):
            entry[i] += value
    whole_ms = ms(rows.busy_s(estimate))
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    columns = (
        Column("kind", "kind"),
        Column("count", "count", "number", is_summed=True),
        Column("latency_ms", "ms", "ms", is_summed=True),
        Column("share", "%", "percent", is_summed=True),
        Column("macs", "MACs", "count", is_summed=True),
        Column("dram_bytes", "DRAM", "bytes", is_summed=True),
    )
    found = tuple((kind, n, ms, ratio(ms, whole_ms), macs, dram) for kind, (n, ms, macs, dram) in ordered)
    first = f" {ordered[0][0]} takes most, {_percent(ordered[0][1][1], whole_ms)}." if ordered else ""
    return Section(
        f"{prefix}kinds",
        "By kind",
        "The time of all meta-nodes of a kind; engines overlap, so the sum may exceed the latency.",
        chart=Chart(
            "bars",
            f"Bars of the time of {len(found)} kinds of meta-node.{first}",
            {"label": "kind", "value": "latency_ms", "color": "kind", "told": ["count", "share"]},
        ),
        table=Table(f"{prefix}kinds", columns, found),
    )


def engines(estimate: Estimate, prefix: str = "") -> Section:
    """Show how each engine spends the inference."""
    counts = Counter(kernel.engine for kernel in estimate.kernels)
    found = tuple(
        (
            printable(use.name),
            ms(use.busy_s),
            ms(use.stall_s),
            ms(use.idle_s),
            ratio(use.busy_s, estimate.latency_s),
            counts[use.name],
        )
        for use in estimate.engines
    )
    return Section(
        f"{prefix}engines",
        "By engine",
        "Busy computing or starting, stalled (waiting for data in the middle of a kernel), or idle.",
        chart=Chart(
            "bars",
            f"Stacked bars of busy, stalled and idle time of {len(found)} engines.",
            {
                "label": "engine",
                "value": "busy_ms",
                "parts": ["busy_ms", "stall_ms", "idle_ms"],
                "colors": ["color-0", "color-1", "line"],
                "end": ms(estimate.latency_s),
            },
        ),
        table=Table(f"{prefix}engines", _ENGINES, found),
    )


def roofline(estimate: Estimate, kernels: Table, prefix: str = "") -> Section:
    """Show MAC rates against what engines and memories allow."""
    return Section(
        f"{prefix}roofline",
        "Roofline",
        "A meta-node below a slanted roof could be faster only with fewer bytes; below a level one, with "
        "more MACs at work. Dots count DRAM bytes; diamonds count what passes the engine's port to the "
        "scratchpad, the larger of read and written. Meta-nodes without MACs have no place here.",
        chart=Chart(
            "scatter",
            f"Scatter of MAC rate over MACs per byte, under {len(estimate.device.memories)} roofs of memory.",
            {
                "label": "name",
                "x": "macs_per_byte",
                "also": ["macs_per_port_byte"],
                "y": "macs_per_s",
                "color": "kind",
                "weight": "latency_ms",
                "is_named": True,
                "x_title": "MACs per byte",
                "y_title": "MAC/s",
                "log": True,
                "lines": [
                    {"name": roof.name, "points": [roof.start, roof.end], "is_dashed": roof.is_level}
                    for roof in roofs(estimate)
                ],
                "told": ["bound", "utilization", "latency_ms"],
            },
        ),
        table=kernels,
        shown=(
            "name",
            "kind",
            "engine",
            "macs",
            "dram_bytes",
            "macs_per_byte",
            "macs_per_port_byte",
            "macs_per_s",
            "utilization",
            "bound",
        ),
    )


def network(kernels: Table, prefix: str = "") -> Section:
    """Show the meta-nodes and what they read, coloured by time."""
    return Section(
        f"{prefix}network",
        "Network",
        "The hotter the colour, the longer it takes; a bold frame is on the critical path; dashed edges are "
        "skips. Click a meta-node for details.",
        chart=Chart(
            "graph",
            f"Graph of {units.counted(len(kernels.rows), 'meta-node')} coloured by time; "
            "the table says what each reads.",
            {
                "label": "name",
                "value": "latency_ms",
                "caption": "kind",
                "depends_on": "depends_on",
                "marked": "is_critical",
                "told": ["engine", "bound", "output_shapes"],
            },
        ),
        table=kernels,
        shown=("index", "name", "kind", "latency_ms", "depends_on", "output_shapes", "op_types"),
    )


def trust(estimate: Estimate, prefix: str = "") -> Section:
    """Say how far to trust the numbers, and on what they rest."""
    return Section(
        f"{prefix}trust",
        "How far to trust this",
        accuracy(estimate),
        notes=_notes(estimate),
    )


def accuracy(estimate: Estimate) -> str:
    """Return the accuracy statement of the device's profile with its evidence."""
    device = estimate.device
    evidence = device.evidence or "none stated"
    share = _percent(assumed_s(estimate), rows.busy_s(estimate))
    factor = (estimate.high_s / estimate.latency_s) if estimate.latency_s else 1.0
    return (
        f"With a probability of {estimate.interval * 100:g} % the latency lies within a factor of "
        f"{factor:.2f} either way: {rows.interval_ms(estimate)} ms. Evidence: {evidence} "
        f"({device.evidence_rows} measured rows). {share} of the time rests on assumed values of the profile."
    )


def assumed_s(estimate: Estimate) -> float:
    """Seconds of kernels that rest on assumed values."""
    return sum(kernel.latency_s * kernel.assumed_share for kernel in estimate.kernels)


def _notes(estimate: Estimate) -> tuple[str, ...]:
    """Return the assumptions, but for the evidence, which stands above them; and that nothing is missing."""
    evidence = estimate.device.evidence
    said = tuple(text for text in estimate.assumptions if not evidence or evidence not in text)
    return said if estimate.unpriced else (*said, "Every operator was priced.")


def footer(estimate: Estimate) -> tuple[str, ...]:
    """Where the numbers come from: versions and hashes."""
    return (
        f"latencylab {estimate.latencylab_version}, cost model {estimate.cost_model_version}",
        f"model {printable(estimate.model.name)}, sha256 {estimate.model.sha256}",
        f"device {rows.device_name(estimate)}, sha256 {estimate.device.sha256}",
    )


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"
