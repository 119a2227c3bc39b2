"""Rows: measured facts as `calibrate` reads them from a CSV, each a network on a device under a runtime."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.device.faults import nearest
from latencylab.errors import ConfigError, InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FIT: Final = "fit"
REPORT: Final = "report"
NEEDED: Final = ("id", "model", "device", "latency_ms")
COLUMNS: Final = (
    *(
        "id",
        "model",
        "minus",
        "network",
        "meta_node",
        "device",
        "runtime",
        "layout",
        "dtype",
        "latency_ms",
        "weight",
    ),
    *("role", "set", "status", "source", "note"),
)
_SCALE = re.compile(r"_x\d+$")
# Comments, and Excel's word for the separator.
_SKIPPED = re.compile(r"#|sep=")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact.

    id: unique in a calibration. model: `zoo:NAME` or a path. minus: a second model, whose time latency_ms is
    without. device: NAME or NAME:RUNTIME. layout, dtype: "" = the runtime's own. weight: in a fit.
    role: FIT, or REPORT (compared, never fitted). overrides: parameters that hold for this row alone.
    meta_node: where only one kernel of the model was timed, its name. status, source, note: how it is known.
    """

    id: str
    model: str
    minus: str
    device: str
    layout: str
    dtype: str
    latency_ms: float
    weight: float
    role: str
    overrides: tuple[tuple[str, float], ...]
    status: str
    source: str
    meta_node: str = ""
    note: str = ""
    family: str = ""

    @property
    def network(self) -> str:
        """What is left out together: a network at every scale and size, on whatever device.

        `family`, where a row states it; else the model without options and scale.
        """
        return self.family or _SCALE.sub("", self.model.partition("?")[0])


def narrowed(row: Row, **changes: object) -> Row:
    """A row with other fields."""
    return replace(row, **changes)  # type: ignore[arg-type]


def read_rows(path: Path) -> tuple[Row, ...]:
    """Rows of a CSV; lines that begin with # are comments. A model's path may be relative to the file.

    What spreadsheets write is read too: semicolons or tabs between cells, a `sep=` line, a byte order mark,
    empty columns at the end.

    Raises InputFileError if it cannot be read, ConfigError naming file, line and column of the first fault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = tuple(_row(path, line, record) for line, record in _records(path, text))
    except OSError as error:
        raise InputFileError(f"cannot read rows {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a CSV of rows: not UTF-8 text at byte {error.start}") from error
    except csv.Error as error:
        raise ConfigError(f"{path}: not a CSV of rows: {error}") from error
    if not rows:
        raise ConfigError(f"{path}: no row in it; needed: a header with {', '.join(NEEDED)}, then rows")
    require_distinct(rows, str(path))
    return rows


def require_distinct(rows: Sequence[Row], where: str) -> None:
    """Raise ConfigError if two rows share an id: a report could not tell them apart."""
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise ConfigError(f"{where}: id {row.id!r} stands for two rows")
        seen.add(row.id)


def _records(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Numbered records behind the header; comments and empty lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    rows = ([cell.strip() for cell in row] for row in reader if any(row) and not _SKIPPED.match(row[0]))
    header = next(rows, [])
    while header and not header[-1]:
        header.pop()
    _check_header(path, header)
    for cells in rows:
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise ConfigError(f"{path}:{reader.line_num}: found {len(cells)} cells, expected {len(header)}")
        yield reader.line_num, dict(zip(header, cells, strict=False))


def _separator(text: str) -> str:
    """What stands between the cells of the header: spreadsheets use semicolons where commas are decimal."""
    header = next((line for line in text.splitlines() if line.strip() and not _SKIPPED.match(line)), "")
    return max(",;\t", key=header.count)


def _check_header(path: Path, header: Sequence[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            raise ConfigError(f"{path}: unknown column {name!r}{nearest(name, COLUMNS)}")
        if header.count(name) > 1:
            raise ConfigError(f"{path}: two columns are called {name!r}")
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; needed: {', '.join(NEEDED)}")


def _row(path: Path, line: int, record: Mapping[str, str]) -> Row:
    where = f"{path}:{line}"
    for name in ("id", "model", "device"):
        if not record[name]:
            raise ConfigError(f"{where}: {name}: found nothing, expected a name")
    runtime, role = record.get("runtime"), record.get("role") or FIT
    _check(where, "role", role, (FIT, REPORT), "fit or report")
    _check(where, "layout", record.get("layout"), ("nchw", "nhwc"), "nchw or nhwc")
    _check(where, "dtype", record.get("dtype"), dtypes.DEPLOYABLE, "an element type")
    return Row(
        id=record["id"],
        model=_beside(path, record["model"]),
        minus=_beside(path, record.get("minus", "")),
        device=f"{record['device']}:{runtime}" if runtime else record["device"],
        layout=record.get("layout", ""),
        dtype=record.get("dtype", ""),
        latency_ms=_number(where, "latency_ms", record["latency_ms"]),
        weight=_number(where, "weight", record.get("weight") or "1"),
        role=role,
        overrides=tuple(_overrides(where, record.get("set", ""))),
        status=record.get("status", ""),
        source=record.get("source", ""),
        meta_node=record.get("meta_node", ""),
        note=record.get("note", ""),
        family=record.get("network", ""),
    )


def _check(where: str, column: str, found: str | None, known: Sequence[str], what: str) -> None:
    if found and found not in known:
        raise ConfigError(f"{where}: {column}: found {found!r}, expected {what}{nearest(found, known)}")


def _beside(path: Path, model: str) -> str:
    """A model's file relative to the CSV where there is one, else as written."""
    is_file = bool(model) and not model.startswith("zoo:") and (path.parent / model).is_file()
    return str(path.parent / model) if is_file else model


def _number(where: str, column: str, text: str) -> float:
    try:
        # Python would read 1_000.
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        hint = " with a decimal point" if "," in text else ""
        raise ConfigError(f"{where}: {column}: found {text!r}, expected a number above zero{hint}")
    return value


def _overrides(where: str, text: str) -> Iterator[tuple[str, float]]:
    for item in filter(None, text.split(";")):
        key, _, value = item.partition("=")
        try:
            yield key.strip(), float(value)
        except ValueError:
            raise ConfigError(f"{where}: set: found {item!r}, expected path=number") from None
