"""Cross-check: an estimate beside a measurement, by meta-node and in total, and how well they agree.

Estimate and measurement are joined by the nodes of the file; what cannot be told apart stands in one row, and
nothing is dropped: a kernel that only one side has is a row with nothing on the other side.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from latencylab import align

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from latencylab.align import Alignment, Group
    from latencylab.graph import Graph
    from latencylab.measurement import Measurement
    from latencylab.result import Estimate, KernelEstimate

Statistic = Literal["median", "min"]
BANDS: Final = (0.05, 0.10, 0.15)
_LAYOUT: Final = "layout"


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """Predicted and measured time of kernels that stand for the same nodes.

    kind: "compute", "layout", "quantization" or "unplaced". name: of the meta-nodes. bound, reason: what the
    model says of the slowest of them. kernels, measured_kernels: indices on either side.
    """

    name: str
    kind: str
    operator: str
    predicted_s: float
    measured_s: float
    macs: int
    bound: str
    reason: str
    kernels: tuple[int, ...]
    measured_kernels: tuple[int, ...]

    @property
    def error(self) -> float | None:
        """Relative error of the prediction; None where one side has nothing."""
        return self.predicted_s / self.measured_s - 1 if self.predicted_s and self.measured_s else None

    @property
    def off_s(self) -> float:
        """Seconds by which the prediction is off."""
        return abs(self.predicted_s - self.measured_s)


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """One network at one thread count: totals, rows in execution order, and what to beware of.

    coverage: share of the measured kernel time that was placed. deviation: median absolute deviation of the
    measured total, as a share of its median.
    """

    name: str
    sha256: str
    dtype: str
    threads: int
    input_shapes: tuple[tuple[int, ...], ...]
    macs: int
    predicted_s: float
    low_s: float
    high_s: float
    measured_s: float
    deviation: float
    coverage: float
    rows: tuple[CheckedRow, ...]
    warnings: tuple[str, ...]
    measured_at: str
    statistic: Statistic = "median"

    @property
    def error(self) -> float:
        """Relative error of the predicted total."""
        return self.predicted_s / self.measured_s - 1

    @property
    def is_inside(self) -> bool:
        """Whether the measured total lies in the predicted interval."""
        return self.low_s <= self.measured_s <= self.high_s

    def worst(self, count: int) -> tuple[CheckedRow, ...]:
        """Rows that are off by the most time."""
        return tuple(sorted(self.rows, key=lambda row: -row.off_s)[:count])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well predictions agree with measurements, over `rows` pairs.

    mape, rmspe: mean absolute and root mean square relative error. within: share of pairs inside BANDS.
    tau, spearman: rank correlations; None where a side does not vary.
    """

    rows: int
    mape: float
    rmspe: float
    within: tuple[float, ...]
    tau: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class Crosscheck:
    """Every model of a run, on one device, with the host of the measurements."""

    device: str
    device_title: str
    host: str
    isa: tuple[str, ...]
    runtime: str
    models: tuple[CheckedModel, ...]
    latencylab_version: str
    statistic: Statistic = "median"

    @property
    def agreement(self) -> Agreement | None:
        """Agreement of the totals; None for less than one model."""
        return agreement([m.predicted_s for m in self.models], [m.measured_s for m in self.models])

    @property
    def baseline(self) -> Agreement | None:
        """Agreement of the best affine function of MACs, fitted to these rows; None below three models."""
        if len(self.models) < 3:
            return None
        measured = [m.measured_s for m in self.models]
        return agreement(affine_in_macs([m.macs for m in self.models], measured), measured)

    @property
    def inside(self) -> float:
        """Share of models whose measured total lies in the predicted interval."""
        return sum(m.is_inside for m in self.models) / max(1, len(self.models))


def check(
    graph: Graph, estimate: Estimate, measurement: Measurement, statistic: Statistic = "median"
) -> CheckedModel:
    """Join an estimate with a measurement of the network that `graph` was read from.

    statistic: what stands for the measured total, the median of its samples or the fastest (which a machine
    that also does other things disturbs the least). Kernels share it as the profiled session says.
    """
    alignment = align.align(graph, measurement)
    measured_s = (measurement.median_ns if statistic == "median" else measurement.min_ns) / 1e9
    scale = measured_s * 1e9 / measurement.median_ns
    return CheckedModel(
        name=estimate.model.name,
        sha256=estimate.model.sha256,
        dtype=_dtype(estimate),
        threads=measurement.runtime.intra_op_threads,
        input_shapes=tuple(i.shape for i in estimate.model.inputs),
        macs=estimate.model.macs,
        predicted_s=estimate.latency_s,
        low_s=estimate.low_s,
        high_s=estimate.high_s,
        measured_s=measured_s,
        deviation=measurement.mad_ns / measurement.median_ns,
        coverage=alignment.coverage,
        rows=tuple(_rows(estimate, alignment, scale)),
        warnings=measurement.warnings,
        measured_at=measurement.measured_at,
        statistic=statistic,
    )


