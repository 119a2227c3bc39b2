"""A tiny device with bounds on its values, and rows made by the model itself: what a fit must find again."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from device_tables import minimal, sourced, to_toml

from latencylab import fitting

if TYPE_CHECKING:
    from pathlib import Path

NETWORKS = (
    "zoo:abpn_x3?height=18&width=36",
    "zoo:abpn_x3?height=36&width=72",
    "zoo:espcn_x3?height=36&width=72",
    "zoo:ecbsr_m4c16_x2?height=54&width=96",
    "zoo:ecbsr_m4c32_x2?height=36&width=64",
)
COMMENTS = {
    '["overhead"."inference_s"]': "# The driver's call.",
    '["memory"."dram"]': "# Two chips.",
}
TRUTH = {"memory.dram.efficiency": 0.31, "overhead.inference_s": 4e-5, "engines.mac.launch_s": 5e-6}


def tables() -> dict[str, Any]:
    """The tiny device, without tiles, which take time; efficiency, overhead, launch and clock have bounds."""
    result = minimal() | {"class": "gpu"}
    del result["memory"]["scratchpad"]
    result["overhead"]["inference_s"] = sourced(1e-5, low=1e-6, high=1e-3)
    result["engines"]["mac"]["launch_s"] = sourced(1e-6, low=0, high=1e-4)
    result["engines"]["mac"]["clock_hz"] = sourced(1e9, low=5e8, high=2e9)
    result["engines"]["mac"]["handover_s"] = sourced(0, low=0, high=1e-4)
    result["engines"]["cpu"]["clock_hz"] = sourced(2e9, low=1e9, high=3e9) | {"provenance": "datasheet"}
    return result


def write_profile(folder: Path, name: str = "tiny", **changed: Any) -> Path:
    """The tiny device as a file with a comment behind a value and one above a table."""
    text = to_toml(tables() | {"name": name} | changed)
    for table, comment in COMMENTS.items():
        assert table in text
        text = text.replace(table, f"{comment}\n{table}")
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def made(profile: Path, truth: dict[str, float] | None = None, device: str = "") -> tuple[fitting.Row, ...]:
    """One row a network, as the profile predicts it with the true values."""
    bare = [
        fitting.Row(f"r{i}", model, "", device or str(profile), "", "", 1.0, 1.0, "fit", (), "", "")
        for i, model in enumerate(NETWORKS)
    ]
    times = fitting.Predictor(bare).predict_ms(TRUTH if truth is None else truth)
    return tuple(fitting.narrowed(row, latency_ms=ms) for row, ms in zip(bare, times, strict=True))


def write_rows(path: Path, rows: tuple[fitting.Row, ...], **changed: dict[str, object]) -> Path:
    """Rows as a CSV; `changed`: cells by row id and column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "model", "device", "latency_ms"])
        for row in rows:
            cells = {"id": row.id, "model": row.model, "device": row.device, "latency_ms": row.latency_ms}
            writer.writerow((cells | changed.get(row.id, {})).values())
    return path
