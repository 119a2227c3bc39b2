"""Finds plug-ins (operators, rules, engines, rewrites, reporters, importers, zoo families) by file name.

A folder's modules are its registry: adding a thing is adding a file. Listing imports nothing.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from typing import TYPE_CHECKING

from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@cache
def names(package: str) -> tuple[str, ...]:
    """Module names in `latencylab.<package>`, sorted; those with a leading underscore are not plug-ins."""
    parent = importlib.import_module(f"latencylab.{package}")
    # Not pkgutil: its import alone costs as much as `--help` may spend on ten folders.
    return tuple(sorted(name for path in parent.__path__ for name in _modules(path)))


def _modules(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        is_package = entry.is_dir() and os.path.exists(f"{entry.path}/__init__.py")  # noqa: PTH110 - pathlib is slow to load
        if not entry.name.startswith("_") and (is_package or entry.name.endswith(".py")):
            yield entry.name.removesuffix(".py")


def load(package: str, name: str, *, what: str | None = None) -> ModuleType:
    """Import `latencylab.<package>.<name>`.

    Raises UnknownNameError, naming the nearest plug-in, if the folder has no such file; `what` is the word
    for the kind of thing in that message (default: the folder's name without a plural s).
    """
    known = names(package)
    if name not in known:
        raise UnknownNameError(what or package.rstrip("s"), name, known)
    return importlib.import_module(f"latencylab.{package}.{name}")


def load_all(package: str) -> tuple[ModuleType, ...]:
    """Import every plug-in of a folder, in name order."""
    return tuple(load(package, name) for name in names(package))
