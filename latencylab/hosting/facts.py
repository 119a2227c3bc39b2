"""What the machine says of itself: the width of its blocks, the size of its caches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab.device.quantities import Count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.measurement import Host

_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_PATHS: Final = {2: "engines.cpu.core.near_cache.size_bytes", 3: "memory.cache.size_bytes"}


def of(host: Host, caches: Path = _CACHES) -> Mapping[str, Count]:
    """Return values of a CPU profile, by path, that need no measuring."""
    wide = "avx512f" in host.isa
    source = "onnxruntime mlas: 16 channels with AVX-512, else 8"
    found = {
        "engines.cpu.core.blocked_channels": Count(
            value=16 if wide else 8, provenance="inferred", source=source
        )
    }
    for level, size_bytes in cache_sizes(caches).items():
        if level in _PATHS:
            note = f"the operating system's word for the level {level} cache"
            found[_PATHS[level]] = Count(value=size_bytes, provenance="datasheet", source=note)
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
