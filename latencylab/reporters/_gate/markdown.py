"""The gate's Markdown: for a pull request's comment and for the step summary of GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.reporters._columns import Field
from latencylab.reporters._gate import rows
from latencylab.reporters.md import escaped, piped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.gating import Check, Verdict


def render(verdict: Verdict, marker: str) -> str:
    """Render the verdict, the findings, and one row a check."""
    return "\n\n".join(_blocks(verdict, marker)) + "\n"


def _blocks(verdict: Verdict, marker: str) -> Iterator[str]:
    yield marker
    yield f"## Latency gate: {'passed' if verdict.passed else 'failed'}"
    found = [f"- **{check.status}**: {escaped(check.reason)}" for check in rows.findings(verdict)]
    if found:
        yield "\n".join(found)
    for check in rows.findings(verdict):
        if check.differences:
            yield _details(check)
    yield piped(rows.FIELDS, rows.rows(verdict))
    yield f"**{escaped(verdict.last_line)}**"


def _details(check: Check) -> str:
    """Fold away what changed, meta-node by meta-node."""
    table = piped((Field("ms", "number"), Field("meta-node")), rows.differences(check))
    title = f"<summary>{escaped(str(check.case))}, meta-node by meta-node</summary>"
    return f"<details>{title}\n\n{table}\n\n</details>"
