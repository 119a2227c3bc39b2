"""Device profiles: what is known of a device, each number with its provenance, resolved for one runtime.

`load` reads, merges (`extends`, runtimes) and validates; the result is an immutable `DeviceProfile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.device.quantities import Count, NonNegative, Positive, Provenance, Share, Sourced
from latencylab.device.registry import HOST, aliases, find, folder, host_path, load, names, runtimes
from latencylab.device.report import describe, summarize
from latencylab.device.schema import Core, DeviceProfile, Engine, Layout, Pattern
from latencylab.device.words import ANY, FREE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ANY",
    "FREE",
    "HOST",
    "Core",
    "Count",
    "DeviceProfile",
    "Engine",
    "Layout",
    "NonNegative",
    "Pattern",
    "Positive",
    "Provenance",
    "Share",
    "Sourced",
    "aliases",
    "check",
    "describe",
    "find",
    "folder",
    "host_path",
    "load",
    "names",
    "runtimes",
    "summarize",
]


def check(name_or_path: str | Path) -> tuple[str, ...]:
    """List every fault of a profile under each of its runtimes; () if there is none ."""
    # The operators' names come from onnx, which no load needs.
    from latencylab.device.checking import check as check_profile

    return check_profile(name_or_path)
