"""Entrants: what is ranked, what it is called, and what else a quality file may call it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

Source = str | Path | bytes


@dataclass(frozen=True, slots=True)
class Entrant:
    """A network that takes part, as `pipeline.read` takes it.

    name: the shortest that no other entrant has. aliases: names a quality file may know it by, the most
    specific first: as typed, without `zoo:` and options, its file's name and stem.
    """

    source: str | bytes
    name: str
    aliases: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it may be called."""
        return (self.name, *self.aliases)


def entrants(models: Iterable[Source]) -> tuple[Entrant, ...]:
    """Name the networks; one that is given twice takes part once."""
    sources = tuple(dict.fromkeys(m if isinstance(m, bytes) else str(m) for m in models))
    counts = Counter(map(_short, sources))
    return tuple(_entrant(source, is_unique=counts[_short(source)] == 1) for source in sources)


def _entrant(source: str | bytes, *, is_unique: bool) -> Entrant:
    if isinstance(source, bytes):
        return Entrant(source, pipeline.STDIN, ())
    return Entrant(source, _short(source) if is_unique else source, _aliases(source))


def _short(source: str | bytes) -> str:
    if isinstance(source, bytes):
        return pipeline.STDIN
    is_zoo = source.startswith(pipeline.ZOO)
    return source.removeprefix(pipeline.ZOO) if is_zoo else Path(source).stem


def _aliases(source: str) -> tuple[str, ...]:
    bare = source.removeprefix(pipeline.ZOO)
    path = Path(source)
    return tuple(dict.fromkeys((source, bare, bare.partition("?")[0], path.name, path.stem)))
