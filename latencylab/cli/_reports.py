"""Reports that are no estimates: verdicts, rankings, comparisons; files are checked first, written last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latencylab.cli._output import check_writable, write_atomically, write_stdout
from latencylab.cli._progress import progress
from latencylab.cli._terminal import terminal
from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Files = tuple[tuple[Path, str], ...]


def files_of(
    outputs: tuple[str, ...], suffixes: Mapping[str, str], markers: Mapping[str, bytes], *, force: bool
) -> Files:
    """Return path and format of every -o, before any work is done.

    Raises UnknownNameError for a suffix no format has, InputFileError for a file that may not be written.
    """
    files = []
    for path in map(Path, outputs):
        format_name = suffixes.get(path.suffix.lower())
        if format_name is None:
            raise UnknownNameError("file suffix of", path.name, suffixes)
        check_writable(path, marker=markers[format_name], force=force)
        files.append((path, format_name))
    return tuple(files)


def write_reports(files: Files, format_name: str | None, render: Callable[[str], bytes]) -> str | None:
    """Render everything, then write everything; returns the format written to stdout, None for nothing."""
    shown = format_name or (None if files else "table")
    rendered: list[tuple[Path, bytes]] = []
    with progress("writing", len(files) + 1) as begin:
        for path, name in files:
            begin(f"writing {path}")
            rendered.append((path, render(name)))
        begin("writing")
        text = render(shown) if shown else b""
    for path, content in rendered:
        write_atomically(path, content)
        terminal().note(f"wrote {path}")
    write_stdout(text)
    return shown
