"""Where labels stand so that none covers another: geometry alone, in the units of the page."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Directions and distances that are tried, the most readable first: beside, above, below, then around.
_SLANTED: Final = (pi / 4, -pi / 4, 3 * pi / 4, -3 * pi / 4)
_ANGLES: Final = (0.0, pi, pi / 2, -pi / 2, *_SLANTED)
# A level line to a point would be taken for its interval, an upright one for a step of the front.
_FAR_ANGLES: Final = (
    *_SLANTED,
    *(turn * pi / 12 for turn in (4, -4, 8, -8, 2, -2, 10, -10, 5, -5, 7, -7, 6, -6)),
)
_DISTANCES: Final = (1.0, 2.2, 3.6, 5.4, 8.0, 11.0, 15.0, 20.0, 26.0, 33.0)
# From this distance on, in gaps, a label needs a line to its point.
_FAR: Final = 2.0
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its lower left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two share any area."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def lies_within(self, other: Box) -> bool:
        """Whether no part of it is outside the other."""
        return (
            other.x <= self.x
            and other.y <= self.y
            and self.x + self.width <= other.x + other.width
            and self.y + self.height <= other.y + other.height
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line between two places."""

    start: Place
    end: Place

    def cuts(self, box: Box) -> bool:
        """Whether part of it lies inside a box (Liang and Barsky's clipping)."""
        first, last = 0.0, 1.0
        for axis, (low, extent) in enumerate(((box.x, box.width), (box.y, box.height))):
            begin, way = self.start[axis], self.end[axis] - self.start[axis]
            if not way:
                if not low < begin < low + extent:
                    return False
                continue
            shares = sorted(((low - begin) / way, (low + extent - begin) / way))
            first, last = max(first, shares[0]), min(last, shares[1])
        return first < last

    def meets(self, other: Line) -> bool:
        """Whether the two cross."""
        return self._parts(other) and other._parts(self)

    def _parts(self, other: Line) -> bool:
        """Whether the other's ends lie on different sides of this line."""
        return _side(self, other.start) * _side(self, other.end) < 0


def _side(line: Line, place: Place) -> float:
    (x, y), (x_end, y_end) = line.start, line.end
    return (x_end - x) * (place[1] - y) - (y_end - y) * (place[0] - x)


@dataclass(frozen=True, slots=True)
class Label:
    """Where a name stands; leader: the line from its edge to its point, None where it stands close by."""

    box: Box
    leader: Line | None = None


def place(
    points: Sequence[Place],
    sizes: Sequence[Place],
    area: Box,
    gap: float,
    lines: Sequence[Box] = (),
    reserved: Sequence[Box] = (),
) -> tuple[Label | None, ...]:
    """Place a label near each point, inside the area, over no point, nothing reserved and no other label.

    gap: distance between a point and its label, and half the size of a point's mark. lines: what a label
    covers only where there is no other room. A label for which there is no room at all is None; those of the
    first points are placed first. A leader crosses no label, no other point and no other leader.
    """
    marks = [Box(x - gap, y - gap, 2 * gap, 2 * gap) for x, y in points]
    result: list[Label | None] = []
    for point, size, mark in zip(points, sizes, marks, strict=True):
        placed = [label for label in result if label is not None]
        # Where marks cover each other, a leader to one of them cannot but touch the others.
        foreign = [other for other in marks if not other.overlaps(mark)]
        free = (
            label
            for kept_clear in ((*marks, *reserved, *lines), (*marks, *reserved))
            for label in _candidates(point, size, gap)
            if label.box.lies_within(area)
            and not any(map(label.box.overlaps, kept_clear))
            and not (label.leader and any(map(label.leader.cuts, foreign)))
            and not any(_collide(label, other) for other in placed)
        )
        result.append(next(free, None))
    return tuple(result)


def _collide(label: Label, other: Label) -> bool:
    """Whether two labels, with their leaders, are in each other's way."""
    mine, theirs = label.leader, other.leader
    return (
        label.box.overlaps(other.box)
        or (mine is not None and mine.cuts(other.box))
        or (theirs is not None and theirs.cuts(label.box))
        or (mine is not None and theirs is not None and mine.meets(theirs))
    )


def _candidates(point: Place, size: Place, gap: float) -> Iterator[Label]:
    (x, y), (width, height) = point, size
    for distance in _DISTANCES:
        for angle in _FAR_ANGLES if distance > _FAR else _ANGLES:
            # The label's nearest edge is `distance` gaps away from the point's mark.
            reach = gap * (1.3 + distance)
            middle_x = x + cos(angle) * (reach + width / 2)
            middle_y = y + sin(angle) * (reach + height / 2)
            box = Box(middle_x - width / 2, middle_y - height / 2, width, height)
            yield Label(box, _leader(box, point, gap) if distance > _FAR else None)


def _leader(box: Box, point: Place, short: float) -> Line:
    """From the nearest place of a box towards a point, so much short of it: leaders to a crowd stay apart."""
    x, y = min(max(point[0], box.x), box.x + box.width), min(max(point[1], box.y), box.y + box.height)
    share = min(1.0, short / max(short, hypot(x - point[0], y - point[1])))
    return Line((x, y), (point[0] + share * (x - point[0]), point[1] + share * (y - point[1])))
