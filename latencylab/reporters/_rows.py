"""Estimates as plain rows: what the text formats show, before any of them decides how."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from latencylab import units
from latencylab.printable import listed, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from latencylab.reporters import View
    from latencylab.result import Estimate, KernelEstimate

# A sentence of advice names so many nodes; JSON and the page have all of them.
_NAMED_NODES = 4

Verdict = Literal["met", "missed", "at risk"]


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and cells of text; `numeric` says which columns are numbers, to be aligned right."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]

    def column(self, header: str) -> tuple[str, ...]:
        """Return the cells below one header."""
        index = self.headers.index(header)
        return tuple(row[index] for row in self.rows)


KERNEL_HEADERS = (
    "#",
    "meta-node",
    "kind",
    "engine",
    "start ms",
    "ms",
    "%",
    "cdf %",
    "bound",
    "util %",
    "MACs",
    "DRAM MB",
)
_TEXT_HEADERS = {"meta-node", "kind", "engine", "bound", "model", "device", "90 % interval", "runtime"}


def visible(estimate: Estimate, view: View) -> tuple[tuple[int, KernelEstimate], ...]:
    """Kernels a view shows, with their index: the slowest `top`, in execution order or slowest first."""
    numbered = list(enumerate(estimate.kernels))
    slowest = sorted(numbered, key=lambda pair: (-pair[1].latency_s, pair[0]))[: view.top]
    return tuple(slowest if view.sort == "time" else sorted(slowest))


def busy_s(estimate: Estimate) -> float:
    """Sum the kernels' latencies, what percentages refer to; engines overlap: it may exceed the latency."""
    return sum(kernel.latency_s for kernel in estimate.kernels)


def kernel_table(estimate: Estimate, view: View) -> Table:
    """One row a kernel that the view shows."""
    whole_s = busy_s(estimate)
    rows, passed_s = [], 0.0
    for index, kernel in visible(estimate, view):
        passed_s += kernel.latency_s
        rows.append(_kernel_row(index, kernel, whole_s, passed_s))
    return _table("meta-nodes", KERNEL_HEADERS, rows)


def _kernel_row(index: int, kernel: KernelEstimate, whole_s: float, passed_s: float) -> tuple[str, ...]:
    return (
        str(index),
        printable(kernel.name),
        printable(kernel.kind) + ("" if kernel.is_priced else " (unpriced)"),
        printable(kernel.engine),
        _fixed_ms(kernel.start_s),
        _fixed_ms(kernel.latency_s),
        _percent(kernel.latency_s, whole_s),
        _percent(passed_s, whole_s),
        kernel.bound.value if kernel.latency_s else "-",
        _percent(kernel.utilization, 1) if kernel.latency_s else "-",
        _count(kernel.work.macs),
        _megabytes(kernel.dram_bytes),
    )


def kind_table(estimate: Estimate) -> Table:
    """Totals by kind of meta-node, the most expensive first."""
    return _totals("by kind", "kind", estimate, lambda kernel: printable(kernel.kind))


def _totals(title: str, header: str, estimate: Estimate, key: Callable[[KernelEstimate], str]) -> Table:
    groups: dict[str, list[KernelEstimate]] = {}
    for kernel in estimate.kernels:
        groups.setdefault(key(kernel), []).append(kernel)
    whole_s = busy_s(estimate)
    rows = [
        (
            name,
            str(len(kernels)),
            _fixed_ms(spent_s := sum(kernel.latency_s for kernel in kernels)),
            _percent(spent_s, whole_s),
            _count(sum(kernel.work.macs for kernel in kernels)),
            _megabytes(sum(kernel.dram_bytes for kernel in kernels)),
        )
        for name, kernels in sorted(groups.items(), key=lambda item: -sum(k.latency_s for k in item[1]))
    ]
    return _table(title, (header, "count", "ms", "%", "MACs", "DRAM MB"), rows)


def engine_table(estimate: Estimate) -> Table:
    """How each engine spends the inference."""
    kernels = Counter(kernel.engine for kernel in estimate.kernels)
    rows = [
        (
            printable(use.name),
            str(kernels[use.name]),
            _fixed_ms(use.busy_s),
            _fixed_ms(use.stall_s),
            _fixed_ms(use.idle_s),
            _percent(use.busy_s, estimate.latency_s),
        )
        for use in estimate.engines
    ]
    return _table("by engine", ("engine", "count", "busy ms", "stall ms", "idle ms", "busy %"), rows)


OWN_MS: Final = "own ms, bound, engine: without the layout changes that the device adds"


def summary_table(estimates: Iterable[Estimate]) -> Table:
    """One row an estimate; OWN_MS says what some of its columns leave out of account."""
    return _table(
        "summary",
        (
            "model",
            "device",
            "ms",
            "own ms",
            "90 % interval",
            "bound",
            "engine",
            "kernels",
            "MACs",
            "DRAM MB",
            "unpriced",
        ),
        [_summary_row(estimate) for estimate in estimates],
    )


def _summary_row(estimate: Estimate) -> tuple[str, ...]:
    by_bound: dict[str, float] = defaultdict(float)
    by_engine: dict[str, float] = defaultdict(float)
    own = [kernel for kernel in estimate.kernels if not kernel.is_layout]
    for kernel in own:
        by_bound[kernel.bound.value] += kernel.latency_s
        by_engine[kernel.engine] += kernel.latency_s
    return (
        printable(estimate.model.name),
        device_name(estimate),
        units.milliseconds(estimate.latency_s),
        units.milliseconds(_span_s(own)),
        interval_ms(estimate),
        _largest(by_bound),
        printable(_largest(by_engine)),
        str(len(estimate.kernels)),
        _count(estimate.model.macs),
        _megabytes(estimate.dram_bytes),
        str(sum(item.count for item in estimate.unpriced)),
    )


