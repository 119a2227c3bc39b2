"""Progress on stderr: a line that appears once a command takes longer than people wait without asking."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from latencylab.cli._terminal import terminal
from latencylab.printable import printable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

_PATIENCE_S: Final = 1.0
_MOST_LETTERS: Final = 60


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Yield what is told the name of each of `total` steps as it begins; None: nobody knows how many.

    Nothing is shown, nor rich imported, where stderr is no terminal, under -q, or in the first second.
    """
    if terminal().verbosity < 0 or not sys.stderr.isatty():
        yield lambda _: None
        return
    line = _Line(what, total, is_colored=terminal().uses_color(sys.stderr))
    timer = threading.Timer(_PATIENCE_S, line.show)
    timer.daemon = True
    timer.start()
    try:
        yield line.step
    finally:
        timer.cancel()
        timer.join()
        line.close()


class _Line:
    """Counts steps from the start; is drawn from the moment it is shown, by a thread of rich's own."""

    def __init__(self, what: str, total: int | None, *, is_colored: bool) -> None:
        self._what, self._total, self._is_colored = what, total, is_colored
        self._begun = 0
        self._shown: tuple[Progress, TaskID] | None = None
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        """Begin the next step; those before it are done."""
        with self._lock:
            self._what = shorten(printable(name), _MOST_LETTERS)
            self._begun += 1
            if self._shown:
                bars, task = self._shown
                bars.update(task, description=self._what, completed=self._begun - 1)

    def show(self) -> None:
        """Draw the line from now on."""
        from rich import progress as bars
        from rich.console import Console

        count = (bars.BarColumn(), bars.MofNCompleteColumn()) if self._total and self._total > 1 else ()
        columns = (bars.SpinnerColumn(), bars.TextColumn("{task.description}", markup=False), *count)
        console = Console(stderr=True, no_color=not self._is_colored)
        with self._lock:
            drawn = bars.Progress(*columns, bars.TimeElapsedColumn(), console=console, transient=True)
            task = drawn.add_task(self._what, total=self._total, completed=max(0, self._begun - 1))
            drawn.start()
            self._shown = drawn, task

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shown[0].stop()
