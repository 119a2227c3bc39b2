"""TensorFlow Lite's benchmark_model with --enable_op_profiling and --profiling_output_csv_file.

The file holds several tables, each behind a title. Read is the first `Run Order` of the regular runs: what
the interpreter ran, a delegate counting as one node. The columns are those of TensorFlow's
tsl/util/stats_calculator.cc; newer releases have no `start`.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from latencylab.errors import MeasurementError
from latencylab.importers._kernel import MeasuredKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE: Final = "TensorFlow Lite benchmark_model CSV"

_REGULAR: Final = "Operator-wise Profiling Info for Regular Benchmark Runs"
_RUN_ORDER: Final = "= Run Order ="
_FIRST, _LAST = "node type", "name"
_NEEDED: Final = {_FIRST, "avg_ms", "times called", _LAST}


def sniff(text: str) -> bool:
    """Whether the title of the regular runs and a run order are there."""
    return _REGULAR in text and _RUN_ORDER in text


def read(text: str) -> tuple[MeasuredKernel, ...]:
    """Nodes of the primary graph in the order in which they ran; times are per inference.

    Raises MeasurementError for the table printed for people, for rows that do not fit the header, and where
    no node ran.
    """
    lines = _run_order(text)
    number, header = next(lines, (0, ""))
    columns = [column.strip() for column in header.split(",")]
    if not set(columns) >= _NEEDED:
        raise MeasurementError(
            f"{TITLE}, line {number}: no columns {', '.join(sorted(_NEEDED))}; "
            "run benchmark_model with --profiling_output_csv_file=FILE"
        )
    kernels = tuple(_kernel(index, *line, columns) for index, line in enumerate(lines))
    if not kernels:
        raise MeasurementError(f"{TITLE}: no node ran")
    return kernels


def _run_order(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of the table: its header, then its rows up to the empty line."""
    lines = iter(enumerate(text.splitlines(), 1))
    for title in (_REGULAR, _RUN_ORDER):
        next((line for _, line in lines if title in line), None)
    for number, line in lines:
        if not line.strip():
            return
        yield number, line.strip()


def _kernel(index: int, number: int, line: str, columns: list[str]) -> MeasuredKernel:
    # Commas in names are written as tabs; those in a delegate's node types are not: cut from the right.
    cells = [cell.strip() for cell in line.rsplit(",", len(columns) - 1)]
    if len(cells) != len(columns):
        raise MeasurementError(f"{TITLE}, line {number}: expected {', '.join(columns)}, found {line!r}")
    row = dict(zip(columns, cells, strict=True))
    milliseconds, calls = (_number(row[key], key, number) for key in ("avg_ms", "times called"))
    op_type = row[_FIRST]
    return MeasuredKernel(
        index=index,
        name=row[_LAST].replace("\t", ","),
        op_type=op_type,
        engine=op_type if "Delegate" in op_type else "cpu",
        # The average is that of one call.
        time_s=milliseconds * calls * 1e-3,
    )


def _number(cell: str, column: str, number: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise MeasurementError(f"{TITLE}, line {number}: {column} is {cell!r}, expected a number from 0")
    return value