def _span_s(kernels: list[KernelEstimate]) -> float:
    """Time from the first start to the last end."""
    return max((k.end_s for k in kernels), default=0.0) - min((k.start_s for k in kernels), default=0.0)


def device_name(estimate: Estimate) -> str:
    """Name the device with its runtime, as `--device` takes it."""
    runtime = f":{estimate.device.runtime}" if estimate.device.runtime else ""
    return printable(estimate.device.name + runtime)


def header_facts(estimate: Estimate) -> tuple[tuple[str, ...], ...]:
    """Say what was estimated, in two lines of short facts: the device, then the network."""
    model, device = estimate.model, estimate.device
    runtime = f"runtime {device.runtime}" if device.runtime else "no runtime stated"
    inputs = (f"{i.name} {'×'.join(map(str, i.shape)) or 'scalar'} {i.dtype}" for i in model.inputs)
    frozen = f" (+ {model.parameters_frozen:,} frozen)" if model.parameters_frozen else ""
    binary = f" ({units.si(model.binary_macs)} binary)" if model.binary_macs else ""
    facts = (
        (
            f"{model.name} on {device.name}",
            device.title,
            runtime,
            device.runtime_version,
            f"engine {estimate.engine}",
        ),
        (
            *(f"input {text}" for text in inputs),
            f"dtype {estimate.dtype}",
            f"layout {device.layout}",
            f"{units.counted(model.parameters, 'parameter')}{frozen}",
            f"{units.si(model.macs)}{'' if units.si(model.macs)[-1].isalpha() else ' '}MACs{binary}",
        ),
    )
    return tuple(tuple(printable(fact) for fact in line if fact) for line in facts)


def total_lines(estimate: Estimate) -> tuple[str, ...]:
    """Return the verdict: the latency with its interval, and the memory it takes."""
    percent = f"{estimate.interval * 100:g}"
    peak = estimate.peak_scratchpad_bytes
    scratchpad = "not modelled by this engine" if peak is None else f"{peak / units.BYTES_PER_KIB:,.0f} KiB"
    read, write = units.byte_count(estimate.dram_read_bytes), units.byte_count(estimate.dram_write_bytes)
    dram = f"DRAM {units.byte_count(estimate.dram_bytes)}"
    return (
        f"latency {units.milliseconds(estimate.latency_s)} ms ({percent} % interval {interval_ms(estimate)})",
        f"{dram} ({read} read, {write} written) · peak scratchpad {scratchpad}",
    )


def budget_verdict(estimate: Estimate, budget_s: float) -> tuple[Verdict, str]:
    """Hold the latency against a budget: within the interval it may be met or missed."""
    left = f"{units.milliseconds(abs(budget_s - estimate.latency_s))} ms"
    if estimate.latency_s > budget_s:
        return "missed", f"by {left}"
    if estimate.high_s > budget_s:
        return "at risk", f"{left} left, inside the interval"
    return "met", f"{left} left"


def budget_lines(estimate: Estimate, budget_s: float | None) -> tuple[str, ...]:
    """Return the verdict on a budget as text; nothing where there is no budget."""
    if budget_s is None:
        return ()
    word, detail = budget_verdict(estimate, budget_s)
    return (f"budget {units.milliseconds(budget_s)} ms: {word} ({detail})",)


def loud_lines(estimate: Estimate) -> tuple[str, ...]:
    """Return what must not be overlooked: operators nobody priced, kernels that left the fast engines."""
    unpriced = (
        f"UNPRICED {u.op_type} ×{u.count}: only its bytes are counted; the interval is wider for it"
        for u in estimate.unpriced
    )
    fallbacks = (
        f"OFF THE FAST ENGINES {f.kernel} runs on {f.engine}, "
        f"hand-over {units.milliseconds(f.handover_s)} ms: {f.reason}"
        for f in estimate.fallbacks
    )
    return tuple(printable(line) for line in (*unpriced, *fallbacks))


def advice_lines(estimate: Estimate) -> tuple[str, ...]:
    """Return the changes worth making, the most worthwhile first."""
    return tuple(
        printable(f"saves {units.milliseconds(a.saves_s)} ms: {a.change} ({listed(a.nodes, _NAMED_NODES)})")
        for a in estimate.advice
    )


def interval_ms(estimate: Estimate) -> str:
    """Return the interval in milliseconds: "17.9–25.6"."""
    return f"{units.milliseconds(estimate.low_s)}–{units.milliseconds(estimate.high_s)}"


def _table(title: str, headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    return Table(title, headers, tuple(rows), tuple(header not in _TEXT_HEADERS for header in headers))


def _largest(sums: dict[str, float]) -> str:
    return max(sums, key=lambda name: sums[name]) if sums else "-"


def _fixed_ms(value_s: float) -> str:
    """Milliseconds with three decimals: a column whose digits line up."""
    return f"{value_s * units.MS_PER_S:,.3f}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _count(value: int) -> str:
    return units.si(value) if value else "-"


def _megabytes(value: int) -> str:
    return f"{value / units.BYTES_PER_MB:,.3f}"
