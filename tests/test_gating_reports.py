"""Verdicts as text: JUnit by its schema, GitHub's limits and escapes, Markdown that no name can break."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from latencylab.comparison import Term
from latencylab.gating import Case, Check, Culprit, Place, Verdict
from latencylab.reporters import _gate
from latencylab.reporters._gate import github

if TYPE_CHECKING:
    from latencylab.gating.verdict import Status

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
HOSTILE = "a|b\n::error::x,y%0A\r<script>]]>&\x1b[31m\u202e*`"
MARKER = _gate.MARKERS["md"].decode()


def check(status: Status = "error", name: str = "net", index: int = 0) -> Check:
    return Check(
        "budget",
        "latency_ms",
        Case(f"{name}.onnx", "dolphin_npu"),
        status,
        f"latency of {name} exceeds 40 ms by 25 %",
        Place(f"{name}.toml", 4, f"budget[{index}].latency_ms.max"),
        50.0,
        40.0,
        30.0,
        70.0,
        is_at_risk=True,
        culprits=(Culprit(name, "Conv", "3.2 ms"),),
    )


def verdict(*checks: Check) -> Verdict:
    return Verdict("latencylab.toml", checks, "0.0")


EVERY = verdict(*(check(status) for status in ("ok", "off", "info", "warn", "error")))  # type: ignore[arg-type]


@pytest.mark.parametrize("subject", [EVERY, verdict(check("ok")), verdict(check(name=HOSTILE))])
def test_junit_is_valid(subject: Verdict) -> None:
    text = _gate.render(subject, "junit").decode()
    SCHEMA.validate(text)


def test_the_schema_can_fail() -> None:
    text = _gate.render(EVERY, "junit").decode()
    assert not SCHEMA.is_valid(text.replace(' type="budget"', ""))
    assert not SCHEMA.is_valid(text.replace(' failures="1"', ' failures="one"'))


def test_junit_says_what_the_verdict_says() -> None:
    parsed = JUnitXml.fromstring(_gate.render(EVERY, "junit"))
    (suite,) = parsed
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 0, 1)
    failure = list(suite)[4].result[0]
    assert failure.message == EVERY.of("error")[0].reason


def test_annotations_stand_at_the_line_to_edit_and_are_escaped() -> None:
    lines = _gate.render(verdict(check(name=HOSTILE)), "github").decode().splitlines()
    assert len(lines) == 2
    head = re.fullmatch(r"::error file=([^,:]+),line=4,title=([^,:]+)::(.*)", lines[0])
    assert head is not None
    assert "\\n" in head[1]
    assert "%2C" in head[1]
    assert "%250A" in head[3]
    assert lines[0].count("25 %25") == 1
    # The last line is no command: what is escaped in one would be seen as it is written.
    assert lines[1].startswith("FAILED")
    assert "25 %;" in lines[1]


def test_at_most_ten_annotations_of_a_kind_and_the_rest_is_counted() -> None:
    many = verdict(*(check("error", f"net{i}", i) for i in range(25)), *(check("warn") for _ in range(10)))
    lines = _gate.render(many, "github").decode().splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    warnings = [line for line in lines if line.startswith("::warning")]
    assert (len(errors), len(warnings)) == (10, 10)
    assert errors[-1] == "::error title=latencylab gate::16 more: see the step summary"
    assert lines[-1].startswith("FAILED 25 of 35 checks: net0.onnx")


@given(room=st.integers(min_value=0, max_value=20_000))
def test_a_summary_fits_whatever_room_there_is(room: int) -> None:
    many = verdict(*(check("error", f"net{i}", i) for i in range(40)))
    summary = github.step_summary(many, MARKER, room)
    assert len(summary) <= room
    if summary:
        assert b"FAILED 40 of 40 checks" in summary


def test_a_huge_verdict_fits_the_step_summary() -> None:
    many = verdict(*(check("error", f"net{i}" + "x" * 400, i) for i in range(3000)))
    assert len(_gate.render(many, "md")) > 2**20
    assert 2**19 < len(github.step_summary(many, MARKER)) <= 2**20


def test_markdown_keeps_its_rows_whatever_the_names() -> None:
    text = _gate.render(verdict(check(name=HOSTILE)), "md").decode()
    assert "<script>" not in text
    assert "\x1b" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| ERROR")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_the_last_line_of_the_text_formats_is_the_reason() -> None:
    for name in ("table", "github"):
        assert _gate.render(EVERY, name).decode().splitlines()[-1] == EVERY.last_line
    assert EVERY.last_line in _gate.render(EVERY, "md").decode().splitlines()[-1].replace("\\", "")
    assert json.loads(_gate.render(EVERY, "json"))["reason"] == EVERY.last_line


def test_the_last_line_of_a_pass_counts_what_a_person_should_look_at() -> None:
    passed = verdict(check("ok"), check("warn"), check("off"))
    assert passed.last_line == "PASSED 3 checks, 1 warning, 3 at risk, 1 switched off"
    assert passed.exit_code == 0


def test_the_largest_differences_are_shown_and_the_rest_summed() -> None:
    terms = tuple(Term(f"conv_{i} grew", (i + 1) * 10**9) for i in range(12))
    grown = verdict(replace(check(), differences=terms))
    table = _gate.render(grown, "table").decode()
    assert "   +12.000 ms  conv_11 grew\n" in table
    assert "    +3.000 ms  2 smaller ones\n" in table
    markdown = _gate.render(grown, "md").decode()
    assert "conv\\_0 grew" in markdown
    assert markdown.count("<details>") == markdown.count("</details>") == 1


def test_every_format_has_its_marker() -> None:
    for name in _gate.FORMATS:
        assert _gate.MARKERS[name] in _gate.render(EVERY, name)


def test_the_table_shows_every_check_and_every_finding() -> None:
    text = _gate.render(EVERY, "table", width=100).decode()
    assert [text.count(f"\n{word} ") for word in ("ok", "off", "info", "WARN", "ERROR")] == [1] * 5
    assert all(len(line) <= 100 for line in text.splitlines()[9:-1])
