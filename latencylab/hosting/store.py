"""Partial results of a calibration: a measurement a file, kept until the calibration is finished.

Measurements of another processor, onnxruntime or latencylab are never mixed in: they lie in another folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import __version__
from latencylab.errors import ResultError
from latencylab.measurement import Measurement

if TYPE_CHECKING:
    from latencylab.measurement import Host


def cache_folder() -> Path:
    """Where this user's caches lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "latencylab"


class Store:
    """A folder of measurements by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def of(host: Host) -> Store:
        """Return the store of a host under the onnxruntime that is installed."""
        try:
            runtime = version("onnxruntime")
        except PackageNotFoundError:
            runtime = "unknown"
        key = "\n".join((host.cpu, *host.isa, str(host.physical_cores), runtime, __version__))
        return Store(cache_folder() / "calibration" / hashlib.sha256(key.encode()).hexdigest()[:16])

    def __len__(self) -> int:
        return len(list(self.folder.glob("*.json")))

    def get(self, name: str) -> Measurement | None:
        """Return a kept measurement; None for one that is absent, damaged or of another version."""
        try:
            return Measurement.from_json(self._path(name).read_bytes())
        except (OSError, ResultError):
            return None

    def put(self, name: str, measurement: Measurement) -> None:
        """Keep a measurement, all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        temporary = path.with_suffix(".part")
        temporary.write_text(measurement.to_json(), encoding="utf-8")
        temporary.replace(path)

    def clear(self) -> None:
        """Forget everything: the calibration is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
