"""What GitHub Actions shows: annotations at the line to edit, and a step summary.

Its limits, from docs.github.com (workflow commands; usage limits): ten annotations of a kind a step, a step
summary of at most 1 MiB. What does not fit is counted, not dropped in silence.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab.printable import printable
from latencylab.reporters._gate.markdown import render as markdown
from latencylab.units import BYTES_PER_MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.gating import Check, Verdict
    from latencylab.gating.verdict import Status

MOST_OF_A_KIND: Final = 10
_COMMANDS: Final[tuple[tuple[Status, str], ...]] = (
    ("error", "error"),
    ("warn", "warning"),
    ("info", "notice"),
)


def workflow_commands(verdict: Verdict, root: str | None = None) -> str:
    """Return workflow commands, one a line, and the verdict as the last line.

    root: the folder of the repository, which GitHub counts paths from; default: the working folder.
    """
    # The verdict is plain text, and begins with a word: no name in it can begin a command.
    return "\n".join([*_annotations(verdict, root), printable(verdict.last_line)]) + "\n"


def _annotations(verdict: Verdict, root: str | None) -> Iterator[str]:
    for status, command in _COMMANDS:
        checks = verdict.of(status)
        shown = checks if len(checks) <= MOST_OF_A_KIND else checks[: MOST_OF_A_KIND - 1]
        yield from (_annotation(command, check, root) for check in shown)
        if len(shown) < len(checks):
            left = len(checks) - len(shown)
            yield f"::{command} title=latencylab gate::{left} more: see the step summary"


def _annotation(command: str, check: Check, root: str | None) -> str:
    title = _escaped_property(f"latencylab gate: {check.what}")
    file = Path(os.path.relpath(check.place.file, root)).as_posix() if root else check.place.file
    place = f"file={_escaped_property(file)},line={check.place.line}"
    return f"::{command} {place},title={title}::{escaped_data(check.reason)}"


def escaped_data(text: str) -> str:
    """Escape a message as actions/toolkit does, so that no name in a network can end it."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return escaped_data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(verdict: Verdict, marker: str, room_bytes: int = BYTES_PER_MIB) -> bytes:
    """Return Markdown that fits; where the whole does not, the beginning and how much was left out."""
    whole = markdown(verdict, marker).encode("utf-8", errors="backslashreplace")
    if len(whole) <= room_bytes:
        return whole
    end = f"\n\n… cut to fit; {printable(verdict.last_line)}\n".encode("utf-8", errors="backslashreplace")
    lines, used = [], len(end)
    for line in whole.split(b"\n"):
        used += len(line) + 1
        if used > room_bytes:
            break
        lines.append(line)
    return b"\n".join(lines) + end if used and len(end) <= room_bytes else b""
