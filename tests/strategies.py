"""Hypothesis strategies: random small networks of the operators of super-resolution networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

    from latencylab.graph import Graph

CHANNELS = 4
SIZE = 6


def _branches(sketch: Sketch, x: str, _other: str) -> str:
    """XLSR's head: convolutions side by side, joined."""
    return sketch.concat(*(sketch.op("Relu", sketch.conv(x, CHANNELS)) for _ in range(2)))


def _groups(sketch: Sketch, x: str, _other: str) -> str:
    """A grouped convolution in disguise."""
    return sketch.concat(*(sketch.conv(part, 2) for part in sketch.split(x, 2, 2)))


def _shuffle(sketch: Sketch, x: str, _other: str) -> str:
    """Pixel shuffle as exporters spell it, folded back so that every map keeps its shape."""
    split, moved, end = (1, 1, 2, 2, SIZE, SIZE), (1, 1, SIZE, 2, SIZE, 2), (1, 1, 2 * SIZE, 2 * SIZE)
    x = sketch.op("Reshape", x, sketch.integers(*split), shape=split)
    x = sketch.op("Transpose", x, shape=moved, perm=(0, 1, 4, 2, 5, 3))
    x = sketch.op("Reshape", x, sketch.integers(*end), shape=end)
    return sketch.op("SpaceToDepth", x, shape=(1, CHANNELS, SIZE, SIZE), blocksize=2)


def _bounded(sketch: Sketch, x: str, _other: str) -> str:
    return sketch.op("Max", sketch.op("Min", x, sketch.number(6)), sketch.number(0))


def _binary(sketch: Sketch, x: str, _other: str) -> str:
    y = sketch.conv(sketch.op("Sign", x), CHANNELS, bias=False, sign=True)
    return sketch.op("Mul", y, sketch.constant(1, CHANNELS, 1, 1))


GROWTH: tuple[Callable[[Sketch, str, str], str], ...] = (
    lambda s, x, _: s.conv(x, CHANNELS),
    lambda s, x, _: s.conv(x, CHANNELS, kernel=1, bias=False),
    lambda s, x, _: s.op("Relu", x),
    lambda s, x, _: s.op("Clip", x, s.number(0), s.number(1)),
    lambda s, x, _: s.op("PRelu", x, s.constant(CHANNELS, 1, 1)),
    lambda s, x, y: s.op("Add", x, y),
    lambda s, x, y: s.conv(s.concat(x, y), CHANNELS),
    lambda s, x, _: s.conv(s.concat(x, x), CHANNELS),
    lambda s, x, _: s.op("Add", x, s.constant(1, CHANNELS, 1, 1)),
    lambda s, x, _: s.op("Mul", x, s.op("Sigmoid", x)),
    lambda s, x, _: s.normalized(x),
    lambda s, x, _: s.conv(_branches(s, x, x), CHANNELS),
    _groups,
    _shuffle,
    _bounded,
    _binary,
)


@st.composite
def networks(draw: DrawFn, steps: int = 9) -> Graph:
    """A random network on maps of one shape; each step reads any two of the maps before it."""
    sketch = Sketch()
    maps = [sketch.image(1, CHANNELS, SIZE, SIZE)]
    for _ in range(draw(st.integers(1, steps))):
        grow = draw(st.sampled_from(GROWTH))
        # The newest map most of the time: chains are what rules look for.
        x, other = draw(st.sampled_from([maps[-1], maps[-1], *maps])), draw(st.sampled_from(maps))
        maps.append(grow(sketch, x, other))
    return sketch.graph()
