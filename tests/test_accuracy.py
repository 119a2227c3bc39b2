"""docs/accuracy.md is what the evidence and the present code say; its figures are derived as it claims."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evidence.accuracy import baselines, derived, page, study
from latencylab import fitting


def case(
    id_: str, measured: float, predicted: float, macs: int = 0, unseen: float | None = None
) -> study.Case:
    row = fitting.Row(id_, f"zoo:{id_}", "", "d:r", "", "", measured, 1.0, "fit", (), "seen", "")
    left = study.Unseen("plan", id_, unseen, is_foreign=False) if unseen is not None else None
    return study.Case(row, is_fitted=True, macs=macs, predicted_ms=predicted, unseen=left)


@pytest.fixture(scope="module")
def cases() -> tuple[study.Case, ...]:
    return study.cases()


def test_the_page_is_what_the_code_says_now(cases: tuple[study.Case, ...]) -> None:
    expected = page.render(cases, page.DIARY.read_text(encoding="utf-8"))
    assert page.PAGE.read_text(encoding="utf-8") == expected, "run `python -m evidence.accuracy --quick`"


def test_every_row_of_the_evidence_is_on_the_page_once(cases: tuple[study.Case, ...]) -> None:
    text = page.render(cases, "")
    _, every_row = text.split("## Every row\n")
    assert sorted(re.findall(r"^\| `([^`]+)` \|", every_row, re.MULTILINE)) == sorted(c.row.id for c in cases)


def test_every_fitted_row_was_left_out_once_and_no_other(cases: tuple[study.Case, ...]) -> None:
    assert {c.row.id for c in cases if c.unseen} == {c.row.id for c in cases if c.is_fitted}
    ids = [item.id for item in study.read_left_out()]
    assert len(ids) == len(set(ids))


def test_no_row_is_fitted_by_two_plans() -> None:
    fitted = [
        row.id for path in study.plan_files() for row in study.planned(path)[0] if row.role == fitting.FIT
    ]
    assert len(fitted) == len(set(fitted))


def test_the_diary_is_the_end_of_the_page_word_for_word() -> None:
    assert page.render((case("a", 1, 1),), "## Diary\n\nword\n").endswith("\n## Diary\n\nword\n")


def test_the_summary_counts_by_hand() -> None:
    own = (case("a", 10, 11, unseen=12), case("b", 20, 18, unseen=20), case("c", 40, 60, unseen=20))
    (line,) = [x for x in page.render(own, "").splitlines() if x.startswith("| `d:r` | 3 |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:5] == ["3", "23.3 %", "67 %", "1.00"]
    assert cells[5:9] == ["3", "23.3 %", "20.0 %", "50.0 %"]


def test_a_foreign_network_stands_beside() -> None:
    foreign = case("b", 20, 18, unseen=60)
    assert foreign.unseen is not None
    own = (
        case("a", 10, 11, unseen=12),
        replace(foreign, unseen=replace(foreign.unseen, is_foreign=True)),
    )
    text = page.render(own, "")
    assert "| 200.0 % (1) |" in text
    assert "60 † | +200.0 %" in text


def test_the_baselines_by_hand() -> None:
    own = (case("a", 1, 1, macs=100), case("b", 4, 1, macs=100), case("c", 8, 1, macs=400))
    assert baselines.proportional(own[:2], own[2:]) == pytest.approx([8.0])
    line = (case("a", 3, 1, macs=1), case("b", 5, 1, macs=2), case("c", 9, 1, macs=4))
    assert baselines.affine(line[:2], line[2:]) == pytest.approx([9.0])
    assert [ms for _, ms in baselines.left_out(baselines.affine, line)] == pytest.approx([3, 5, 9])
    no_macs = (case("a", 2, 1), case("b", 2, 1))
    assert baselines.proportional(no_macs, no_macs) == [0, 0]
    assert baselines.affine(no_macs, no_macs) == pytest.approx([2, 2])


def test_ratios_by_hand() -> None:
    big, small = case("vs680_synap_offline_x", 10, 10), case("vs640_synap_offline_x", 30, 33)
    small = replace(small, row=fitting.narrowed(small.row, model=big.row.model))
    known = {c.row.id: c for c in (big, small)}
    (check,) = derived.sisters(known)
    assert (check.measured, check.predicted, round(check.error_pct or 0, 6)) == ("3", "3.3", 10.0)
    skips = {
        c.row.id: c
        for c in (case("d8100_nnapi_skip_abpn_x3", 6, 6), case("d8100_nnapi_skip_abpn_m6c40_x3", 8, 9))
    }
    (skip,) = derived.skips(skips)
    assert (skip.measured, skip.predicted) == ("7.00 (6.00 to 8.00)", "7.50 (6.00 to 9.00)")
