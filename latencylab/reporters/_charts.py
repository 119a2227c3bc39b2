"""Pictures for papers and pull requests: bars, timeline, roofline, comparison, and scatters with labels.

Drawn without a display and without the state of pyplot. The same input gives the same bytes with the same
version of matplotlib: its own fonts, no dates, fixed identifiers. Colours are those of Okabe and Ito, which
the colour-blind tell apart; what they say is also said in words.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator

from latencylab import units
from latencylab.printable import printable, shorten
from latencylab.reporters import _labels, _roofs
from latencylab.reporters import _rows as rows
from latencylab.reporters._kernels import port_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    from latencylab.result import Estimate, KernelEstimate

Format = Literal["png", "svg", "pdf"]
_METADATA: Final[dict[Format, dict[str, Any]]] = {
    "png": {"Software": "latencylab"},
    "svg": {"Title": "latencylab", "Creator": "latencylab", "Date": None},
    "pdf": {"Creator": "latencylab", "Producer": "latencylab", "CreationDate": None},
}
_STYLE: Final[dict[Any, Any]] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.hashsalt": "latencylab",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}
_COLORS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C7A00", "#7F7F7F")
_INK: Final = "#222222"
_FAINT: Final = "#777777"
# Of this luminance a colour contrasts with black as much as with white.
_EVEN: Final = 0.179
# From the lowest to the highest number of a logarithmic axis, if three of each decade are to be readable.
_MOST_SPAN: Final = 2000
# Both columns of a two-column paper.
_WIDTH: Final = 7.0
_MOST_BARS: Final = 24
# Letters that fit the width of the timeline.
_SPAN_LETTERS: Final = 110
# Beyond this many spans a vector picture holds them as an image.
_MOST_VECTORS: Final = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """A named point of a scatter. low, high: the interval of x, where there is one."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    group: str = ""


def picture(estimates: Sequence[Estimate], format_name: Format) -> bytes:
    """Draw one estimate (timeline, slowest meta-nodes, roofline), or several side by side."""
    return _drawn(lambda: one(estimates[0]) if len(estimates) == 1 else several(estimates), format_name)


def scatter(  # noqa: PLR0913 - a picture's texts, by keyword
    points: Sequence[Point],
    format_name: Format,
    *,
    title: str,
    x_title: str,
    y_title: str,
    front: Sequence[tuple[float, float]] = (),
    diagonal: bool = False,
    band: float | None = None,
    log: bool = False,
) -> bytes:
    """Draw named points; labels cover neither points nor each other: a line leads to those in a crowd.

    front: a Pareto front, drawn as steps. diagonal: where x equals y, with a factor of two
    either way, or with `band`, a share: 0.1 for +-10 %.
    """

    def draw() -> Figure:
        figure, (axes,) = _figure(4.2, (1.0,))
        _scale(axes, log=log)
        _points(axes, points)
        axes.set(title=title, xlabel=x_title, ylabel=y_title)
        if front:
            axes.step(*zip(*sorted(front), strict=True), where="post", color=_INK, linewidth=1, zorder=1)
        if diagonal:
            _diagonal(axes, points, (0.5, 2.0) if band is None else (1 - band, 1 + band))
        _name_points(figure, axes, points, sorted(front), has_diagonal=diagonal)
        return figure

    return _drawn(draw, format_name)


def one(estimate: Estimate) -> Figure:
    """Draw the timeline, the slowest meta-nodes and the roofline of one estimate."""
    lanes = len(_lanes(estimate))
    bars = min(len(estimate.kernels), _MOST_BARS + 1)
    heights = (0.9 + 0.32 * lanes, 0.7 + 0.19 * bars, 3.0)
    figure, axes = _figure(sum(heights), heights)
    (title, device, *_), _ = rows.header_facts(estimate)
    latency = f"{units.milliseconds(estimate.latency_s)} ms ({rows.interval_ms(estimate)})"
    figure.suptitle(
        shorten(f"{title}: {latency} · {device}", 110), x=0.01, ha="left", fontsize=10, weight="bold"
    )
    colors = _colors_by_kind(estimate)
    _timeline(axes[0], estimate, colors)
    _bars(axes[1], estimate, colors)
    _roofline(axes[2], estimate, colors)
    return figure


