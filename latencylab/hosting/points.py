"""What a fit works on: measured times, each with the kernels that were predicted for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, hypot, log
from statistics import median
from typing import TYPE_CHECKING, Final

from latencylab import checking, fusion, loops, lowering, pipeline
from latencylab.cpu import duration
from latencylab.cpu.reuse import History
from latencylab.npu import machine
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from latencylab.checking import CheckedModel, Statistic
    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.lowering import Kernel
    from latencylab.measurement import Measurement
    from latencylab.npu.machine import CoreNumbers, Worker
    from latencylab.onnx_reader import Model

# A single kernel's time is trusted to this, besides what the clock of the profile resolves.
_TRUST: Final = 0.05
_CLOCK_S: Final = 1.5e-6
# A kernel that does not read what was just written starts on caches full of something else: what of it they
# still hold is known less well.
_COLD_TRUST: Final = 0.1
# A PReLU takes as long as the signs of its data are hard to foresee, by half either way of the middle,
# and no coefficient knows the data. Trusted as other kernels are, one kind of image would count as disturbed.
_SIGN_TRUST: Final = 0.4
# Shorter kernels are mostly clock.
_SHORTEST_S: Final = 3e-6


@dataclass(frozen=True, slots=True)
class Point:
    """A measured time and the kernels it stands for.

    bench: name of the network it was measured in. kernels: each with its loop nest and its place in the
    program. history: what that program touches. sigma: standard deviation of the logarithm of the time.
    """

    bench: str
    kernels: tuple[tuple[MetaNode, LoopNest | None, int], ...]
    history: History
    measured_s: float
    sigma: float

    def predicted_s(self, device: machine.Machine) -> float:
        """Time of its kernels on a machine with a single worker, which has a core."""
        worker, core = _core_of(device)
        reuse = self.history.on(core, device)
        spent = (duration.of(meta, nest, worker, device, reuse[index]) for meta, nest, index in self.kernels)
        return sum(worker.launch_ps + kernel.body_ps for kernel in spent) / PS_PER_S


def _core_of(device: machine.Machine) -> tuple[Worker, CoreNumbers]:
    (worker,) = device.workers.values()
    assert worker.core is not None  # noqa: S101 - a calibration refuses any other profile
    return worker, worker.core


def program_of(network: Model, profile: DeviceProfile) -> lowering.Program:
    """Kernels of a network on a device."""
    graph = pipeline.declared(network.graph, profile, None)
    return lowering.lower(fusion.decompose(graph, profile.fusion), profile)


def of(
    bench: str, network: Model, measurement: Measurement, profile: DeviceProfile, statistic: Statistic
) -> tuple[Point, ...]:
    """Points of one measured network: every row that both sides have and the clock resolves."""
    estimate = pipeline.price(network, profile)
    checked = checking.check(network.graph, estimate, measurement, statistic)
    program = program_of(network, profile)
    history = History(program, _core_of(machine.of(profile))[0])
    return tuple(_points(bench, checked, measurement, program.kernels, history))


def _points(
    bench: str, checked: CheckedModel, measurement: Measurement, kernels: tuple[Kernel, ...], history: History
) -> Iterator[Point]:
    """Join by row; times are those of the kernels themselves, which the total's disturbances do not reach."""
    pick = median if checked.statistic == "median" else min
    for row in checked.rows:
        ran = [i for i in row.kernels if kernels[i].runs]
        runs = [(kernels[i].meta, loops.of(kernels[i].meta), i) for i in ran]
        measured_s = sum(pick(measurement.kernels[k].samples_ns) for k in row.measured_kernels) / 1e9
        if runs and measured_s >= _SHORTEST_S:
            trust = max(_TRUST if _is_warm(kernels, row.kernels) else _COLD_TRUST, _of_data(runs))
            sigma = hypot(trust, _CLOCK_S / measured_s, _scatter(measurement, row.measured_kernels))
            yield Point(bench, tuple(runs), history, measured_s, sigma)


def _of_data(runs: Iterable[tuple[MetaNode, LoopNest | None, int]]) -> float:
    """How far the time depends on what the numbers are."""
    return _SIGN_TRUST if any(meta.kind == "PRelu" for meta, _, _ in runs) else 0.0


def _is_warm(kernels: tuple[Kernel, ...], chosen: tuple[int, ...]) -> bool:
    """Whether the first of the chosen kernels reads what the kernel before it has just written."""
    first = min(i for i in chosen if kernels[i].runs)
    before = max((i for i in range(first) if kernels[i].runs), default=None)
    return before is not None and before in kernels[first].depends_on


def _scatter(measurement: Measurement, kernels: tuple[int, ...]) -> float:
    """How far the middle of the samples lies above the fastest: what was disturbed is trusted less."""
    samples = [measurement.kernels[k].samples_ns for k in kernels]
    fastest = [min(runs) for runs in samples]
    return log(sum(median(runs) for runs in samples) / sum(fastest)) if all(fastest) else 1.0


def merged(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points with equal kernels as one, at the geometric mean: repetition is not evidence twice."""
    found: dict[object, list[Point]] = {}
    for point in points:
        found.setdefault(_signature(point), []).append(point)
    return tuple(replace(some[0], measured_s=_mean(some)) for some in found.values())


def _mean(points: Sequence[Point]) -> float:
    return exp(sum(log(p.measured_s) for p in points) / len(points))


def _signature(point: Point) -> object:
    return (point.bench, *(_kernel_signature(meta) for meta, _, _ in point.kernels))


def _kernel_signature(meta: MetaNode) -> object:
    attributes = sorted((k, v) for k, v in meta.node.attributes.items() if isinstance(v, int | str | tuple))
    steps = tuple(step.op_type for step in (meta.node, *meta.node.epilogue))
    return steps, meta.work, _shapes(meta), tuple(attributes)


def _shapes(meta: MetaNode) -> tuple[object, ...]:
    return tuple((t.shape, t.dtype) for t in (*meta.inputs, *meta.weights, *meta.outputs))
