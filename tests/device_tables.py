"""A small valid profile as plain tables, for tests to bend."""

from __future__ import annotations

from typing import Any


def sourced(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "provenance": "assumed", "source": "a test", **more}


def minimal() -> dict[str, Any]:
    """An NPU with one matrix engine of 2 x 64 MACs at 1 GHz and a host, 10 GB/s of DRAM at efficiency 0.5."""
    cycles = {name: sourced(1) for name in ("arithmetic", "division", "transcendental", "move")}
    start = {"launch_s": sourced(1e-6), "handover_s": sourced(0)}
    return {
        "schema_version": 1,
        "name": "tiny",
        "title": "A tiny NPU",
        "class": "npu",
        "deployment_dtype": "uint8",
        "native_layout": "nhwc",
        "deployment_layout": "nhwc",
        "fusion": ["conv_relu"],
        "memory": {
            "dram": {
                "peak_bytes_per_s": sourced(10e9),
                "efficiency": sourced(0.5, low=0.2, high=0.8),
                "latency_s": sourced(0),
                "patterns": {p: sourced(0.5) for p in ("sequential", "interleaved", "narrow", "strided")},
            },
            "scratchpad": {"size_bytes": sourced(65536)},
        },
        "engines": {
            "mac": {
                "title": "MACs",
                "role": "matrix",
                "count": sourced(2),
                "clock_hz": sourced(1e9),
                "macs_per_cycle": {"uint8": sourced(64), "int16": sourced(16)},
                **start,
            },
            "cpu": {
                "title": "host",
                "role": "host",
                "count": sourced(1),
                "clock_hz": sourced(2e9),
                "lanes": {"*": sourced(4)},
                "cycles_per_op": cycles,
                **start,
            },
        },
        "operators": {"*": {"*": "cpu"}, "Conv": {"uint8": "mac", "int16": "mac"}},
        "overhead": {"inference_s": sourced(1e-5)},
        "accuracy": {"sigma_log": sourced(0.3), "rows": 0, "evidence": "none"},
    }


def to_toml(tables: dict[str, Any], path: str = "") -> str:
    """The tables as TOML: scalars and lists first, then one section a table."""
    scalars = {k: v for k, v in tables.items() if not isinstance(v, dict)}
    below = {k: v for k, v in tables.items() if isinstance(v, dict)}
    lines = [f"[{path}]"] if path else []
    lines += [f"{_text(key)} = {_text(value)}" for key, value in scalars.items()]
    lines += [to_toml(value, f"{path}.{_text(key)}" if path else _text(key)) for key, value in below.items()]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)} = {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
