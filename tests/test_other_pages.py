"""The pages of rank, compare and crosscheck as plain data: complete, and of the same parts as profile's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from other_pages import a_comparison, a_crosscheck, a_ranking

from latencylab.comparison import compare
from latencylab.ranking import rank
from latencylab.reporters import (
    _checked,
    _checked_page,
    _compare,
    _compare_page,
    _page,
    _rank,
    _rank_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.reporters._page import Page, Section
    from latencylab.result import Estimate

PAGES: dict[str, Callable[[], Page]] = {
    "rank": lambda: _rank_page.page(a_ranking()),
    "compare": lambda: _compare_page.page(a_comparison()),
    "crosscheck": lambda: _checked_page.page(a_crosscheck()),
}
KEYS = ("label", "value", "color", "x", "y", "low", "high", "weight")


def section_of(page: Page, name: str) -> Section:
    (found,) = (section for section in page.sections if section.id == name)
    return found


def column_of(section: Section, key: str) -> list[object]:
    assert section.table
    index = [column.key for column in section.table.columns].index(key)
    return [row[index] for row in section.table.rows]


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_a_chart_of_its_table(name: str) -> None:
    page = PAGES[name]()
    charted = [section for section in page.sections if section.chart]
    assert len(charted) >= 2
    for section in charted:
        assert section.chart
        assert section.table
        keys = {column.key for column in section.table.columns}
        options = section.chart.options
        named = {options[key] for key in KEYS if key in options}
        assert named | set(section.shown) | set(options.get("told", ())) <= keys
        assert set(options.get("tones", ())) >= set(
            column_of(section, options["color"]) if "tones" in options else ()
        ) - {"same"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_how_far_to_trust_it_and_where_it_comes_from(name: str) -> None:
    page = PAGES[name]()
    (trust,) = (s for s in page.sections if s.title == "How far to trust this" and not s.id.startswith("r"))
    assert trust.notes or trust.table
    assert any("sha256" in line for line in page.footer)
    assert page.figures[0].value
    ids = [section.id for section in page.sections]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "content",
    [
        lambda: _rank.render(a_ranking(), "html"),
        lambda: _compare.render(a_comparison(), "html"),
        lambda: _checked.render(a_crosscheck(), "html"),
    ],
    ids=PAGES,
)
def test_a_page_is_one_small_file_that_may_be_overwritten(content: Callable[[], bytes]) -> None:
    page = content()
    assert page == content()
    assert _page.MARKER in page
    assert page.count(b"<script") == 3
    assert len(page) <= 1.6e6


def test_a_ranking_names_the_first_and_who_is_tied_with_it() -> None:
    ranking = rank(["zoo:abpn_x3", "zoo:xlsr_x3", "zoo:espcn_x3"], ("dolphin_npu", "dimensity8100_npu"))
    page = _rank_page.page(ranking)
    assert [section.title for section in page.contents][: len(ranking.devices)] == list(ranking.devices)
    for i, device in enumerate(ranking.devices):
        group = ranking.on(device)
        tied = [c.name for c in group[1:] if group[0].name in c.tied_with]
        assert f"{group[0].name} comes first on {device}" in page.lead
        table = section_of(page, f"d{i}-scatter")
        standing = dict(zip(map(str, column_of(table, "name")), column_of(table, "standing"), strict=True))
        assert [name for name, text in standing.items() if text == "first or tied with it"] == [
            group[0].name,
            *tied,
        ]


def test_the_front_of_a_page_is_that_of_the_ranking() -> None:
    ranking = a_ranking()
    scatter = section_of(PAGES["rank"](), "scatter")
    assert scatter.chart
    (line,) = scatter.chart.options["lines"]
    front = ranking.front(ranking.devices[0])
    assert [y for _, y in line["points"]] == [candidate.quality_db for candidate in front]
    assert [x for x, _ in line["points"]] == pytest.approx([candidate.latency_ms for candidate in front])


def test_the_differences_of_a_comparison_add_up() -> None:
    comparison = a_comparison()
    differences = column_of(section_of(PAGES["compare"](), "changes"), "difference_ms")
    expected_ms = (comparison.head.latency_s - comparison.base.latency_s) * 1e3
    assert sum(map(float, map(str, differences))) == pytest.approx(expected_ms, abs=1e-5)


@pytest.mark.parametrize(("factor", "tone"), [(2.0, "bad"), (0.5, "good"), (1.0, "plain")])
def test_slower_is_bad_and_faster_is_good(an_estimate: Estimate, factor: float, tone: str) -> None:
    head = replace(an_estimate, latency_s=factor * an_estimate.latency_s)
    assert _compare_page.page(compare(an_estimate, head)).figures[0].tone == tone


def test_a_crosscheck_says_how_far_off_it_is() -> None:
    found = a_crosscheck()
    page = PAGES["crosscheck"]()
    assert found.agreement
    assert page.figures[0].value == f"{100 * found.agreement.mape:.1f} %"
    worst = max(found.models, key=lambda model: abs(model.error))
    assert worst.name.partition("?")[0] in page.lead
    errors = column_of(section_of(page, "errors"), "error")
    assert errors == pytest.approx([model.error for model in found.models], abs=1e-6)
    names = column_of(section_of(page, "scatter"), "name")
    assert not any("?" in str(name) for name in names), "what all have in common is said once"
    assert "height=45, width=80" in page.facts


def test_a_number_stays_with_its_unit() -> None:
    assert _page.unbroken("43 % of 1.2 ms, 3 MB") == "43\u00a0% of 1.2\u00a0ms, 3\u00a0MB"