def several(estimates: Sequence[Estimate]) -> Figure:
    """Draw the time of every kind of meta-node, a bar an estimate, and the latency with its interval."""
    figure, (axes,) = _figure(1.5 + 0.3 * len(estimates), (1.0,))
    sums = [_by_kind(estimate) for estimate in estimates]
    kinds = sorted({kind for found in sums for kind in found}, key=lambda k: -sum(s.get(k, 0) for s in sums))
    left = [0.0] * len(estimates)
    for i, kind in enumerate(kinds):
        widths = [found.get(kind, 0.0) * units.MS_PER_S for found in sums]
        color = _COLORS[min(i, len(_COLORS) - 1)]
        axes.barh(range(len(estimates)), widths, 0.62, left, color=color, label=shorten(kind, 24))
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for y, e in enumerate(estimates):
        middle, low, high = (value * units.MS_PER_S for value in (e.latency_s, e.low_s, e.high_s))
        axes.errorbar(
            middle, y, xerr=[[middle - low], [high - middle]], fmt="D", color=_INK, markersize=4, capsize=3,
            linewidth=1, markerfacecolor="white", label="latency, interval" if y == 0 else None,
        )  # fmt: skip
    names = [shorten(f"{printable(e.model.name)} on {printable(e.device.name)}", 40) for e in estimates]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="ms", title="Time by kind of meta-node, and the latency")
    axes.grid(visible=False, axis="y")
    figure.legend(ncols=4, loc="outside lower left")
    return figure


def _drawn(draw: Callable[[], Figure], format_name: Format) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        # Not what the user's matplotlibrc says: the same bytes everywhere.
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        # A name may hold a character that no font of matplotlib has: it becomes a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        draw().savefig(buffer, format=format_name, metadata=_METADATA[format_name])
    return buffer.getvalue()


def _figure(height: float, ratios: Sequence[float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(ratios), 1, squeeze=False, height_ratios=list(ratios))
    return figure, [row[0] for row in grid]


def _timeline(axes: Axes, estimate: Estimate, colors: dict[str, str]) -> None:
    lanes = _lanes(estimate)
    spans = [kernel for kernel in estimate.kernels if kernel.latency_s > 0]
    boxes = [_span(kernel, lanes[kernel.engine]) for kernel in spans]
    axes.add_collection(
        PolyCollection(
            boxes,
            facecolors=[colors[kernel.kind] for kernel in spans],
            edgecolors="white",
            linewidths=0.4 if len(spans) <= _MOST_VECTORS else 0,
            rasterized=len(spans) > _MOST_VECTORS,
        )
    )
    end_ms = estimate.latency_s * units.MS_PER_S
    for kernel in spans if len(spans) <= _MOST_VECTORS else ():
        _name_span(axes, kernel, lanes[kernel.engine], end_ms, _ink_on(colors[kernel.kind]))
    bottom = max(len(lanes), 1) - 0.5
    axes.set(xlim=(0, end_ms or 1), ylim=(bottom, -0.5), xlabel="ms", title="Timeline by engine")
    axes.set_yticks(range(len(lanes)), [shorten(printable(name), 16) for name in lanes])
    axes.grid(visible=False, axis="y")


def _span(kernel: KernelEstimate, lane: int) -> list[tuple[float, float]]:
    start, end = kernel.start_s * units.MS_PER_S, kernel.end_s * units.MS_PER_S
    return [(start, lane - 0.36), (end, lane - 0.36), (end, lane + 0.36), (start, lane + 0.36)]


def _name_span(axes: Axes, kernel: KernelEstimate, lane: int, end_ms: float, ink: str) -> None:
    """Write a name on a span that is wide enough for it."""
    width_ms = kernel.latency_s * units.MS_PER_S
    letters = int(width_ms / end_ms * _SPAN_LETTERS) - 1
    if letters >= min(6, len(kernel.name)):
        middle = kernel.start_s * units.MS_PER_S + width_ms / 2
        text = shorten(printable(kernel.name), letters)
        axes.text(middle, lane, text, ha="center", va="center", fontsize=6.5, color=ink)


def _ink_on(color: str) -> str:
    """Black or white, whichever is farther from the colour in luminance."""
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(color))
    return "black" if 0.2126 * r + 0.7152 * g + 0.0722 * b > _EVEN else "white"


