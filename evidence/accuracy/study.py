"""What is compared: every row, predicted by the shipped profile and by a fit without its network."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import fitting
from latencylab.fitting import plan as plans
from latencylab.fitting.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from latencylab.fitting import Row

EVIDENCE = Path(__file__).parents[1]
LEFT_OUT = EVIDENCE / "results" / "leave_one_out.csv"
_COLUMNS = ("plan", "id", "predicted_ms", "is_foreign")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Prediction of a row by a fit without its network. is_foreign: it runs what no other network does."""

    plan: str
    id: str
    predicted_ms: float
    is_foreign: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A row and all that is predicted of it. is_fitted: a plan fits to it; unseen: None where none does."""

    row: Row
    is_fitted: bool
    macs: int
    predicted_ms: float
    unseen: Unseen | None

    @property
    def error(self) -> float:
        """Relative error of the shipped profile."""
        return self.predicted_ms / self.row.latency_ms - 1

    @property
    def unseen_error(self) -> float | None:
        """Relative error of the fit without the network."""
        return self.unseen.predicted_ms / self.row.latency_ms - 1 if self.unseen else None


def plan_files() -> tuple[Path, ...]:
    """Every plan."""
    return tuple(sorted((EVIDENCE / "fits").glob("*.toml")))


def planned(path: Path) -> tuple[tuple[Row, ...], tuple[fitting.Parameter, ...]]:
    """Rows and parameters of a plan."""
    plan = plans.read_plan(path)
    rows = plans.rows_of_plan(plan, path)
    return rows, plans.parameters_of_plan(plan, rows)


def cases() -> tuple[Case, ...]:
    """All rows in the order of their files, predicted by the profiles as they are."""
    files = sorted((EVIDENCE / "rows").glob("*.csv"))
    rows = tuple(row for path in files for row in fitting.read_rows(path))
    fitted = {row.id for path in plan_files() for row in planned(path)[0] if row.role == fitting.FIT}
    unseen = {item.id: item for item in read_left_out()}
    predictor = Predictor(rows)
    return tuple(
        Case(row, row.id in fitted, predictor.macs(row), predicted_ms, unseen.get(row.id))
        for row, predicted_ms in zip(rows, predictor.predict_ms({}), strict=True)
    )


def leave_out(path: Path, progress: Callable[[str], None]) -> tuple[Unseen, ...]:
    """Fit a plan once without each network, always from its priors."""
    rows, parameters = planned(path)
    found = fitting.leave_one_network_out(Predictor(rows), parameters, progress=progress)
    return tuple(Unseen(path.stem, out.row.id, out.predicted_ms, out.is_foreign) for out in found)


def read_left_out() -> tuple[Unseen, ...]:
    """What the refits predicted when they were last run; empty before."""
    if not LEFT_OUT.exists():
        return ()
    with LEFT_OUT.open(encoding="utf-8", newline="") as file:
        return tuple(
            Unseen(r["plan"], r["id"], float(r["predicted_ms"]), r["is_foreign"] == "yes")
            for r in csv.DictReader(file)
        )


def write_left_out(found: Iterable[Unseen]) -> None:
    """Keep what the refits predicted: they take minutes."""
    LEFT_OUT.parent.mkdir(exist_ok=True)
    with LEFT_OUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for item in sorted(found, key=lambda item: (item.plan, item.id)):
            cells = (item.plan, item.id, f"{item.predicted_ms:.4g}", "yes" if item.is_foreign else "")
            writer.writerow(cells)


def by_device(found: Iterable[Case]) -> Mapping[str, tuple[Case, ...]]:
    """Cases by device and runtime, in the order of the rows."""
    groups: dict[str, list[Case]] = {}
    for case in found:
        groups.setdefault(case.row.device, []).append(case)
    return {device: tuple(own) for device, own in groups.items()}
