"""Where labels stand so that none covers another: geometry alone, in the units of the page."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Directions and distances that are tried, the most readable first: beside, above, below, then around.
_ANGLES: Final = (0.0, pi, pi / 2, -pi / 2, pi / 4, -pi / 4, 3 * pi / 4, -3 * pi / 4)
_DISTANCES: Final = (1.0, 2.2, 3.6, 5.4, 8.0)


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


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    area: Box,
    gap: float,
    obstacles: Sequence[Box] = (),
    lines: Sequence[Box] = (),
) -> tuple[Box | None, ...]:
    """Place a label near each point, inside the area, over no point, no obstacle and no other label.

    gap: distance between a point and its label, and half the size of a point's mark. lines: what a label may
    cover where there is no other room. A label for which there is none at all is None; those of the first
    points are placed first.
    """
    marks = [*obstacles, *(Box(x - gap, y - gap, 2 * gap, 2 * gap) for x, y in points)]
    placed: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        taken = [*marks, *(box for box in placed if box is not None)]
        inside = [box for box in _candidates(point, size, gap) if box.lies_within(area)]
        free = [box for box in inside if not any(map(box.overlaps, taken))]
        clear = (box for box in free if not any(map(box.overlaps, lines)))
        placed.append(next(clear, free[0] if free else None))
    return tuple(placed)


def _candidates(point: tuple[float, float], size: tuple[float, float], gap: float) -> Iterator[Box]:
    (x, y), (width, height) = point, size
    for distance in _DISTANCES:
        for angle in _ANGLES:
            # The label's nearest edge is `distance` gaps away from the point's mark.
            reach = gap * (1.3 + distance)
            middle_x = x + cos(angle) * (reach + width / 2)
            middle_y = y + sin(angle) * (reach + height / 2)
            yield Box(middle_x - width / 2, middle_y - height / 2, width, height)
