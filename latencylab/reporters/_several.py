"""Several estimates side by side, as sections of a page: totals, where the time goes, how far to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters import _rows as rows
from latencylab.reporters._page import Chart, Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.result import Estimate


_TOTALS: Final = (
    Column("name", "estimate"),
    Column("latency_ms", "ms", "ms"),
    Column("low_ms", "low ms", "ms"),
    Column("high_ms", "high ms", "ms"),
    Column("kernels", "meta-nodes", "number"),
    Column("macs", "MACs", "count"),
    Column("dram_bytes", "DRAM", "bytes"),
    Column("unpriced", "unpriced", "number"),
    Column("engine_model", "engine model"),
    Column("dtype", "element type"),
)


def totals(estimates: tuple[Estimate, ...]) -> Section:
    """Show the latency of each with its interval."""
    found = tuple(map(_total, estimates))
    return Section(
        "totals",
        "Side by side",
        "Whiskers are the interval; where they overlap, the order is not certain.",
        chart=Chart(
            "bars",
            f"Bars of the latency of {len(found)} estimates with their intervals.",
            {
                "label": "name",
                "value": "latency_ms",
                "low": "low_ms",
                "high": "high_ms",
                "told": ["low_ms", "high_ms"],
            },
        ),
        table=Table("totals", _TOTALS, found),
        is_open=True,
    )


def _total(estimate: Estimate) -> tuple[object, ...]:
    return (
        estimate_name(estimate),
        *(round(s * units.MS_PER_S, 7) for s in (estimate.latency_s, estimate.low_s, estimate.high_s)),
        len(estimate.kernels),
        estimate.model.macs,
        estimate.dram_bytes,
        sum(item.count for item in estimate.unpriced),
        estimate.engine,
        estimate.dtype,
    )


def by_kind(estimates: tuple[Estimate, ...]) -> tuple[Section, ...]:
    """Stack the time of every kind of meta-node, a bar an estimate."""
    sums: dict[str, list[float]] = {}
    for i, estimate in enumerate(estimates):
        for kernel in estimate.kernels:
            sums.setdefault(printable(kernel.kind), [0.0] * len(estimates))[i] += kernel.latency_s
    ordered = sorted(sums, key=lambda kind: -sum(sums[kind]))
    if not ordered:
        return ()
    columns = (
        Column("name", "estimate"),
        *(Column(f"kind{i}", kind, "ms") for i, kind in enumerate(ordered)),
    )
    found = tuple(
        (estimate_name(e), *(round(sums[kind][i] * units.MS_PER_S, 7) for kind in ordered))
        for i, e in enumerate(estimates)
    )
    parts = [column.key for column in columns[1:]]
    return (
        Section(
            "by-kind",
            "Where each spends its time",
            "The time of all meta-nodes of a kind; engines overlap, so a bar may be longer than the latency.",
            chart=Chart(
                "bars",
                f"Stacked bars of the time of {len(ordered)} kinds of meta-node for {len(found)} estimates.",
                {"label": "name", "value": parts[0], "parts": parts},
            ),
            table=Table("by-kind", columns, found),
        ),
    )


def trust(estimates: Sequence[Estimate]) -> Section:
    """Say how far to trust each device's numbers, and on what they rest."""
    by_device: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        by_device.setdefault(rows.device_name(estimate), []).append(estimate)
    return Section(
        "trust",
        "How far to trust this",
        "Each latency lies in its interval with the probability stated; errors on one device are alike, so "
        "that an order is surer than two intervals that overlap suggest.",
        notes=tuple(_device_trust(device, found) for device, found in by_device.items()),
    )


def _device_trust(device: str, estimates: Sequence[Estimate]) -> str:
    info = estimates[0].device
    factors = sorted(e.high_s / e.latency_s for e in estimates if e.latency_s) or [1.0]
    spread = f"{factors[0]:.2f}" + (
        f" to {factors[-1]:.2f}" if f"{factors[-1]:.2f}" != f"{factors[0]:.2f}" else ""
    )
    evidence = printable(info.evidence) if info.evidence else "none stated"
    return (
        f"{device}: within a factor of {spread} either way ({estimates[0].interval * 100:g} %). "
        f"Evidence: {evidence} ({info.evidence_rows} measured rows)."
    )


def estimate_name(estimate: Estimate) -> str:
    """Name an estimate among others: its network and its device."""
    return f"{printable(estimate.model.name)} on {rows.device_name(estimate)}"
