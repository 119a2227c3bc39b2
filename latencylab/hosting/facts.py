"""What the machine says of itself: the width of its vectors, the size of its caches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab.device.quantities import Count, NonNegative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.device import Sourced
    from latencylab.measurement import Host

_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_CPU: Final = "engines.cpu"
_CORE: Final = f"{_CPU}.core"
# What one core of many finds of a last-level cache that all share, where nothing is known: 4 to 32 MiB.
_SHARED_CACHE: Final = 32 * 1024**2
_LEAST_SHARE: Final = 4 * 1024**2


def of(host: Host, caches: Path = _CACHES) -> Mapping[str, Sourced]:
    """Return values of a CPU profile, by path, that need no measuring."""
    return {**vectors(host), **_caches(cache_sizes(caches))}


def vectors(host: Host) -> dict[str, Sourced]:
    """Return what follows from the width of a host's vectors: blocks, products a cycle, columns at once."""
    if "avx512f" not in host.isa:
        source = "onnxruntime mlas: blocks of 8 channels without AVX-512"
        return {f"{_CORE}.blocked_channels": Count(value=8, provenance="inferred", source=source)}
    source = "onnxruntime mlas: blocks of 16 channels with AVX-512"
    columns = "onnxruntime mlas QgemmU8X8KernelAvx512Common: 48 columns a pass"
    return {
        f"{_CORE}.blocked_channels": Count(value=16, provenance="inferred", source=source),
        f"{_CORE}.columns_at_once": Count(value=3, provenance="inferred", source=columns),
        f"{_CPU}.macs_per_cycle.float32": _rate(32, "two 512-bit fused multiply-adds"),
        f"{_CPU}.lanes.*": _rate(16, "512-bit vectors of 32-bit elements"),
    }


def _rate(value: float, source: str) -> NonNegative:
    return NonNegative(value=value, provenance="inferred", source=source)


def _caches(sizes: Mapping[int, int]) -> dict[str, Sourced]:
    """The core's own cache as the system says; of the last level, which others share, that is the most."""
    found: dict[str, Sourced] = {}
    if 2 in sizes:
        note = "the operating system's word for the level 2 cache"
        found[f"{_CORE}.near_cache.size_bytes"] = Count(value=sizes[2], provenance="datasheet", source=note)
    if 3 in sizes:
        note = f"a core's share; the operating system's word for the level 3 cache is {sizes[3]} bytes"
        share, least = min(sizes[3], _SHARED_CACHE), min(sizes[3] // 2, _LEAST_SHARE)
        found["memory.cache.size_bytes"] = Count(
            value=share, provenance="assumed", source=note, low=least, high=sizes[3]
        )
    return found


def cache_sizes(folder: Path) -> dict[int, int]:
    """Return the bytes of the data caches by level; nothing where Linux does not list them."""
    sizes: dict[int, int] = {}
    for entry in sorted(folder.glob("index*")):
        try:
            kind = (entry / "type").read_text().strip()
            level = int((entry / "level").read_text())
            match = re.fullmatch(r"(\d+)([KMG]?)", (entry / "size").read_text().strip())
        except (OSError, ValueError):
            continue
        if kind != "Instruction" and match:
            sizes[level] = int(match[1]) * _UNITS[match[2]]
    return sizes
