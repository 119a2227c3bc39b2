"""The calibration as a whole: measure the design, fit, refine where the error is largest, judge.

Measuring and the clock are handed in. An interruption keeps what was measured: the next run goes on there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Final, Protocol

from latencylab import checking, pipeline
from latencylab.errors import MeasurementError
from latencylab.hosting import calm, design, fit, points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from latencylab.checking import CheckedModel, Statistic
    from latencylab.device import DeviceProfile
    from latencylab.hosting.design import Bench
    from latencylab.hosting.fit import Solution
    from latencylab.hosting.points import Point
    from latencylab.hosting.store import Store
    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model

    Progress = Callable[[str, float], object]

# Fewer networks than this determine little; the calibration refuses to write a profile then.
FEWEST: Final = 8
_REFITS: Final = 3
# What was disturbed is measured again until so much of the time is spent: the rest is for refining.
_UNTIL_REFINED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds that measuring may take: the design and its refinement, then the networks left out."""

    design_s: float = 200.0
    left_out_s: float = 60.0


class Bencher(Protocol):
    """What a calibration needs of the world: networks measured, and read as they were measured."""

    def bench(self, bench: Bench) -> tuple[Model, Measurement]:
        """Measure one designed network."""

    def read(self, bench: Bench) -> Model:
        """Read a designed network without measuring it."""

    def network(self, name: str, threads: int, dtype: str) -> tuple[Model, Measurement]:
        """Measure a zoo network."""


# The few networks left out can all happen to be met: this is what 33 others erred by (docs/crosscheck.md).
SIGMA_FLOOR: Final = 0.08


@dataclass(frozen=True, slots=True)
class HostFit:
    """A fitted host.

    single, double: coefficients of one and of two threads. before, after: networks left out, with the shipped
    profile and with the fitted one. refused: networks onnxruntime would not run, with its words.
    """

    base: str
    single: Solution
    double: Solution | None
    measurements: Mapping[str, Measurement]
    points: int
    mape: float
    before: tuple[CheckedModel, ...]
    after: tuple[CheckedModel, ...]
    refused: tuple[str, ...] = ()

    @property
    def sigma_log(self) -> float:
        """Root mean square of log(predicted / measured) on the networks left out, at least SIGMA_FLOOR."""
        logs = [log(m.predicted_s / m.measured_s) for m in self.after]
        return max(SIGMA_FLOOR, (sum(x * x for x in logs) / len(logs)) ** 0.5 if logs else self.mape)


def calibrate(
    bencher: Bencher,
    store: Store,
    profiles: Mapping[int, DeviceProfile],
    clock: Callable[[], float],
    *,
    budget: Budget | None = None,
    statistic: Statistic = "median",
    progress: Progress = lambda _phase, _done: None,
) -> HostFit:
    """Measure and fit a host.

    profiles: the shipped profile for each thread count (1, and 2 where there are two cores).
    Raises MeasurementError where fewer than FEWEST networks could be measured.
    """
    run = _Run(bencher, store, profiles, clock, budget or Budget(), statistic, progress)
    return run.whole()