def _bars(axes: Axes, estimate: Estimate, colors: dict[str, str]) -> None:
    """Draw the slowest meta-nodes in execution order; the others as one bar."""
    numbered = sorted(enumerate(estimate.kernels), key=lambda pair: -pair[1].latency_s)
    shown = [kernel for _, kernel in sorted(numbered[:_MOST_BARS])]
    others = [kernel for _, kernel in numbered[_MOST_BARS:]]
    names = [shorten(printable(kernel.name), 30) for kernel in shown]
    widths = [kernel.latency_s * units.MS_PER_S for kernel in shown]
    fills = [colors[kernel.kind] for kernel in shown]
    if others:
        names.append(f"{len(others)} others")
        widths.append(sum(kernel.latency_s for kernel in others) * units.MS_PER_S)
        fills.append("#cccccc")
    bars = axes.barh(range(len(names)), widths, 0.72, color=fills)
    bounds = [kernel.bound.value.lower() for kernel in shown] + [""] * bool(others)
    texts = [f"{units.significant(w)}  {b}" for w, b in zip(widths, bounds, strict=True)]
    axes.bar_label(bars, texts, padding=2, fontsize=6.5, color=_INK)
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="ms", title="Meta-nodes: time, and what binds them")
    axes.margins(x=0.14)
    axes.grid(visible=False, axis="y")
    axes.legend(handles=_legend(colors), loc="best")


def _legend(colors: dict[str, str]) -> list[Patch]:
    named: dict[str, list[str]] = {}
    for kind, color in colors.items():
        named.setdefault(color, []).append(kind)
    return [
        Patch(color=color, label=shorten(printable(", ".join(kinds)), 36)) for color, kinds in named.items()
    ]


def _roofline(axes: Axes, estimate: Estimate, colors: dict[str, str]) -> None:
    axes.set(
        xlabel="MACs per byte", ylabel="MAC/s", title="Roofline: ● DRAM bytes, ◇ bytes at the engine's port"
    )
    computing = [kernel for kernel in estimate.kernels if kernel.work.macs and kernel.latency_s > 0]
    if not computing:
        axes.text(0.5, 0.5, "no meta-node multiplies", ha="center", transform=axes.transAxes)
        return
    _scale(axes, log=True)
    for size, marker, is_filled in ((_dram, "o", True), (port_bytes, "D", False)):
        placed = [kernel for kernel in computing if size(kernel)]
        inks = [colors[kernel.kind] for kernel in placed]
        axes.scatter(
            [kernel.work.macs / size(kernel) for kernel in placed],
            [kernel.work.macs / kernel.latency_s for kernel in placed],
            s=26 if is_filled else 18,
            marker=marker,
            facecolors=inks if is_filled else "none",
            edgecolors="white" if is_filled else inks,
            linewidths=0.4 if is_filled else 1,
            zorder=3,
        )
    styles = ("-", "--", "-.", ":")
    roofs = _roofs.roofs(estimate)
    for i, roof in enumerate(roofs):
        (x0, y0), (x1, y1) = roof.start, roof.end
        axes.plot(
            (x0, x1),
            (y0, y1),
            styles[i % 4],
            color=_INK if roof.is_level else _FAINT,
            linewidth=1.2,
            label=shorten(roof.name, 40),
        )
    if roofs:
        axes.legend(loc="lower right")


def _dram(kernel: KernelEstimate) -> int:
    return kernel.dram_bytes


def _points(axes: Axes, points: Sequence[Point]) -> None:
    groups = list(dict.fromkeys(point.group for point in points))
    for i, group in enumerate(groups):
        found = [point for point in points if point.group == group]
        color = _COLORS[i % len(_COLORS)]
        axes.scatter(
            [p.x for p in found],
            [p.y for p in found],
            s=28,
            color=color,
            zorder=3,
            label=shorten(printable(group), 30),
        )
        for p in found:
            if p.low is not None and p.high is not None:
                axes.plot((p.low, p.high), (p.y, p.y), color=color, linewidth=1, alpha=0.6, zorder=2)
    if len(groups) > 1:
        axes.legend(loc="best")
    axes.margins(0.12)


def _diagonal(axes: Axes, points: Sequence[Point], factors: tuple[float, float]) -> None:
    values = [value for p in points for value in (p.x, p.y)] or [1.0]
    low, high = min(values) / 1.5, max(values) * 1.5
    axes.plot((low, high), (low, high), color=_INK, linewidth=1, zorder=1)
    for factor in factors:
        axes.plot((low, high), (low * factor, high * factor), ":", color=_FAINT, linewidth=1, zorder=1)


def _name_points(
    figure: Figure,
    axes: Axes,
    points: Sequence[Point],
    front: Sequence[tuple[float, float]],
    *,
    has_diagonal: bool,
) -> None:
    """Write the names next to their points, or where there is room, with a line to the point."""
    figure.draw_without_rendering()
    texts = [_name(axes, point) for point in points]
    gap = figure.dpi / 72 * 3
    drawn = [_line(axes, start, end) for start, end in _lines(points, front)]
    drawn += _along_diagonal(axes, gap) if has_diagonal else ()
    legend = axes.get_legend()
    boxes = [text.get_window_extent() for text in texts]
    labels = _labels.place(
        [tuple(axes.transData.transform((p.x, p.y))) for p in points],
        [(box.width, box.height) for box in boxes],
        _box(axes.get_window_extent()),
        gap,
        drawn,
        [_box(legend.get_window_extent())] if legend else [],
    )
    for text, label in zip(texts, labels, strict=True):
        _settle(axes, text, label)


