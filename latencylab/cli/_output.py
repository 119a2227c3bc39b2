"""Where results go: stdout, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import reporters
from latencylab.cli._progress import progress
from latencylab.cli._terminal import terminal
from latencylab.errors import InputFileError

if TYPE_CHECKING:
    from latencylab.reporters import View
    from latencylab.result import Estimate


@dataclass(frozen=True, slots=True)
class Output:
    """What is written where. It is checked when made, before any work is done.

    files: (path, format). stdout: a format, or None for nothing.
    Raises UnknownNameError for an unknown format or suffix, InputFileError for a file that may not be.
    """

    files: tuple[tuple[Path, str], ...]
    stdout: str | None
    force: bool

    @classmethod
    def asked(cls, format_name: str | None, outputs: tuple[str, ...], *, force: bool) -> Output:
        """Build it from the options --format, -o and --force."""
        files = tuple((Path(name), reporters.format_of(name)) for name in outputs)
        stdout = format_name or (None if files else "table")
        for name in (stdout, *(name for _, name in files)):
            if name is not None:
                reporters.load(name)
        for path, name in files:
            check_writable(path, marker=reporters.load(name).marker, force=force)
        return cls(files, stdout, force)

    def write(self, estimates: tuple[Estimate, ...], view: View) -> None:
        """Render everything, then write everything: a reporter that fails leaves nothing behind."""
        rendered: list[tuple[Path, bytes]] = []
        with progress("writing", len(self.files) + 1) as begin:
            for path, name in self.files:
                begin(f"writing {path}")
                rendered.append((path, reporters.load(name).render(*estimates, view=view)))
            begin("writing")
            text = reporters.load(self.stdout).render(*estimates, view=view) if self.stdout else b""
        for path, content in rendered:
            write_atomically(path, content)
            terminal().note(f"wrote {path}")
        write_stdout(text)


def write_stdout(content: bytes) -> None:
    """Write bytes to stdout as they are, whatever the terminal's encoding."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(content.decode())
    else:
        sys.stdout.flush()
        buffer.write(content)
    sys.stdout.flush()


def check_writable(path: Path, *, marker: bytes | None, force: bool) -> None:
    """Refuse what cannot be written, and what is neither empty nor a report of ours (has no `marker`).

    Raises InputFileError.
    """
    if path.is_dir():
        raise InputFileError(f"cannot write {path}: it is a directory")
    if not path.parent.is_dir():
        raise InputFileError(f"cannot write {path}: there is no folder {path.parent}")
    if force or not path.is_file() or path.stat().st_size == 0:
        return
    if marker is None or marker not in path.read_bytes():
        raise InputFileError(f"{path} exists and is no report of latencylab; --force overwrites it")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step; what is no regular file (a pipe, /dev/null) is written into."""
    # Asked of the path itself: /dev/stdout leads to a pipe that has no path.
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
