"""Other tools' per-kernel profiles, one format a file: `read(text)` finds out whose it is.

An importer offers `TITLE`, `sniff(text) -> bool` (cheap, never raises) and
`read(text) -> tuple[MeasuredKernel, ...]` (raises MeasurementError with the line at fault).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import plugins
from latencylab.errors import InputFileError, MeasurementError
from latencylab.importers._kernel import MeasuredKernel

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MeasuredKernel", "formats", "read", "read_file"]


def formats() -> tuple[str, ...]:
    """Titles of the formats known, in the order in which they are tried."""
    return tuple(module.TITLE for module in plugins.load_all("importers"))


def read(text: str) -> tuple[MeasuredKernel, ...]:
    """Kernels of a profile, in the order in which they ran.

    Raises MeasurementError for a format nobody knows, and for a known one that is damaged.
    """
    for module in plugins.load_all("importers"):
        if module.sniff(text):
            kernels: tuple[MeasuredKernel, ...] = module.read(text)
            return kernels
    raise MeasurementError(f"not a profile of a known format; known are {', '.join(formats())}")


def read_file(path: Path) -> tuple[MeasuredKernel, ...]:
    """Kernels of a profile file; raises InputFileError where it cannot be read, else as `read`."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror or error}") from error
    try:
        return read(text)
    except MeasurementError as error:
        raise MeasurementError(f"{path}: {error}") from error


def is_known(path: Path) -> bool:
    """Whether a file is a profile of a known format; False, too, where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return False
    return any(module.sniff(text) for module in plugins.load_all("importers"))