class _Run:
    """One calibration under way."""

    def __init__(
        self,
        bencher: Bencher,
        store: Store,
        profiles: Mapping[int, DeviceProfile],
        clock: Callable[[], float],
        budget: Budget,
        statistic: Statistic,
        progress: Progress,
    ) -> None:
        self.bencher, self.store, self.profiles, self.clock = bencher, store, profiles, clock
        self.budget, self.statistic, self.progress = budget, statistic, progress
        self.start_s = clock()
        self.measurements: dict[str, Measurement] = {}
        self.points: dict[Bench, tuple[Point, ...]] = {}
        self.refused: list[str] = []

    def whole(self) -> HostFit:
        """Measure, fit, refine, judge."""
        cores = max(self.profiles)
        self._measure(design.initial(cores))
        if len(self.points) < FEWEST:
            raise MeasurementError(
                f"only {len(self.points)} of the designed networks could be measured, {FEWEST} are needed"
                + (f": {self.refused[0]}" if self.refused else "; give it more time (--minutes)")
            )
        single = self._refined(cores)
        fitted = self.profiles[1].with_values(single.values)
        double = self._threaded(single) if cores > 1 else None
        before, after = self._judged(fitted)
        every = self._points(1)
        return HostFit(
            base=self.profiles[1].name,
            single=single,
            double=double,
            measurements=self.measurements,
            points=sum(map(len, self.points.values())),
            mape=mean_error(every, fitted),
            before=before,
            after=after,
            refused=tuple(self.refused),
        )

    def _measure(self, benches: Iterable[Bench]) -> None:
        """Measure what is not known yet while there is time, then again what a slow machine disturbed."""
        for bench in (b for b in benches if b.threads in self.profiles):
            kept = self.store.get(bench.name)
            if kept is not None:
                self._take(bench, self.bencher.read(bench), kept)
            elif self._has_time():
                self._bench(bench)
        for bench in calm.disturbed({b: self.measurements[b.name] for b in self.points}):
            if self._has_time(_UNTIL_REFINED):
                self._bench(bench)

    def _bench(self, bench: Bench) -> None:
        """Measure a designed network; of two measurements the calmer one stands."""
        self.progress(bench.name, min(1.0, self._spent() / self.budget.design_s))
        try:
            network, measurement = self.bencher.bench(bench)
        except MeasurementError as error:
            if str(error).startswith("interrupted"):
                raise KeyboardInterrupt from error
            self.refused.append(f"{bench.name}: {error}")
            return
        if measurement.is_interrupted:
            raise KeyboardInterrupt
        earlier = self.measurements.get(bench.name)
        self._take(bench, network, calm.calmer(earlier, measurement) if earlier else measurement)

    def _take(self, bench: Bench, network: Model, measurement: Measurement) -> None:
        self.store.put(bench.name, measurement)
        self.measurements[bench.name] = measurement
        profile = self.profiles[bench.threads]
        self.points[bench] = points.of(bench.name, network, measurement, profile, self.statistic)

    def _has_time(self, share: float = 1.0) -> bool:
        return self._spent() < share * self.budget.design_s

    def _spent(self) -> float:
        return self.clock() - self.start_s

    def _points(self, threads: int) -> tuple[Point, ...]:
        return points.merged([p for b, some in self.points.items() if b.threads == threads for p in some])

    def _refined(self, cores: int) -> Solution:
        """Fit one thread; measure more of what fits worst while there is time; fit again."""
        profile = self.profiles[1]
        chosen = fit.parameters(profile, is_threaded=False)
        self.progress("fitting", 1.0)
        solution = fit.solve(self._points(1), profile, chosen)
        for _ in range(_REFITS):
            waiting = [b for b in design.candidates(cores) if b not in self.points]
            if not waiting or not self._has_time():
                break
            worst = self._worst(profile.with_values(solution.values))
            waiting.sort(key=lambda bench: -worst.get((bench.writer, bench.dtype, bench.threads), 0.0))
            self._measure(waiting[: max(2, len(waiting) // 8)])
            solution = fit.solve(self._points(1), profile, chosen)
        return solution

    def _worst(self, fitted: DeviceProfile) -> dict[tuple[str, str, int], float]:
        """Mean error of the networks measured so far, by what the candidates have in common with them."""
        errors: dict[tuple[str, str, int], list[float]] = {}
        for bench, some in self.points.items():
            if some and bench.threads == 1:
                key = (bench.writer, bench.dtype, bench.threads)
                errors.setdefault(key, []).append(mean_error(some, fitted))
        return {key: sum(values) / len(values) for key, values in errors.items()}

    def _threaded(self, single: Solution) -> Solution | None:
        """Fit what two threads change, with all else as one thread has it."""
        some = self._points(2)
        if not some:
            return None
        shared = {path: v for path, v in single.values.items() if path != "engines.cpu.launch_s"}
        profile = self.profiles[2].with_values(shared)
        return fit.solve(some, profile, fit.parameters(profile, is_threaded=True))

    def _judged(self, fitted: DeviceProfile) -> tuple[tuple[CheckedModel, ...], tuple[CheckedModel, ...]]:
        """Networks left out, predicted by the shipped profile and by the fitted one."""
        measured = self._left_out()
        before, after = (
            tuple(
                checking.check(network.graph, pipeline.price(network, profile), measurement, self.statistic)
                for network, measurement in measured.values()
            )
            for profile in (self.profiles[1], fitted)
        )
        return before, after

    def _left_out(self) -> dict[str, tuple[Model, Measurement]]:
        """Measure them as long as there is time, and again where a slow machine disturbed them."""
        end_s = self.clock() + self.budget.left_out_s
        found: dict[str, tuple[Model, Measurement]] = {}
        for name in design.LEFT_OUT:
            if self.clock() < end_s:
                self._network(name, found)
        taken = {name: measurement for name, (_, measurement) in found.items()}
        for name in calm.disturbed(self.measurements | taken):
            if name in found and self.clock() < end_s:
                self._network(name, found)
        return found

    def _network(self, name: str, found: dict[str, tuple[Model, Measurement]]) -> None:
        self.progress(name, 1.0)
        try:
            network, measurement = self.bencher.network(f"{name}?{design.LEFT_OUT_SIZE}", 1, design.FLOAT)
        except MeasurementError as error:
            self.refused.append(f"{name}: {error}")
            return
        earlier = found.get(name)
        found[name] = network, calm.calmer(earlier[1], measurement) if earlier else measurement


def mean_error(some: Sequence[Point], profile: DeviceProfile) -> float:
    """Mean absolute relative error of points."""
    from latencylab.npu import machine

    device = machine.of(profile)
    return sum(abs(p.predicted_s(device) / p.measured_s - 1) for p in some) / max(1, len(some))
