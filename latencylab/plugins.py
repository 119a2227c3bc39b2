"""Finds plug-ins (operators, rules, engines, rewrites, reporters, importers, zoo families) by file name.

A folder's modules are its registry: adding a thing is adding a file. Listing imports nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from types import ModuleType


@cache
def names(package: str) -> tuple[str, ...]:
    """Module names in `latencylab.<package>`, sorted; those with a leading underscore are not plug-ins."""
    parent = importlib.import_module(f"latencylab.{package}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(parent.__path__) if not m.name.startswith("_")))


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
