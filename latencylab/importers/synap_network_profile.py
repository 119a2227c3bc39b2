"""SyNAP's /sys/class/misc/synap/statistics/network_profile: a header line a network, a table row a layer.

Source: synaptics-synap/doc 347bc2c manual/statistics.rst; older drivers print no engine column and call the
last one `type`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from latencylab.errors import MeasurementError
from latencylab.importers._kernel import MeasuredKernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TITLE: Final = "SyNAP network_profile"

# Every layer of the manual's example takes at least 51 us, however small: profiling stops between layers.
FLOOR_S: Final = 51e-6

# The driver's abbreviations; "--" marks a layer that was merged into another and never ran.
ENGINES: Final = {"NN": "nn", "TP": "tp", "SH": "ppu"}
_MERGED: Final = "--"

_NETWORK: Final = re.compile(r"^\s*pid:\s*\d+,.*\blayers:\s*(\d+)\s*$")
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z")
_NUMBERS: Final = ("lyr", "cycle", "time_us", "byte_rd", "byte_wr")


def sniff(text: str) -> bool:
    """Whether the table's header is there."""
    return re.search(r"^\s*\|\s*lyr\s*\|\s*cycle\s*\|", text, re.MULTILINE) is not None


def read(text: str) -> tuple[MeasuredKernel, ...]:
    """Layers that ran, in order; those merged into another (engine `--`) are left out.

    Raises MeasurementError for rows that do not fit the header, for a table cut short (unless `...` marks
    rows as left out), for repeated layers, and for profiles of several networks in one file.
    """
    tables = [lines for lines in _tables(text) if len(lines) > 1]
    if len(tables) != 1:
        raise MeasurementError(f"{TITLE}: {len(tables)} networks with layers; keep the lines of one")
    (_, layers), *lines = tables[0]
    columns = _cells(lines[0][1])
    rows = [_row(number, line, columns) for number, line in lines[1:] if line != "..."]
    is_elided = any(line == "..." for _, line in lines)
    if not is_elided and layers and len(rows) != int(layers):
        raise MeasurementError(
            f"{TITLE}: {layers} layers announced, {len(rows)} found: the file is cut short"
        )
    if len({row["lyr"] for row in rows}) != len(rows):
        raise MeasurementError(f"{TITLE}: a layer occurs twice")
    kernels = tuple(_kernel(row) for row in rows if row.get("ot") != _MERGED)
    if not kernels:
        raise MeasurementError(f"{TITLE}: no layer ran; was profiling enabled when the model was compiled?")
    return kernels


def _tables(text: str) -> Iterator[list[tuple[int, str]]]:
    """Per network: (line number, layers announced or ""), then the numbered lines of its table."""
    table: list[tuple[int, str]] = [(0, "")]
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if network := _NETWORK.match(line):
            yield table
            table = [(number, network[1])]
        elif line.startswith("|") or (line == "..." and len(table) > 1):
            table.append((number, line))
    yield table


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _row(number: int, line: str, columns: list[str]) -> Mapping[str, str]:
    cells = _cells(line)
    row = dict(zip(columns, cells, strict=False))
    if len(cells) != len(columns) or not all(_NUMBER.match(row.get(key, "")) for key in _NUMBERS):
        raise MeasurementError(f"{TITLE}, line {number}: expected {' | '.join(columns)}, found {line!r}")
    return row


def _kernel(row: Mapping[str, str]) -> MeasuredKernel:
    # `name` is the last column; older drivers call it `type`.
    op_type = row.get("name", row.get("type", ""))
    engine = row.get("ot", "")
    return MeasuredKernel(
        index=int(row["lyr"]),
        name=f"{op_type}_{row['lyr']}",
        op_type=op_type,
        engine=ENGINES.get(engine, engine.lower()),
        time_s=int(row["time_us"]) * 1e-6,
        floor_s=FLOOR_S,
        cycles=int(row["cycle"]),
        read_bytes=int(row["byte_rd"]),
        write_bytes=int(row["byte_wr"]),
    )
