"""What `latencylab devices check` looks at: a profile under every runtime, and every name mentioned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.device.faults import described
from latencylab.device.overlay import chain, resolve, runtime_names, with_runtime
from latencylab.device.registry import chosen_runtime, find, split_runtime
from latencylab.device.validation import inspected
from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from pathlib import Path


def check(name_or_path: str | Path) -> tuple[str, ...]:
    """List every fault of a profile under each of its runtimes, or the one spelled; () if there is none.

    A file that cannot be read or parsed is one fault; nothing is raised.
    """
    name, asked = split_runtime(str(name_or_path))
    try:
        layers = chain(find(name), find)
        runtimes = (chosen_runtime(layers, asked),) if asked else runtime_names(layers)
    except LatencyLabError as error:
        return (str(error),)
    found: dict[str, None] = {}
    for runtime in runtimes or (None,):
        _, faults = inspected(resolve(layers, runtime), layers)
        found.update(dict.fromkeys(described(faults, with_runtime(layers, runtime))))
    return tuple(found)
