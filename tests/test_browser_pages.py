"""The pages of rank, compare and crosscheck in a real browser: as good as that of profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from in_chromium import SCHEMES, assert_axe_finds_nothing, column, draw, pixels, zooms
from large_results import hostile
from other_pages import QUALITY, a_comparison, a_crosscheck, a_ranking

from latencylab.comparison import compare
from latencylab.reporters import _checked, _compare, _rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

CHARTS = {
    "rank": ("scatter", "latency"),
    "compare": ("changes", "totals", "by-kind", "r0-timeline", "r1-network"),
    "crosscheck": ("scatter", "errors", "parts"),
}


@pytest.fixture(scope="session")
def pages() -> dict[str, bytes]:
    return {
        "rank": _rank.render(a_ranking(), "html"),
        "compare": _compare.render(a_comparison(), "html"),
        "crosscheck": _checked.render(a_crosscheck(), "html"),
    }


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn_and_has_its_table(
    open_page: Callable[..., Tab], pages: dict[str, bytes], name: str
) -> None:
    tab = open_page(pages[name])
    for section in CHARTS[name]:
        draw(tab, section)
        colors = pixels(tab, section).getcolors(maxcolors=2**24)
        assert len(colors) >= 8
        assert 0.2 < max(count for count, _ in colors) / sum(count for count, _ in colors) < 0.995
        assert tab.locator(f"#{section} .twin").count() == 1
        assert (tab.locator(f"#{section} .chart").get_attribute("aria-label") or "").endswith(".")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", CHARTS)
def test_axe_finds_nothing(
    open_page: Callable[..., Tab], pages: dict[str, bytes], name: str, scheme: str
) -> None:
    tab = open_page(pages[name], color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for section in CHARTS[name]:
        draw(tab, section)
    assert_axe_finds_nothing(tab)


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_wider_than_a_narrow_screen(
    open_page: Callable[..., Tab], pages: dict[str, bytes], name: str
) -> None:
    tab = open_page(pages[name], viewport={"width": 360, "height": 740})
    for section in CHARTS[name]:
        draw(tab, section)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_names_cover_neither_points_nor_each_other(
    open_page: Callable[..., Tab], pages: dict[str, bytes]
) -> None:
    """Also after zooming: the names are seated anew."""
    tab = open_page(pages["rank"])
    draw(tab, "scatter")
    for least in (len(QUALITY) - 1, 1):
        boxes = seated(tab)
        assert len(boxes) >= least
        for i, box in enumerate(boxes):
            assert not any(_overlap(box, other) for other in boxes[i + 1 :])
        tab.locator("#scatter button[data-move=in]").click()
        for _ in range(4):  # to the fast end, where there are networks whatever the profile
            tab.locator("#scatter button[data-move=back]").click()
        tab.wait_for_timeout(100)
    assert zooms(tab, "scatter")[0] != [0, 100]


def seated(tab: Tab) -> list[list[float]]:
    """Left, top, right and bottom of every name that is drawn in the scatter."""
    found: list[list[float]] = tab.evaluate(
        "() => charts.getInstanceByDom(document.querySelector('#scatter .chart')).getZr().storage"
        ".getDisplayList().filter((shape) => shape.style.text?.endsWith('_x3')).map((shape) => {"
        "  const box = shape.getBoundingRect().clone(); box.applyTransform(shape.transform);"
        "  return [box.x, box.y, box.x + box.width, box.y + box.height]; }).filter(([x]) => x > 0)"
    )
    return found


def _overlap(a: list[float], b: list[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_the_band_and_the_line_of_a_crosscheck_are_where_they_should_be(
    open_page: Callable[..., Tab], pages: dict[str, bytes]
) -> None:
    """Both axes show the same range, and the edges of the band are 10 % away from the line."""
    tab = open_page(pages["crosscheck"])
    draw(tab, "scatter")
    ranges = tab.evaluate(
        "() => { const model = charts.getInstanceByDom(document.querySelector('#scatter .chart')).getModel();"
        "return ['xAxis', 'yAxis'].map((name) => model.getComponent(name).axis.scale.getExtent()); }"
    )
    assert ranges[0] == pytest.approx(ranges[1])
    option = tab.evaluate("() => JSON.parse(document.getElementById('data').textContent).sections[0].chart")
    (line,), (band,) = option["lines"], option["bands"]
    assert all(x == y for x, y in line["points"])
    assert sorted({round(y / x, 6) for x, y in band["points"]}) == [0.9, 1.1]


def test_a_comparison_shows_what_differs_and_lists_everything(
    open_page: Callable[..., Tab], pages: dict[str, bytes]
) -> None:
    tab = open_page(pages["compare"])
    draw(tab, "changes")
    differences = [float(text) for text in column(tab, "changes", "difference ms")]
    assert 0.0 in differences
    comparison = a_comparison()
    expected = (comparison.head.latency_s - comparison.base.latency_s) * 1e3
    assert sum(differences) == pytest.approx(expected, abs=1e-2)
    drawn = tab.evaluate(
        "() => charts.getInstanceByDom(document.querySelector('#changes .chart'))"
        ".getOption().yAxis[0].data.length"
    )
    assert drawn == sum(value != 0 for value in differences)


def test_hostile_names_are_inert(open_page: Callable[..., Tab]) -> None:
    comparison = compare(hostile(), hostile())
    tab = open_page(_compare.render(comparison, "html"))
    draw(tab, "totals")
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img").count() == 0