def _dtype(estimate: Estimate) -> str:
    """Say what most of the arithmetic is done in."""
    macs: dict[str, int] = {}
    for kernel in estimate.kernels:
        macs[kernel.dtype] = macs.get(kernel.dtype, 0) + kernel.work.macs
    return max(macs, key=lambda dtype: macs[dtype]) if macs else estimate.dtype


def _rows(estimate: Estimate, alignment: Alignment, scale: float) -> Iterator[CheckedRow]:
    """Rows in the order of execution; layout kernels meet in the order in which each side has them."""
    units = [i for i, kernel in enumerate(estimate.kernels) if not kernel.is_layout]
    waiting = _layouts(estimate)
    groups = align.group(alignment, [estimate.kernels[i].nodes for i in units])
    for group in groups:
        indices = tuple(units[u] for u in group.units)
        if group.kind == _LAYOUT and not indices:
            measured = alignment.placements[group.kernels[0]].kernel
            shape = measured.outputs[0].shape if measured.outputs else ()
            found = waiting.get(_layout_key(measured.op_type, shape))
            indices = (found.pop(0),) if found else ()
        if indices or group.kernels:
            yield _row(estimate, alignment, group, indices, scale)
    for left in sorted(i for some in waiting.values() for i in some):
        yield _row(estimate, alignment, align.Group(_LAYOUT, (), (), 0.0), (left,), scale)


def _layout_key(operator: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """What a layout kernel is known by on both sides; the order of the axes is what it changes."""
    return operator, tuple(sorted(shape))


def _layouts(estimate: Estimate) -> dict[tuple[str, tuple[int, ...]], list[int]]:
    """Indices of layout kernels by onnxruntime's name of them and what they write, in order."""
    found: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for index, kernel in enumerate(estimate.kernels):
        if kernel.is_layout:
            operator = kernel.name.split(":")[2] if kernel.name.count(":") > 2 else kernel.kind
            found.setdefault(_layout_key(operator, kernel.output_shapes[0]), []).append(index)
    return found


def _row(
    estimate: Estimate, alignment: Alignment, group: Group, indices: tuple[int, ...], scale: float
) -> CheckedRow:
    kernels = [estimate.kernels[i] for i in indices]
    slowest = max(kernels, key=lambda kernel: kernel.latency_s, default=None)
    measured = [alignment.placements[k].kernel for k in group.kernels]
    return CheckedRow(
        name=" + ".join(k.name for k in kernels) or " + ".join(m.name for m in measured),
        kind=group.kind,
        operator=" + ".join(dict.fromkeys(k.op_type for k in measured)) or (slowest.kind if slowest else ""),
        predicted_s=sum(kernel.latency_s for kernel in kernels),
        measured_s=group.time_ns * scale / 1e9,
        macs=sum(kernel.work.macs for kernel in kernels),
        bound=str(slowest.bound.name) if slowest else "",
        reason=_reason(slowest),
        kernels=indices,
        measured_kernels=group.kernels,
    )


def _reason(kernel: KernelEstimate | None) -> str:
    """Say what the model thinks this time consists of."""
    if kernel is None:
        return "no kernel of the model stands for it"
    parts = {"arithmetic": kernel.compute_s, "memory": kernel.memory_s, "launch": kernel.overhead_s}
    return ", ".join(f"{name} {1e3 * s:.3g} ms" for name, s in parts.items() if s)


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement | None:
    """Compare pair by pair; None without a pair."""
    if not measured:
        return None
    errors = np.abs(np.array(predicted) / np.array(measured) - 1)
    return Agreement(
        rows=len(measured),
        mape=float(errors.mean()),
        rmspe=float(math.sqrt((errors**2).mean())),
        within=tuple(float((errors <= band).mean()) for band in BANDS),
        tau=_correlation("kendalltau", predicted, measured),
        spearman=_correlation("spearmanr", predicted, measured),
    )


def _correlation(name: str, first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(getattr(stats, name)(first, second).statistic)


def affine_in_macs(macs: Sequence[int], measured_s: Sequence[float]) -> list[float]:
    """Predict `a + b MACs` for every row, with the a and b >= 0 of least relative error on these rows."""
    from scipy.optimize import nnls

    times = np.array(measured_s)
    columns = np.stack([1 / times, np.array(macs, float) / times], axis=1)
    scale = columns.max(axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(columns / scale, np.ones(len(times)))
    a, b = found / scale
    return [float(max(a + b * m, 1e-12)) for m in macs]
