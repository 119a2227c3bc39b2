"""Calibrate the machine at hand: time designed networks with onnxruntime, fit the CPU profile, write `host`.

    calibrate(Bencher(), store, clock=time.monotonic) -> HostFit
    writing.text(found) -> TOML of the profile that `--device host` names

`design` says what is measured, `store` keeps partial results, `points` joins them with kernels, `fit` solves.
"""

from __future__ import annotations

from latencylab.hosting.calibration import Budget, HostFit, calibrate
from latencylab.hosting.design import Bench
from latencylab.hosting.store import Store

__all__ = ["Bench", "Budget", "HostFit", "Store", "calibrate"]
