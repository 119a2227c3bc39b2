"""The HTML report in a real browser: Debian's Chromium, headless. Run by `make test-browser`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from in_chromium import SCHEMES, assert_axe_finds_nothing, brightness, column, draw, pixels, zooms
from large_results import HOSTILE, hostile, large

import latencylab
from latencylab.reporters import View, _page, html
from latencylab.reporters._page import Chart, Column, Page, Section, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

    from latencylab.result import Estimate

pytestmark = pytest.mark.browser

CHARTS = ("advice", "timeline", "meta-nodes", "kinds", "engines", "roofline", "network")


@pytest.fixture(scope="session")
def abpn() -> Estimate:
    return latencylab.estimate("zoo:abpn_x3", "dolphin_npu", advice=True)


@pytest.fixture(scope="session")
def page(abpn: Estimate) -> bytes:
    return html.render(abpn)


@pytest.mark.parametrize("section", CHARTS)
def test_a_chart_is_drawn_and_described(open_page: Callable[..., Tab], page: bytes, section: str) -> None:
    tab = open_page(page)
    draw(tab, section)
    colors = pixels(tab, section).getcolors(maxcolors=2**24)
    background = max(count for count, _ in colors)
    assert len(colors) >= 8
    assert 0.2 < background / sum(count for count, _ in colors) < 0.995
    label = tab.locator(f"#{section} .chart").get_attribute("aria-label")
    assert label
    assert label.endswith(".")
    assert tab.locator(f"#{section} .twin").count() == 1


@pytest.mark.parametrize("section", ["timeline", "roofline", "network"])
def test_zoom_changes_the_axes_and_can_be_undone(
    open_page: Callable[..., Tab], page: bytes, section: str
) -> None:
    tab = open_page(page)
    draw(tab, section)
    before = zooms(tab, section)
    tab.locator(f"#{section} button[data-move=in]").click()
    closer = zooms(tab, section)
    assert closer[0][1] - closer[0][0] == pytest.approx((before[0][1] - before[0][0]) / 2)
    tab.locator(f"#{section} button[data-move=forward]").click()
    assert zooms(tab, section)[0][0] > closer[0][0]
    tab.locator(f"#{section} button[data-move=reset]").click()
    assert zooms(tab, section)[0] == [0, 100]


def test_bars_that_are_all_in_view_have_no_buttons(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page)
    assert tab.locator("#meta-nodes button[data-move]").count() == 0


def test_the_result_stands_on_a_scale_and_as_a_bar_of_kinds(
    open_page: Callable[..., Tab], abpn: Estimate
) -> None:
    tab = open_page(html.render(abpn, view=View(budget_s=0.012)))
    edges = {
        name: tab.locator(f"#gauge .{name}").evaluate("element => element.getBoundingClientRect().left")
        for name in ("band", "value", "limit")
    }
    assert edges["band"] < edges["value"] < edges["limit"]
    parts = tab.locator("#strip > span")
    kinds = {kernel.kind for kernel in abpn.kernels if kernel.latency_s}
    assert parts.count() == len(kinds)
    widths = parts.evaluate_all("parts => parts.map(part => part.clientWidth)")
    assert widths == sorted(widths, reverse=True)
    shuffling_s = sum(kernel.latency_s for kernel in abpn.kernels if kernel.kind == "DepthToSpace")
    share_pct = 100 * shuffling_s / sum(kernel.latency_s for kernel in abpn.kernels)
    said = tab.locator("#strip").get_attribute("aria-label") or ""
    assert f"DepthToSpace {share_pct:.1f} %" in said
    tab.locator("#scheme").click()
    assert parts.count() == len(kinds)


def test_the_wheel_zooms_only_with_the_control_key(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page)
    draw(tab, "timeline")
    tab.locator("#timeline .chart").hover(position={"x": 500, "y": 90})
    tab.mouse.wheel(0, -200)
    assert zooms(tab, "timeline")[0] == [0, 100]
    draw(tab, "timeline")
    tab.locator("#timeline .chart").hover(position={"x": 500, "y": 90})
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, -200)
    tab.keyboard.up("Control")
    tab.wait_for_timeout(200)
    start, end = zooms(tab, "timeline")[0]
    assert end - start < 100


def test_a_table_sorts_and_filters(open_page: Callable[..., Tab], page: bytes, abpn: Estimate) -> None:
    tab = open_page(page)
    draw(tab, "meta-nodes")
    expected = [f"{kernel.latency_s * 1e3:,.3f}" for kernel in abpn.kernels]
    assert column(tab, "meta-nodes", "ms") == expected
    header = tab.locator("#meta-nodes th", has_text="ms").nth(1)
    header.get_by_role("button").click()
    descending = [float(text) for text in column(tab, "meta-nodes", "ms")]
    assert descending == sorted(descending, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(tab, "meta-nodes", "ms")] == sorted(descending)
    tab.locator("#meta-nodes input").fill("DEPTH")
    assert column(tab, "meta-nodes", "kind") == ["DepthToSpace"]
    assert "1 of 1 rows" in (tab.locator("#meta-nodes [role=status]").text_content() or "")


def test_the_sums_of_the_table_are_those_of_the_result(
    open_page: Callable[..., Tab], page: bytes, abpn: Estimate
) -> None:
    tab = open_page(page)
    draw(tab, "meta-nodes")
    headers = tab.locator("#meta-nodes th").all_text_contents()
    sums = dict(zip(headers, tab.locator("#meta-nodes tfoot td").all_text_contents(), strict=True))
    whole_s = sum(kernel.latency_s for kernel in abpn.kernels)
    assert float(sums["ms"].replace(",", "")) == pytest.approx(whole_s * 1e3, abs=1e-3)
    assert sums["%"] == "100.0"
    megabytes = sum(kernel.dram_bytes for kernel in abpn.kernels) / 1e6
    assert float(sums["DRAM"].removesuffix(" MB")) == pytest.approx(megabytes, rel=5e-3)


def test_the_scheme_themes_page_and_charts(open_page: Callable[..., Tab], page: bytes) -> None:
    seen = {}
    for scheme in SCHEMES:
        tab = open_page(page, color_scheme=scheme)
        draw(tab, "kinds")
        background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        seen[scheme] = (background, brightness(pixels(tab, "kinds")))
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] > 180
    assert seen["dark"][1] < 90
    tab.locator("#scheme").click()
    tab.wait_for_timeout(200)
    assert brightness(pixels(tab, "kinds")) > 180


def test_a_click_and_the_keyboard_open_the_details(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page)
    draw(tab, "network")
    box = tab.locator("#network .chart").bounding_box()
    assert box
    x, y = tab.evaluate(
        "id => { const chart = charts.getInstanceByDom(document.querySelector(`#${id} .chart`));"
        "const place = chart.getOption().series[1].data[3];"
        "return chart.convertToPixel({xAxisIndex: 0, yAxisIndex: 0}, place); }",
        "network",
    )
    tab.mouse.click(box["x"] + x, box["y"] + y)
    assert tab.locator("dialog[open] h2").text_content() == "conv_1"
    assert "1×28×360×640" in (tab.locator("dialog[open]").text_content() or "")
    tab.keyboard.press("Escape")
    assert tab.locator("dialog[open]").count() == 0
    draw(tab, "meta-nodes")
    button = tab.get_by_role("button", name="concat_0").first
    button.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("dialog[open] h2").text_content() == "concat_0"
    tab.keyboard.press("Escape")
    assert button.evaluate("element => element === document.activeElement")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(open_page: Callable[..., Tab], page: bytes, scheme: str) -> None:
    tab = open_page(page, color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for section in CHARTS:
        draw(tab, section)
    assert_axe_finds_nothing(tab)
    tab.get_by_role("button", name="concat_0").first.click()
    assert_axe_finds_nothing(tab)


def test_hostile_names_are_inert(open_page: Callable[..., Tab]) -> None:
    tab = open_page(html.render(hostile()))
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for section in CHARTS:
        draw(tab, section)
        tab.locator(f"#{section} .chart").hover(position={"x": 300, "y": 60})
        tab.wait_for_timeout(50)
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img").count() == 0
    assert column(tab, "meta-nodes", "meta-node")[:2] == list(HOSTILE[:2])
    tab.get_by_role("button", name=HOSTILE[0]).first.click()
    assert tab.locator("dialog[open] h2").text_content() == HOSTILE[0]


def test_the_policy_stops_a_foreign_script(browser: Browser, page: bytes, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(
        page.replace(b"</body>", b"<script>window.hacked=1</script><img src='https://example.org/x'></body>")
    )
    tab = browser.new_page()
    heard: list[str] = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.goto(path.as_uri())
    assert tab.evaluate("window.hacked") is None
    assert sum("Content Security Policy" in text for text in heard) == 2
    tab.close()


def test_nothing_is_wider_than_a_narrow_screen(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page, viewport={"width": 360, "height": 740})
    for section in CHARTS:
        draw(tab, section)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_charts_have_the_width_of_the_paper(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page, color_scheme="dark")
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = tab.locator("canvas").evaluate_all("all => all.map(canvas => canvas.clientWidth)")
    assert len(widths) == len(CHARTS)
    assert max(widths) <= 186 / 25.4 * 96, "A4 without its margins"
    assert brightness(pixels(tab, "kinds")) > 180, "on white"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("#kinds canvas").evaluate("canvas => canvas.clientWidth") > max(widths)


def test_on_paper_there_are_tables_and_no_controls(open_page: Callable[..., Tab], page: bytes) -> None:
    tab = open_page(page)
    tab.emulate_media(media="print")
    assert tab.pdf(format="A4").startswith(b"%PDF")
    assert not tab.locator("nav").is_visible()
    assert not tab.locator(".toolbar").first.is_visible()
    assert tab.locator("#roofline tbody tr").count() == tab.locator("#meta-nodes tbody tr").count() > 1
    assert tab.locator("#roofline tbody tr").first.is_visible()


def test_several_results_stand_side_by_side(open_page: Callable[..., Tab], abpn: Estimate) -> None:
    other = latencylab.estimate("zoo:espcn_x3", "dolphin_npu")
    tab = open_page(html.render(abpn, other))
    for section in ("totals", "by-kind", "r0-timeline", "r1-network"):
        draw(tab, section)
    assert column(tab, "totals", "ms") == [f"{e.latency_s * 1e3:,.3f}" for e in (abpn, other)]


def test_five_thousand_nodes_are_usable(open_page: Callable[..., Tab]) -> None:
    """Loads in 3 s; on a machine that is slow to draw one bar, in proportion to that."""
    table = Table("t", (Column("name", "name"), Column("ms", "ms", "ms")), (("one", 1.0),))
    chart = Chart("bars", "One bar.", {"label": "name", "value": "ms"})
    smallest = _page.render(Page("small", sections=(Section("s", "small", chart=chart, table=table),)))
    reference_s = _load_s(open_page, smallest, "s")[1]
    tab, took_s = _load_s(open_page, html.render(large(5000)), "timeline")
    start = time.perf_counter()
    draw(tab, "network")
    network_s = time.perf_counter() - start
    figures = f"one bar {reference_s:.2f} s, 5,000 nodes {took_s:.2f} s, their network {network_s:.2f} s"
    assert took_s < max(3.0, 10 * reference_s), figures
    assert network_s < max(3.0, 10 * reference_s), figures
    tab.locator("#network button[data-move=in]").click()
    draw(tab, "meta-nodes")
    first = zooms(tab, "meta-nodes")[0]
    tab.locator("#meta-nodes button[data-move=forward]").click()
    assert zooms(tab, "meta-nodes")[0][0] > first[0], "five thousand bars are not all in view"
    tab.locator("#meta-nodes input").scroll_into_view_if_needed()
    tab.locator("#meta-nodes input").fill("node_4999")
    assert column(tab, "meta-nodes", "meta-node") == ["block_999.node_4999"]


def _load_s(open_page: Callable[..., Tab], content: bytes, section: str) -> tuple[Tab, float]:
    start = time.perf_counter()
    tab = open_page(content)
    draw(tab, section)
    return tab, time.perf_counter() - start
