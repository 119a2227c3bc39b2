"""An estimate in a notebook: a small table in HTML, and a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.reporters import View, _page, csv
from latencylab.reporters import _rows as rows

if TYPE_CHECKING:
    from pandas import DataFrame

    from latencylab.result import Estimate

_MOST_ROWS = 30


def fragment(estimate: Estimate) -> str:
    """Return static HTML: the headline, the slowest meta-nodes in execution order, what must be noticed."""
    view = View(top=_MOST_ROWS)
    table = rows.kernel_table(estimate, view)
    return _page.template("notebook.html.j2").render(
        facts=[" · ".join(line) for line in rows.header_facts(estimate)],
        totals=rows.total_lines(estimate),
        warnings=rows.loud_lines(estimate),
        headers=list(zip(table.headers, table.numeric, strict=True)),
        rows=[list(zip(row, table.numeric, strict=True)) for row in table.rows],
        hidden=len(estimate.kernels) - len(table.rows),
    )


def frame(estimate: Estimate) -> DataFrame:
    """Return a row a kernel, with the columns of the CSV format; the index is the kernel's."""
    import pandas as pd

    found = pd.DataFrame(csv.rows(estimate), columns=list(csv.columns()))
    return found.set_index("index")
