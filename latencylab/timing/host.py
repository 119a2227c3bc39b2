"""What machine this is, as far as it decides how fast onnxruntime runs."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from latencylab.measurement import Host

# Those that decide which kernels onnxruntime picks, in this order.
_ISA = re.findall(
    r"\S+",
    "sse4_1 avx avx2 f16c fma avx_vnni avx512f avx512bw avx512vl avx512_vnni avx512_bf16 avx512_fp16 "
    "amx_int8 amx_bf16 asimd asimddp asimdhp i8mm bf16 sve sve2 sme",
)


def describe(
    cpuinfo: Path = Path("/proc/cpuinfo"),
    governor: Path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    meminfo: Path = Path("/proc/meminfo"),
) -> Host:
    """Describe the host now; what an operating system does not tell is left empty, 0 or None."""
    text = _read(cpuinfo)
    return Host(
        cpu=cpu_model(text) or platform.processor() or platform.machine(),
        physical_cores=physical_cores(text) or os.cpu_count() or 1,
        logical_cores=os.cpu_count() or 1,
        affinity=_affinity(),
        load_1min=_load(),
        isa=instruction_sets(text),
        governor=_read(governor).strip() or None,
        memory_bytes=_memory_bytes(_read(meminfo)),
        os=platform.platform(),
    )


def cpu_model(cpuinfo: str) -> str:
    """Return the processor's name as Linux spells it; "" if absent."""
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else ""


def physical_cores(cpuinfo: str) -> int:
    """Count distinct (socket, core) pairs; 0 if Linux does not list them."""
    sockets = re.findall(r"^physical id\s*:\s*(\d+)$", cpuinfo, re.MULTILINE)
    cores = re.findall(r"^core id\s*:\s*(\d+)$", cpuinfo, re.MULTILINE)
    return len(set(zip(sockets, cores, strict=False)))


def instruction_sets(cpuinfo: str) -> tuple[str, ...]:
    """Return the vector extensions among the first core's flags, in a fixed order."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return tuple(name for name in _ISA if name in flags)


def peak_memory_bytes(status: Path = Path("/proc/self/status")) -> int | None:
    """Return the largest resident size this process ever had; None where Linux does not tell.

    Not `resource.getrusage`: its ru_maxrss survives exec, so a child would start at its parent's peak.
    """
    return _status_bytes(status, "VmHWM")


def resident_bytes(status: Path = Path("/proc/self/status")) -> int | None:
    """Return the resident size of this process now; None where Linux does not tell."""
    return _status_bytes(status, "VmRSS")


def _status_bytes(status: Path, key: str) -> int | None:
    found = re.search(rf"^{key}:\s*(\d+) kB$", _read(status), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _memory_bytes(meminfo: str) -> int:
    found = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _affinity() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
