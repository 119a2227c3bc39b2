"""Which kernel of one network is which of another: an alignment that sees through renames and insertions.

Two kernels may correspond if they are of one kind. Among all order-preserving correspondences the one with
the highest score wins (Needleman and Wunsch, 1970, with free gaps). A shape counts more than a name, because
exporters number the nodes: one inserted layer renames all that follow. What the alignment leaves over has
perhaps moved: it is paired by name, if kind and name say so without doubt.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray

    from latencylab.comparison.part import Part

# Points of a pair of one kind. Kind alone must count, or a layer that only grew would have no partner; the
# neighbours' kinds tell two otherwise equal layers apart where one was put between them.
_KIND: Final = 8
_SHAPE: Final = 8
_MACS: Final = 4
_NAME: Final = 3
_ENGINE: Final = 1
_NEIGHBOUR: Final = 1
# The alignment's table takes four bytes a cell, several times over.
_MOST_CELLS: Final = 16_000_000

Pair = tuple[int | None, int | None]


def match(base: Sequence[Part], head: Sequence[Part]) -> tuple[Pair, ...]:
    """Pair the kernels of two networks, every one once: (index in base, index in head), None = no partner.

    Pairs come in the order of `head`; a kernel that vanished stands where it used to be.
    """
    start = _common_prefix(base, head)
    end = _common_prefix(base[start:][::-1], head[start:][::-1])
    inner_base, inner_head = range(start, len(base) - end), range(start, len(head) - end)
    pairs: list[Pair] = [(index, index) for index in range(start)]
    inner = _aligned([base[i] for i in inner_base], [head[i] for i in inner_head])
    pairs += [(_shifted(b, start), _shifted(h, start)) for b, h in inner]
    pairs += [(len(base) - end + i, len(head) - end + i) for i in range(end)]
    return tuple(_with_moved(pairs, base, head))


def _common_prefix(base: Sequence[Part], head: Sequence[Part]) -> int:
    """Count the leading kernels that are the same: trimming them makes small changes cheap to find."""
    count = 0
    for one, other in zip(base, head, strict=False):
        if (one.kind, one.name, one.shape, one.macs) != (other.kind, other.name, other.shape, other.macs):
            break
        count += 1
    return count


def _shifted(index: int | None, offset: int) -> int | None:
    return None if index is None else index + offset


def _aligned(base: Sequence[Part], head: Sequence[Part]) -> list[Pair]:
    """Align two sequences by dynamic programming, a row at a time; traced back from the end."""
    if len(base) * len(head) > _MOST_CELLS:
        return _by_name(base, head)
    scores = _scores(base, head)
    best = np.zeros((len(base) + 1, len(head) + 1), dtype=np.int32)
    for row in range(len(base)):
        paired = best[row, :-1] + scores[row]
        # Skipping kernels of `head` is free: the best up to here is a running maximum.
        np.maximum.accumulate(np.maximum(best[row, 1:], paired), out=best[row + 1, 1:])
    return _traced(best, scores)


def _by_name(base: Sequence[Part], head: Sequence[Part]) -> list[Pair]:
    """Pair by kind and name alone, the n-th with the n-th: what is left for networks too large to align."""
    known = {key: index for index, key in enumerate(_numbered(base))}
    pairs: list[Pair] = [(known.pop(key, None), index) for index, key in enumerate(_numbered(head))]
    return pairs + [(index, None) for index in known.values()]


def _numbered(parts: Sequence[Part]) -> list[tuple[str, str, int]]:
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for part in parts:
        seen[part.kind, part.name] += 1
        keys.append((part.kind, part.name, seen[part.kind, part.name]))
    return keys


def _traced(best: NDArray[np.int32], scores: NDArray[np.int32]) -> list[Pair]:
    pairs: list[Pair] = []
    row, column = scores.shape
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1
            pairs.append((None, column))
        elif best[row, column] == best[row - 1, column]:
            row -= 1
            pairs.append((row, None))
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    pairs += [(None, index) for index in reversed(range(column))]
    pairs += [(index, None) for index in reversed(range(row))]
    return pairs[::-1]


def _scores(base: Sequence[Part], head: Sequence[Part]) -> NDArray[np.int32]:
    """Score every pair; 0 where the kinds differ, which the alignment never chooses."""
    total = np.full((len(base), len(head)), _KIND, dtype=np.int32)
    for weight, key in _KEYS:
        total += weight * _equal(base, head, key)
    for step in (-1, 1):
        total += _NEIGHBOUR * _equal_keys(_neighbours(base, step), _neighbours(head, step))
    return total * _equal(base, head, lambda part: part.kind)


_KEYS: Final[tuple[tuple[int, Callable[[Part], Hashable]], ...]] = (
    (_SHAPE, lambda part: part.shape),
    (_MACS, lambda part: part.macs),
    (_NAME, lambda part: part.name),
    (_ENGINE, lambda part: part.engine),
)


def _neighbours(parts: Sequence[Part], step: int) -> list[Hashable]:
    count = len(parts)
    return [parts[i + step].kind if 0 <= i + step < count else None for i in range(count)]


def _equal(base: Sequence[Part], head: Sequence[Part], key: Callable[[Part], Hashable]) -> NDArray[np.int32]:
    return _equal_keys([key(part) for part in base], [key(part) for part in head])


def _equal_keys(base: list[Hashable], head: list[Hashable]) -> NDArray[np.int32]:
    codes: dict[Hashable, int] = {}
    left = np.array([codes.setdefault(key, len(codes)) for key in base], dtype=np.int32)
    right = np.array([codes.setdefault(key, len(codes)) for key in head], dtype=np.int32)
    return np.equal.outer(left, right).astype(np.int32)


def _with_moved(pairs: list[Pair], base: Sequence[Part], head: Sequence[Part]) -> list[Pair]:
    """Join a vanished and an appeared kernel of one kind and one name, if no other has these."""
    gone = {(base[b].kind, base[b].name): b for b, h in pairs if b is not None and h is None}
    new = {(head[h].kind, head[h].name): h for b, h in pairs if h is not None and b is None}
    counts = Counter((part.kind, part.name) for part in (*base, *head))
    moved = {key for key in gone.keys() & new.keys() if counts[key] == 2}
    sources = {new[key]: gone[key] for key in moved}
    left_over = set(sources.values())
    return [
        (sources.get(h, b) if h is not None else b, h)
        for b, h in pairs
        if h is not None or b not in left_over
    ]
