"""A profile as plain data, for `latencylab devices list` and `show` to lay out: nothing here prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from latencylab.device.words import ANY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.device.quantities import Sourced
    from latencylab.device.schema import DeviceProfile

Row = dict[str, Any]


def summarize(profile: DeviceProfile) -> Row:
    """Condense a profile to one row of `devices list`; rates are for the deployment type."""
    scratchpad = profile.memory.scratchpad
    return {
        "name": profile.name,
        "title": profile.title,
        "class": profile.device_class,
        "runtime": profile.runtime.name,
        "dtype": profile.deployment_dtype,
        # One multiply-accumulate is two operations.
        "peak_tops": 2 * profile.peak_macs_per_s() / 1e12,
        "peak_macs_per_s": profile.peak_macs_per_s(),
        "dram_bytes_per_s": profile.dram_bytes_per_s,
        "ridge_macs_per_byte": profile.ridge_macs_per_byte(),
        "scratchpad_bytes": scratchpad.size_bytes.value if scratchpad else None,
        "assumed_pct": 100 * profile.assumed_share,
    }


def describe(profile: DeviceProfile) -> Mapping[str, Any]:
    """Lay out a whole profile for `devices show`: plain, JSON-able data with units in the keys.

    summary: as `summarize`, with runtime, layouts, aliases and hash. provenance: values by provenance.
    peaks: MAC rate and ridge point by element type. engines, parameters, operators, rules: rows.
    """
    return {
        "summary": summarize(profile) | _identity(profile),
        "provenance": dict(Counter(v.provenance for v in profile.parameters().values())),
        "accuracy": {
            "sigma_log": profile.accuracy.sigma_log.value,
            "residual_correlation": profile.accuracy.residual_correlation.value,
            "rows": profile.accuracy.rows,
            "evidence": profile.accuracy.evidence,
        },
        "peaks": _peaks(profile),
        "engines": _engines(profile),
        "operators": _operators(profile),
        "parameters": [_parameter(path, value) for path, value in profile.parameters().items()],
        "fusion": list(profile.fusion),
        "views": list(profile.views),
        "rules": [asdict(rule) for rule in profile.rules],
    }


def _identity(profile: DeviceProfile) -> Row:
    return {
        "runtime_title": profile.runtime.title,
        "runtime_version": profile.runtime.version,
        "native_layout": profile.native_layout,
        "deployment_layout": profile.deployment_layout,
        "engine": profile.engine,
        "aliases": list(profile.aliases),
        "sha256": profile.sha256,
    }


def _peaks(profile: DeviceProfile) -> list[Row]:
    """Rates of every element type that some engine names; "*" cannot be named and is left out."""
    stated = (dtype for engine in profile.engines.values() for dtype in engine.macs_per_cycle)
    dtypes = dict.fromkeys((profile.deployment_dtype, *(d for d in stated if d != ANY)))
    return [
        {
            "dtype": dtype,
            "macs_per_s": profile.peak_macs_per_s(dtype),
            "tops": 2 * profile.peak_macs_per_s(dtype) / 1e12,
            "ridge_macs_per_byte": profile.ridge_macs_per_byte(dtype),
        }
        for dtype in dtypes
    ]


def _engines(profile: DeviceProfile) -> list[Row]:
    dtype = profile.deployment_dtype
    return [
        {
            "name": name,
            "title": engine.title,
            "role": engine.role,
            "count": engine.count.value,
            "clock_hz": engine.clock_hz.value,
            "macs_per_s": engine.peak_macs_per_s(dtype),
            "lane_cycles_per_s": engine.peak_lane_cycles_per_s(dtype),
            "launch_s": engine.launch_s.value,
            "handover_s": engine.handover_s.value,
        }
        for name, engine in profile.engines.items()
    ]


def _operators(profile: DeviceProfile) -> list[Row]:
    return [
        {
            "op_type": op_type,
            "engine": profile.engine_for(op_type, profile.deployment_dtype),
            "by_dtype": types,
        }
        for op_type, types in profile.operators.items()
    ]


def _parameter(path: str, value: Sourced) -> Row:
    return {
        "path": path,
        "value": value.value,
        "provenance": value.provenance,
        "source": value.source,
        "low": value.low,
        "high": value.high,
        "sigma_pct": value.sigma_pct,
        "residual": value.residual,
        "prior": value.prior,
    }
