"""Reporters: estimates to bytes, a format a file. A reporter builds data, then renders; it opens no file.

`latencylab/reporters/<format>.py` holds
    render(*estimates, view) -> bytes
    suffix: the file suffix that asks for it: the file's name with dots (`trace_json.py` is ".trace.json"),
        except where ALIASES says otherwise
    marker: bytes found in every report of this format and in little else: a file with it may be overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, cast

from latencylab import plugins
from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from latencylab.result import Estimate

# Suffixes that are not spelled like their format.
ALIASES = {".txt": "table", ".markdown": "md"}


@dataclass(frozen=True, slots=True)
class View:
    """What of the result to show, where a format has a choice.

    sort: meta-nodes in execution order, or the slowest first. top: only the N slowest. width: text columns.
    is_summary: one row an estimate instead of one a meta-node. budget_s: the latency that is allowed.
    model: what was profiled, as `pipeline.read` takes it, for formats that write into it; None if unknown.
    """

    sort: Literal["order", "time"] = "order"
    top: int | None = None
    width: int = 160
    color: bool = False
    is_summary: bool = False
    budget_s: float | None = None
    model: str | bytes | None = None


DEFAULT_VIEW = View()


class Reporter(Protocol):
    """What a reporter's module offers."""

    suffix: str
    marker: bytes

    def render(self, *estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
        """Render one or several estimates."""


def formats() -> tuple[str, ...]:
    """Names of the formats, sorted."""
    return plugins.names("reporters")


def load(format_name: str) -> Reporter:
    """Import a reporter. Raises UnknownNameError with the nearest format."""
    return cast("Reporter", plugins.load("reporters", format_name, what="format"))


def format_of(file_name: str) -> str:
    """Name the format that a file's suffix asks for: the longest that fits.

    Raises UnknownNameError if no format has this suffix.
    """
    known = {f".{name.replace('_', '.')}": name for name in formats() if name not in ALIASES.values()}
    known |= ALIASES | {".md": "md"}
    fitting = [suffix for suffix in known if file_name.lower().endswith(suffix)]
    if not fitting:
        raise UnknownNameError("file suffix of", file_name, known)
    return known[max(fitting, key=len)]
