"""How well differences are predicted: the table of docs/ranking.md, from the rows in evidence/rows.

    python -m evidence.differences

For every device and runtime: root mean square of log(predicted / measured), and of its difference d between
two networks, by how alike the two spend their time (`latencylab.ranking.ties.likeness`); last, the
correlation that explains d where they spend it alike, given the sigma of the profile: 1 - d² / (2 sigma²).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from itertools import combinations
from math import log, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import estimate, pipeline
from latencylab.errors import LatencyLabError
from latencylab.ranking.ties import likeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.result import Estimate

HERE = Path(__file__).parent
FILES = ("dolphin.csv", "a733.csv", "dimensity8100.csv", "snapdragon888_gpu.csv", "snapdragon8gen1.csv")
LIKENESS = ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01))
# With fewer networks a root mean square says nothing.
_FEWEST = 5

Residual = tuple[float, "Estimate"]


def residuals() -> dict[str, list[Residual]]:
    """log(predicted / measured) with its estimate, by device and runtime."""
    found: dict[str, list[Residual]] = defaultdict(list)
    for name in FILES:
        with (HERE / "rows" / name).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[f"{row['device']}:{row['runtime']}"] += _residual(row)
    return found


def _residual(row: dict[str, str]) -> Iterator[Residual]:
    """One row's residual; none for a difference of networks, and for graphs not known well enough."""
    if row["minus"] or row["role"] == "report":
        return
    model = row["model"]
    source = model if model.startswith(pipeline.ZOO) else str(HERE / "rows" / model)
    device = f"{row['device']}:{row['runtime']}" if row["runtime"] else row["device"]
    try:
        options = {"layout": row["layout"] or None, "dtype": row["dtype"] or None}
        found = estimate(source, device, **options)
    except LatencyLabError as error:
        print(f"left out: {row['id']}: {error}")  # noqa: T201 - a study's output
        return
    yield log(found.latency_s * 1e3 / float(row["latency_ms"])), found


def _rms(values: Iterable[float]) -> str:
    squares = [value * value for value in values]
    return f"{sqrt(sum(squares) / len(squares)):.2f} ({len(squares)})" if squares else "-"


def main() -> None:
    """Print the table in Markdown; the number of networks, or of pairs, in parentheses."""
    ranges = " | ".join(f"{low:g}-{min(high, 1):g}" for low, high in LIKENESS)
    print(f"| device and runtime | sigma | one value | {ranges} | rho |")  # noqa: T201
    for device, found in residuals().items():
        if len(found) < _FEWEST:
            continue
        pairs = [(a - b, likeness(x, y)) for (a, x), (b, y) in combinations(found, 2)]
        cells = [_rms(value for value, _ in found)]
        cells += [_rms(d for d, c in pairs if low <= c < high) for low, high in LIKENESS]
        sigma = found[0][1].device.sigma_log
        alike = [d * d for d, c in pairs if c >= LIKENESS[-1][0]]
        rho = f"{1 - sum(alike) / len(alike) / (2 * sigma**2):.2f}" if alike else "-"
        print(f"| {device} | {sigma:.2f} | {' | '.join(cells)} | {rho} |")  # noqa: T201


if __name__ == "__main__":
    main()
