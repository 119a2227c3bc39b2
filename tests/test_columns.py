"""Tables that fit: nothing is wider than asked, and nothing that matters is lost on the way."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from synthetic_host import measurement

from latencylab import device, pipeline
from latencylab.measurement import dumps
from latencylab.printable import listed
from latencylab.reporters._columns import Field, aligned, paragraph

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = (
    Field("rank", "number"),
    Field("network", "name"),
    Field("predicted ms", "number"),
    Field("why", "text"),
    Field("DRAM MB", "number", is_spare=True),
)
LONG = "a sentence about this network that says more than any column has room for, and then some"
ROW = ("1=", "models/super_resolution_x3_candidate_final.onnx", "12.3", LONG, "4.5")


def test_where_there_is_room_a_row_is_a_line() -> None:
    head, rule, row = aligned(FIELDS, [ROW], 200).splitlines()
    assert re.split(r" {2,}", head.strip()) == [field.header for field in FIELDS]
    assert set(rule) == {"-", " "}
    assert re.split(r" {2,}", row.strip()) == list(ROW)


def test_text_wraps_in_its_column_while_that_can_be_read() -> None:
    lines = aligned(FIELDS, [ROW], 120).splitlines()
    start, end = lines[0].index("why"), lines[0].index("DRAM")
    assert " ".join(line[start:end].strip() for line in lines[3:]) == LONG


def test_below_its_row_text_says_what_it_is_and_a_dash_says_nothing() -> None:
    lines = aligned(FIELDS, [ROW, (*ROW[:3], "-", "6")], 90).splitlines()
    assert "why" not in lines[0]
    (first, *below, last) = lines[3:]
    assert " ".join(line.strip() for line in below) == f"why: {LONG}"
    assert (first[-3:], last[-3:]) == ("4.5", "  6")


def test_names_lose_their_middle_before_a_column_goes() -> None:
    narrow = aligned(FIELDS, [ROW], 60)
    assert "models/super" in narrow
    assert "final.onnx" in narrow
    assert "4.5" in narrow
    assert "4.5" not in aligned(FIELDS, [ROW], 36)


def test_no_rows_are_headers_alone() -> None:
    assert len(aligned(FIELDS, [], 80).splitlines()) == 2


@given(
    st.lists(st.tuples(*[st.text("ab -/", max_size=60)] * len(FIELDS)), max_size=4),
    st.integers(min_value=60, max_value=200),
)
def test_only_numbers_may_be_wider_than_asked(rows: list[tuple[str, ...]], width: int) -> None:
    short = [(a[:4], b, c[:8], d, e[:7]) for a, b, c, d, e in rows]
    assert all(len(line) <= width for line in aligned(FIELDS, short, width).splitlines())


def test_a_paragraph_hangs_below_its_bullet() -> None:
    first, *others = paragraph(f"• {LONG}", 40).splitlines()
    assert first.startswith("• a sentence")
    assert all(re.match("  [a-z]", line) for line in others)


QUALITY = "model,psnr_db\nabpn_x3,30.22\nxlsr_x3,30.10\nimdn_rtc_x3,30.3\n"
WARNING = f"busy machine: {LONG}"
CHECKED = [f"zoo:{name}?height=24&width=32" for name in ("abpn_x3", "xlsr_x3", "espcn_x3")]
SIZED = [f"zoo:{name}?height=36&width=64" for name in ("abpn_x3", "xlsr_x3", "imdn_rtc_x3")]


@pytest.mark.parametrize("columns", [80, 120, 160])
@pytest.mark.parametrize(
    "arguments",
    [
        ("rank", *SIZED, "-d", "dolphin_npu", "-d", "dimensity8100_npu"),
        ("rank", *SIZED, "--quality", "psnr.csv"),
        ("compare", *SIZED[:2]),
        ("compare", *SIZED[:2], "-d", "dolphin_npu", "-d", "dimensity8100_npu"),
        ("advise", SIZED[0], "-d", "dimensity8100_npu", "-v"),
        ("crosscheck", *CHECKED, "--measured", "measured.json"),
        ("crosscheck", *CHECKED, "--measured", "measured.json", "--all"),
        ("measure", CHECKED[0], "--from", "measured.json"),
        ("devices", "list"),
        ("zoo", "list"),
    ],
)
def test_what_commands_print_fits_the_terminal(
    arguments: tuple[str, ...], columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "psnr.csv").write_text(QUALITY)
    profile = device.load("onnxruntime_cpu")
    found = [replace(measurement(pipeline.read(m), profile), warnings=(WARNING,)) for m in CHECKED]
    (tmp_path / "measured.json").write_text(dumps(found))
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, COLUMNS=str(columns))
    assert result.exit_code == 0, result.stderr
    assert [line for line in result.stdout.splitlines() if len(line) > columns] == []


def test_a_long_list_is_counted() -> None:
    assert listed(["a", "b", "c"], 3) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"], 3) == "a, b, c and 2 more"
    assert listed([], 3) == ""
