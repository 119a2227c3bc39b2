"""Verdicts of the gate to bytes, a format a file: table, JSON, Markdown, JUnit, GitHub annotations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from latencylab.gating import Verdict

FORMATS: Final = ("table", "json", "md", "junit", "github")
SUFFIXES: Final = {".txt": "table", ".json": "json", ".md": "md", ".xml": "junit"}
# Bytes found in every report of a format and in little else: a file with them may be overwritten.
MARKERS: Final = {
    "table": b"gate by latencylab",
    "json": b'"kind": "latencylab gate"',
    "md": b"<!-- gate by latencylab -->",
    "junit": b'<testsuites name="latencylab gate"',
    "github": b"::",
}


def render(verdict: Verdict, format_name: str, *, width: int = 160, root: str | None = None) -> bytes:
    """Render a verdict in one of FORMATS.

    width: text columns, of the table. root: the repository's folder, which GitHub counts paths from.
    """
    if format_name == "json":
        text = json.dumps(verdict.as_dict(), indent=2, sort_keys=True) + "\n"
    elif format_name == "junit":
        from latencylab.reporters._gate import junit

        return junit.render(verdict)
    elif format_name == "github":
        from latencylab.reporters._gate import github

        text = github.workflow_commands(verdict, root)
    elif format_name == "md":
        from latencylab.reporters._gate import markdown

        text = markdown.render(verdict, MARKERS["md"].decode())
    else:
        from latencylab.reporters._gate import table

        text = table.render(verdict, width, MARKERS["table"].decode())
    return text.encode("utf-8", errors="backslashreplace")