def _name(axes: Axes, point: Point) -> Text:
    """Write a point's name, for now in a corner."""
    # Not an outline of the letters, which would make them shapes that nobody can search an SVG for.
    ground = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5}
    name = shorten(printable(point.name), 32)
    return axes.text(0, 0, name, fontsize=7, va="bottom", ha="left", color=_INK, bbox=ground)


def _settle(axes: Axes, text: Text, label: _labels.Label | None) -> None:
    """Put a name where its label is, with a line to the point if that is away; without a place, it goes."""
    if label is None:
        text.remove()
        return
    to_data = axes.transData.inverted().transform
    text.set_position(tuple(to_data((label.box.x, label.box.y))))
    if label.leader is not None:
        ends = zip(*map(to_data, (label.leader.start, label.leader.end)), strict=True)
        axes.plot(*ends, color=_FAINT, linewidth=0.6, zorder=2)


def _box(extent: Bbox) -> _labels.Box:
    return _labels.Box(extent.x0, extent.y0, extent.width, extent.height)


def _lines(
    points: Sequence[Point], front: Sequence[tuple[float, float]]
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """What is drawn between points: intervals, and the front's steps."""
    for point in points:
        if point.low and point.high:
            yield (point.low, point.y), (point.high, point.y)
    for (x, y), (x_next, y_next) in pairwise(front):
        yield (x, y), (x_next, y)
        yield (x_next, y), (x_next, y_next)


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> _labels.Box:
    """A horizontal or vertical line of the data on the page, as wide as a label should keep away."""
    (x, y), (x_end, y_end) = axes.transData.transform((start, end))
    (x, x_end), (y, y_end) = sorted((x, x_end)), sorted((y, y_end))
    return _labels.Box(x - 1, y - 1, x_end - x + 2, y_end - y + 2)


def _along_diagonal(axes: Axes, gap: float) -> list[_labels.Box]:
    """Small boxes along the line where x equals y, as far as both axes show it."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    low, high = max(left, bottom), min(right, top)
    (x0, y0), (x1, y1) = axes.transData.transform([(low, low), (high, high)])
    count = max(1, int((x1 - x0) / (2 * gap)))
    middles = ((x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count) for i in range(count + 1))
    return [_labels.Box(x - gap, y - gap, 2 * gap, 2 * gap) for x, y in middles]


class _RoundNumbers(LogLocator):
    """Ticks at 1, 2 and 5 of every decade; at powers of ten alone where there are too many to read."""

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Ticks between two values."""
        self.set_params(subs=(1, 2, 5) if 0 < vmax < vmin * _MOST_SPAN else (1,))
        ticks: Sequence[float] = super().tick_values(vmin, vmax)
        return ticks


def _scale(axes: Axes, *, log: bool) -> None:
    if log:
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(_RoundNumbers())
            axis.set_major_formatter(lambda value, _: _tick(value))
            axis.set_minor_formatter(lambda *_: "")


def _tick(value: float) -> str:
    """Write a round number with its prefix and without zeros that say nothing: "10 k"."""
    number, _, prefix = units.si(value).partition(" ")
    short = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{short} {prefix}".rstrip()


def _lanes(estimate: Estimate) -> dict[str, int]:
    used = dict.fromkeys(kernel.engine for kernel in estimate.kernels if kernel.latency_s > 0)
    return {name: i for i, name in enumerate(used)}


def _by_kind(estimate: Estimate) -> dict[str, float]:
    sums: dict[str, float] = {}
    for kernel in estimate.kernels:
        kind = printable(kernel.kind)
        sums[kind] = sums.get(kind, 0.0) + kernel.latency_s
    return sums


def _colors_by_kind(estimate: Estimate) -> dict[str, str]:
    sums: dict[str, float] = {}
    for kernel in estimate.kernels:
        sums[kernel.kind] = sums.get(kernel.kind, 0.0) + kernel.latency_s
    ordered = sorted(sums, key=lambda kind: -sums[kind])
    return {kind: _COLORS[min(i, len(_COLORS) - 1)] for i, kind in enumerate(ordered)}
