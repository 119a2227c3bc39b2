"""One thing wrong with a profile, and how it is said: file, key, found, expected, nearest valid name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latencylab.device.overlay import OWN_KEYS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from latencylab.device.overlay import Layer

_SHOWN_CHARACTERS = 60
_SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """The key's path, and what was found and expected there."""

    key: tuple[str, ...]
    text: str


def described(faults: Iterable[Fault], layers: tuple[Layer, ...], name: str = "profile") -> tuple[str, ...]:
    """Say each fault once, as `file: key: text`, with the file and the key as they were written."""
    return tuple(dict.fromkeys(_described(fault, layers, name) for fault in faults))


def nearest(found: str, known: Iterable[str]) -> str:
    """Hint at the nearest known name, else at the first few."""
    names = tuple(known)
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    if near:
        return f", did you mean {near[0]!r}?"
    more = ", ..." if len(names) > _SHOWN_NAMES else ""
    return f" (one of {', '.join(names[:_SHOWN_NAMES])}{more})" if names else ""


def shown(value: object) -> str:
    """Show a found value on one short line, without control characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _described(fault: Fault, layers: tuple[Layer, ...], name: str) -> str:
    if not layers:
        return ": ".join(filter(None, (name, _dotted(fault.key), fault.text)))
    layer = _origin(fault.key, layers)
    # A runtime's title and version are written without the `runtime` they end up in.
    key = fault.key[1:] if layer.prefix and fault.key[:1] == ("runtime",) else fault.key
    return f"{layer.path}: {layer.prefix}{_dotted(key)}: {fault.text}"


def unknown(key: tuple[str, ...], found: object, known: Collection[str], what: str) -> Iterator[Fault]:
    """Yield a fault where a name stands that is not among the known ones; what: "an engine"."""
    if isinstance(found, str) and found not in known:
        yield Fault(key, f"found {shown(found)}, expected {what}{nearest(found, known)}")


def _dotted(key: tuple[str, ...]) -> str:
    return ".".join(part if part.isprintable() else repr(part) for part in key)


def _origin(key: tuple[str, ...], layers: tuple[Layer, ...]) -> Layer:
    """Find the last layer that holds the key; where none does, the last file that holds most of its path.

    A family leaves to the devices that extend it what it does not say: it is never to blame for that. A name
    or a title is the profile's own, whatever those that it extends are called.
    """
    if key[:1] and key[0] in OWN_KEYS:
        return [layer for layer in layers if not layer.prefix][-1]

    def rank(item: tuple[int, Layer]) -> tuple[int, bool, int]:
        position, layer = item
        depth = _depth(layer.tables, key)
        if depth < len(key) and layer.path.name.startswith("_"):
            depth = -1
        return depth, depth == len(key) or not layer.prefix, position

    return max(enumerate(layers), key=rank)[1]


def _depth(tables: Mapping[str, Any], key: tuple[str, ...]) -> int:
    """Count how many parts of a path a layer holds."""
    node: Any = tables
    for depth, part in enumerate(key):
        if not isinstance(node, dict) or part not in node:
            return depth
        node = node[part]
    return len(key)
