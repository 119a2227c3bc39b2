"""Predicts rows under changed parameter values; every network is read and lowered once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import device as devices
from latencylab import fusion, lowering, pipeline
from latencylab.errors import LatencyLabError, UnknownNameError
from latencylab.fitting.choice import covers, narrowness, split_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.device import DeviceProfile
    from latencylab.fitting.rows import Row
    from latencylab.lowering import Program
    from latencylab.onnx_reader import Model
    from latencylab.result import KernelEstimate, Schedule

_Values = tuple[tuple[str, float], ...]
_ProgramKey = tuple[str, str, str, str]
# Remembered latencies; a fit asks again for most of them, because a parameter moves few rows.
_MOST_REMEMBERED = 200_000


class Predictor:
    """Predicts rows by an engine model (default: each profile's own)."""

    def __init__(self, rows: Sequence[Row], engine: str | None = None) -> None:
        self.rows = tuple(rows)
        self._engine = engine
        self._networks: dict[str, Model] = {}
        self._profiles: dict[str, DeviceProfile] = {}
        self._programs: dict[_ProgramKey, Program] = {}
        self._seconds: dict[tuple[_ProgramKey, _Values, str], float] = {}

    def predict_ms(self, values: Mapping[str, float], rows: Sequence[Row] | None = None) -> list[float]:
        """Milliseconds of each row with parameters set by `Parameter.name`.

        Raises UnknownNameError, InputFileError or ModelError for a row that cannot be predicted, naming it.
        """
        changed: dict[tuple[str, _Values], DeviceProfile] = {}
        own = {}
        result = []
        for row in rows if rows is not None else self.rows:
            if (row.device, row.overrides) not in own:
                own[row.device, row.overrides] = self._own_values(row, values)
            stated = own[row.device, row.overrides]
            seconds = self._latency_s(row, row.model, stated, changed)
            if row.minus:
                seconds -= self._latency_s(row, row.minus, stated, changed)
            result.append(seconds * 1e3)
        return result

    def profile(self, device: str) -> DeviceProfile:
        """Profile of a row's device, loaded once."""
        if device not in self._profiles:
            self._profiles[device] = devices.load(device)
        return self._profiles[device]

    def profile_with(self, row: Row, values: Mapping[str, float]) -> DeviceProfile:
        """Profile of a row's device with those of the values that concern it."""
        return self.profile(row.device).with_values(dict(self._own_values(row, values)))

    def program(self, row: Row, model: str | None = None) -> Program:
        """A row's network (or `model` in its place) lowered for its device, once."""
        model = model or row.model
        key = (model, row.device, row.layout, row.dtype)
        if key not in self._programs:
            self._programs[key] = self._lowered(row, model)
        return self._programs[key]

    def kinds(self, row: Row) -> frozenset[tuple[str, str]]:
        """(kind, engine) of every kernel that runs for a row."""
        models = filter(None, (row.model, row.minus))
        kernels = (kernel for model in models for kernel in self.program(row, model).kernels)
        return frozenset((kernel.meta.kind, kernel.engine) for kernel in kernels if kernel.runs)

    def macs(self, row: Row) -> int:
        """Multiply-accumulates of a row's network, less those of what is subtracted."""
        whole = sum(kernel.meta.work.macs for kernel in self.program(row).kernels)
        return whole - (self.macs_of(row, row.minus) if row.minus else 0)

    def macs_of(self, row: Row, model: str) -> int:
        """Multiply-accumulates of a model on a row's device."""
        return sum(kernel.meta.work.macs for kernel in self.program(row, model).kernels)

    def _own_values(self, row: Row, values: Mapping[str, float]) -> _Values:
        """Values that concern a row's device, the narrower owner's last; whole numbers made whole."""
        profile = self.profile(row.device)
        stated = profile.parameters()
        own: dict[str, float] = {}
        for name in sorted(values, key=lambda name: narrowness(split_name(name)[0])):
            owner, path = split_name(name)
            if path in stated and covers(owner, row.device, profile.runtime.name):
                own[path] = values[name]
        own.update(row.overrides)
        is_whole = {path for path in own if path in stated and isinstance(stated[path].value, int)}
        return tuple((path, round(value) if path in is_whole else value) for path, value in own.items())

    def _latency_s(
        self, row: Row, model: str, own: _Values, changed: dict[tuple[str, _Values], DeviceProfile]
    ) -> float:
        program = self.program(row, model)
        key = ((model, row.device, row.layout, row.dtype), own, row.meta_node)
        if key not in self._seconds:
            if len(self._seconds) >= _MOST_REMEMBERED:
                self._seconds.clear()
            if (row.device, own) not in changed:
                changed[row.device, own] = self.profile(row.device).with_values(dict(own))
            profile = changed[row.device, own]
            engine = pipeline.engine_module(self._engine or profile.engine, is_asked=True)[1]
            schedule: Schedule = engine.run(program, profile)
            self._seconds[key] = _part_s(schedule, row) if row.meta_node else schedule.latency_s
        return self._seconds[key]

    def _lowered(self, row: Row, model: str) -> Program:
        try:
            if model not in self._networks:
                self._networks[model] = pipeline.read(model)
            profile = self.profile(row.device)
            graph = pipeline.declared(self._networks[model].graph, profile, row.dtype or None)
            decomposition = fusion.decompose(graph, profile.fusion)
            return lowering.lower(decomposition, profile, layout=row.layout or None)
        except LatencyLabError as error:
            error.args = (f"row {row.id}: {error}",)
            raise


def _part_s(schedule: Schedule, row: Row) -> float:
    """Seconds of the kernels that a row names, by a meta-node or by a node of the file inside it."""
    found = [kernel.latency_s for kernel in schedule.kernels if _is_named(kernel, row.meta_node)]
    if not found:
        known = (kernel.name for kernel in schedule.kernels)
        error = UnknownNameError("meta-node", row.meta_node, known)
        error.args = (f"row {row.id}: {error}",)
        raise error
    return sum(found)


def _is_named(kernel: KernelEstimate, name: str) -> bool:
    return name == kernel.name or name in kernel.nodes
