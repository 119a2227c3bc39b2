"""Device profiles: what is known of a device, each number with its provenance, resolved for one runtime.

`load` reads, merges (`extends`, runtimes) and validates; the result is an immutable `DeviceProfile`.
"""

from __future__ import annotations

from latencylab.device.quantities import Count, NonNegative, Positive, Provenance, Share, Sourced
from latencylab.device.registry import aliases, find, folder, host_path, load, names
from latencylab.device.schema import ANY, FREE, DeviceProfile, Engine, Layout, Pattern

__all__ = [
    "ANY",
    "FREE",
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
    "find",
    "folder",
    "host_path",
    "load",
    "names",
]
