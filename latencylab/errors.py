"""Every deliberate error.

    LatencyLabError                  exit 2; its text is for the person at the terminal
    ├── ModelError                   exit 3; the model file was read but cannot be analysed
    │   ├── DynamicShapeError        names the free dimensions and shows the option to paste
    │   └── UnsupportedOperatorError only under --strict; lists the operators with their counts
    ├── InputFileError               exit 2; a file is missing, unreadable, a directory, or in the way
    ├── ProfileError                 exit 2; file, key, found, expected: all faults at once
    ├── UnknownNameError             exit 2; device, engine, format, zoo network: with the nearest match
    ├── TilingError                  exit 2; kernel, smallest tile in bytes, scratchpad in bytes
    ├── MeasurementError             exit 2; onnxruntime refused, or the host cannot be measured
    ├── ConfigError                  exit 2; gate file, key, line
    └── ResultError                  exit 2; a saved result that is corrupt or of another schema version

They are caught once, in the click group. A failed gate (exit 1) is a verdict, not an error.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from latencylab.printable import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class LatencyLabError(Exception):
    """Base of all errors a user can cause; `exit_code` is what the process returns."""

    exit_code = 2


class ModelError(LatencyLabError):
    """The model was read but cannot be analysed."""

    exit_code = 3


class DynamicShapeError(ModelError):
    """Inputs have dimensions that are not bound to a number."""

    def __init__(self, free: Mapping[str, Sequence[str | int]]) -> None:
        """`free` maps an input name to its shape, whose free dimensions are strings ("?" where unnamed)."""
        self.free = free
        shapes = "; ".join(f"{name}[{','.join(str(d) for d in shape)}]" for name, shape in free.items())
        super().__init__(f"unbound dimensions in {shapes}: bind them, e.g. {self._example()}")

    def _example(self) -> str:
        if not any("?" in shape for shape in self.free.values()):
            pairs = (pair for shape in self.free.values() for pair in _plausible(shape))
            sizes = {dim: size for dim, size in pairs if isinstance(dim, str)}
            return " ".join(f"--dim {dim}={size}" for dim, size in sizes.items())
        name, shape = next(iter(self.free.items()))
        bound = (d if isinstance(d, int) else size for d, size in _plausible(shape))
        return f"--shape {name}={','.join(map(str, bound))}"


def _plausible(shape: Sequence[str | int]) -> zip[tuple[str | int, int]]:
    """Pair each dimension with a size to show in its place: one image, its channels where they are fixed."""
    is_nhwc = len(shape) == 4 and isinstance(shape[-1], int) and not isinstance(shape[1], int)
    image = (1, 360, 640, 3) if is_nhwc else (1, 3, 360, 640)
    return zip(shape, image if len(shape) == 4 else (1,) * len(shape), strict=True)


class UnsupportedOperatorError(ModelError):
    """Under --strict: operators nobody priced."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        listed = ", ".join(f"{op} x{count}" for op, count in sorted(counts.items()))
        super().__init__(f"unpriced operators: {listed}; drop --strict to price them by their bytes")


class InputFileError(LatencyLabError):
    """A file is missing, unreadable, a directory, or would be overwritten."""


class ProfileError(LatencyLabError):
    """A device profile is invalid; lists every fault at once."""


class UnknownNameError(LatencyLabError):
    """A name that no registry knows, with the nearest one it does. listed_by: a command that shows them."""

    def __init__(self, what: str, name: str, known: Iterable[str], listed_by: str = "") -> None:
        import difflib  # only a mistake pays for it

        self.what, self.name, self.known = what, name, sorted(known)
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        everything = f"known: {listed(self.known, 12) or 'none'}"
        if listed_by:
            everything = f"`{listed_by}` shows all"
        hint = f"did you mean {near[0]!r}?" if near else everything
        super().__init__(f"unknown {what} {name!r}; {hint}")


class TilingError(LatencyLabError):
    """A kernel whose smallest tile does not fit the scratchpad."""

    def __init__(self, kernel: str, smallest_tile_bytes: int, scratchpad_bytes: int) -> None:
        self.kernel = kernel
        self.smallest_tile_bytes = smallest_tile_bytes
        self.scratchpad_bytes = scratchpad_bytes
        super().__init__(
            f"{kernel}: its smallest tile needs {smallest_tile_bytes} bytes, the scratchpad has "
            f"{scratchpad_bytes}: give the profile a larger memory.scratchpad.size_bytes"
        )


class MeasurementError(LatencyLabError):
    """onnxruntime refused the model or its input, or the measurement cannot be trusted at all."""


class ConfigError(LatencyLabError):
    """A gate configuration that cannot be used; names file, key and line."""


class ResultError(LatencyLabError):
    """A saved result that is corrupt or of another schema version."""


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let an error say which of several networks it is about, unless its text does so already."""
    try:
        yield
    except LatencyLabError as error:
        if name not in str(error):
            error.args = (f"{name}: {error}",)
        raise
