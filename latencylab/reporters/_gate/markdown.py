"""The gate's Markdown: for a pull request's comment and for the step summary of GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from latencylab.reporters._gate import rows
from latencylab.reporters.md import escaped

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
    align = ["right" if numeric else "left" for numeric in rows.NUMERIC]
    cells = [[escaped(cell) for cell in row] for row in rows.rows(verdict)]
    yield str(tabulate(cells, rows.HEADERS, tablefmt="pipe", colalign=align, disable_numparse=True))
    yield f"**{escaped(verdict.last_line)}**"


def _details(check: Check) -> str:
    """Fold away what changed, meta-node by meta-node."""
    cells = [(ms, escaped(name)) for ms, name in rows.differences(check)]
    table = tabulate(
        cells, ("ms", "meta-node"), tablefmt="pipe", colalign=("right", "left"), disable_numparse=True
    )
    title = f"<summary>{escaped(str(check.case))}, meta-node by meta-node</summary>"
    return f"<details>{title}\n\n{table}\n\n</details>"
