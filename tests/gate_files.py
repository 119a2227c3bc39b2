"""Small repositories for tests of the gate: a configuration, models, and the real command run in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from latencylab import gating, zoo

ROOT = Path(__file__).parents[1]
SMALL = "zoo:abpn_x3?height=36&width=64"
ABPN = "abpn_x3?height=36&width=64"


def configured(folder: Path, text: str, name: str = "latencylab.toml") -> Path:
    """Write a configuration; returns its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def budget(
    models: str = SMALL, limits: str = "latency_ms = { max = 1000.0 }", device: str = "dolphin_npu"
) -> str:
    return f'[[budget]]\nmodels = ["{models}"]\ndevice = "{device}"\n{limits}\n'


def with_model(folder: Path, name: str = ABPN, file: str = "net.onnx") -> Path:
    """Write a zoo network, without its weights, into models/."""
    path = folder / "models" / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zoo.build(name, weights=False).SerializeToString())
    return path


def with_baseline(config: Path) -> Path:
    """Write the baseline of a configuration; returns its path."""
    path, content = gating.new_baseline(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def edited(path: Path, **changes: Any) -> None:
    """Change every entry of a baseline."""
    data = json.loads(path.read_text())
    for entry in data["entries"].values():
        entry.update(changes)
    path.write_text(json.dumps(data))


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a folder."""
    inherited = {
        k: v
        for k, v in os.environ.items()
        if k not in {"GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "FORCE_COLOR"}
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=inherited | {"COLUMNS": "160"} | environment,
    )
