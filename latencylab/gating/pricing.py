"""Cases: what a configuration asks to be priced; what is read or priced once is remembered."""

from __future__ import annotations

import fnmatch
import glob
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latencylab import dtypes, pipeline, zoo
from latencylab.errors import ConfigError, UnknownNameError, naming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.fusion import Decomposition
    from latencylab.gating.config import Target
    from latencylab.gating.loading import Settings
    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model
    from latencylab.result import Estimate

Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One network on one device, as the configuration names them; equal cases are priced once.

    dims, shapes: sorted pairs.
    """

    model: str
    device: str
    engine: str | None = None
    dtype: str | None = None
    layout: str | None = None
    dims: Pairs = ()
    shapes: Pairs = ()

    @property
    def options(self) -> dict[str, str]:
        """What was said besides network and device, as texts."""
        named = {"engine": self.engine, "dtype": self.dtype, "layout": self.layout}
        said = {key: value for key, value in named.items() if value}
        said |= {f"dim.{name}": str(size) for name, size in self.dims}
        return said | {f"shape.{name}": "x".join(map(str, sizes)) for name, sizes in self.shapes}

    def __str__(self) -> str:
        """Return `a.onnx on dolphin_npu (dtype=float32)`: for people, and the key in a baseline."""
        said = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.model} on {self.device}{f' ({said})' if said else ''}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"model": self.model, "device": self.device, "options": self.options}


def _case(model: str, device: str, target: Target) -> Case:
    return Case(
        model,
        device,
        target.engine,
        target.dtype,
        target.layout,
        tuple(sorted(target.dim.items())),
        tuple(sorted(target.shape.items())),
    )


def _matches(pattern: str, folder: Path) -> list[str]:
    """Return models as they are shown: relative to the configuration, with slashes, sorted."""
    if pattern.startswith(pipeline.ZOO):
        name = pattern.removeprefix(pipeline.ZOO)
        # A question mark begins the options of a zoo name; only a star is a wildcard there.
        names = fnmatch.filter(zoo.names(), name) if "*" in name else [name]
        return [f"{pipeline.ZOO}{name}" for name in names]
    paths = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - pathlib takes no absolute pattern
    # A name may hold the very characters that globs give a meaning to.
    if not paths and (folder / pattern).is_file():
        paths = [pattern]
    return sorted(Path(path).as_posix() for path in paths if not (folder / path).is_dir())


@dataclass(slots=True)
class Pricer:
    """Prices cases of one configuration; remembers what it has read and priced."""

    settings: Settings
    _profiles: dict[str, DeviceProfile] = field(default_factory=dict)
    _networks: dict[tuple[str, Pairs, Pairs], Model] = field(default_factory=dict)
    _estimates: dict[Case, Estimate] = field(default_factory=dict)
    _fused: dict[Case, Decomposition] = field(default_factory=dict)
    _measurements: dict[tuple[str, Pairs, Pairs], Measurement] = field(default_factory=dict)

    def cases(self, target: Target, *key: str | int) -> tuple[Case, ...]:
        """List what a table of the configuration asks for, in a fixed order.

        key: the path of the table, for messages. Raises ConfigError for a glob that matches nothing,
        UnknownNameError for a device, engine or element type that there is not.
        """
        self._check_names(target, *key)
        found: dict[Case, None] = {}
        for index, pattern in enumerate(target.models):
            models = _matches(pattern, self.settings.folder)
            if not models:
                raise ConfigError(
                    f"{self.settings.place(*key, 'models', index)}: {pattern!r} matches nothing in "
                    f"{self.settings.folder}; a gate that looks at nothing would always pass"
                )
            found |= {_case(model, device, target): None for model in models for device in target.devices}
        return tuple(found)

    def _check_names(self, target: Target, *key: str | int) -> None:
        for device in target.devices:
            with self.placing(*key, "device"):
                self._profile(device)
        if target.engine is not None:
            with self.placing(*key, "engine"):
                pipeline.engine_module(target.engine, is_asked=True)
        if target.dtype is not None and target.dtype not in dtypes.BITS:
            with self.placing(*key, "dtype"):
                raise UnknownNameError("dtype", target.dtype, dtypes.BITS)

    @contextmanager
    def placing(self, *key: str | int) -> Iterator[None]:
        """Say of an unknown name where it stands in the configuration."""
        try:
            yield
        except UnknownNameError as error:
            error.args = (f"{self.settings.place(*key)}: {error}",)
            raise

    def profile(self, case: Case) -> DeviceProfile:
        """Return the device of a case."""
        return self._profile(case.device)

    def _profile(self, device: str) -> DeviceProfile:
        if device not in self._profiles:
            self._profiles[device] = pipeline.load_device(self._device_name(device))
        return self._profiles[device]

    def _device_name(self, device: str) -> str:
        """A path is relative to the configuration, and may carry a runtime behind a colon."""
        path, colon, runtime = device.partition(".toml")
        if not colon:
            return device
        return f"{self.settings.folder / (path + colon)}{runtime}"

    def network(self, case: Case) -> Model:
        """Return the network of a case. Errors name its file."""
        key = (case.model, case.dims, case.shapes)
        if key not in self._networks:
            self._networks[key] = _read(case, self._source(case))
        return self._networks[key]

    def _source(self, case: Case) -> str:
        is_zoo = case.model.startswith(pipeline.ZOO)
        return case.model if is_zoo else str(self.settings.folder / case.model)

    def estimate(self, case: Case) -> Estimate:
        """Price a case."""
        if case not in self._estimates:
            network, profile = self.network(case), self.profile(case)
            with naming(case.model):
                self._estimates[case] = pipeline.price(
                    network, profile, case.engine, dtype=case.dtype, layout=case.layout
                )
        return self._estimates[case]

    def measurement(self, case: Case) -> Measurement:
        """Time a case's network on this machine, on one thread; its device and type do not matter."""
        key = (case.model, case.dims, case.shapes)
        if key not in self._measurements:
            from latencylab import timing

            network = self.network(case)
            with naming(case.model):
                (self._measurements[key],) = timing.measure_model(self._source(case), network)
        return self._measurements[key]

    def decomposition(self, case: Case) -> Decomposition:
        """Fuse a case's network as its device would."""
        if case not in self._fused:
            network = self.network(case)
            self._fused[case] = pipeline.decompose(network, self.profile(case), dtype=case.dtype)
        return self._fused[case]


def _read(case: Case, source: str) -> Model:
    with naming(case.model):
        return pipeline.read(source, dims=dict(case.dims), shapes=dict(case.shapes))
