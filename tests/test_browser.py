"""The HTML report in a real browser: Debian's Chromium, headless. Run by `make test-browser`."""

from __future__ import annotations

import io
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from large_results import HOSTILE, hostile, large

import latencylab
from latencylab.reporters import _page, html
from latencylab.reporters._page import Chart, Column, Page, Section, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

    from latencylab.result import Estimate

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCHEMES = ("light", "dark")
CHARTS = ("advice", "timeline", "meta-nodes", "kinds", "engines", "roofline", "network")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Tab]]:
    """Open bytes as a page; nothing may go to its console, and nothing may be fetched."""
    heard: list[str] = []
    tabs: list[Tab] = []

    def opened(content: bytes, **context: Any) -> Tab:
        path = tmp_path / f"page{len(tabs)}.html"
        path.write_bytes(content)
        tab = browser.new_page(**({"viewport": {"width": 1280, "height": 900}} | context))
        tab.on("console", lambda message: heard.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: heard.append(f"error: {error}"))
        tab.on("request", lambda request: heard.append(f"request: {request.url}"))
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        assert heard.pop(0) == f"request: {path.as_uri()}"
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        tab.close()
    assert heard == []


@pytest.fixture(scope="session")
def abpn() -> Estimate:
    return latencylab.estimate("zoo:abpn_x3", "dolphin_npu", advice=True)


@pytest.fixture(scope="session")
def page(abpn: Estimate) -> bytes:
    return html.render(abpn)


def draw(tab: Tab, section: str) -> None:
    """Scroll to a section's chart and wait until it is drawn."""
    tab.locator(f"#{section} .chart").scroll_into_view_if_needed()
    tab.wait_for_selector(f"#{section} .chart[data-drawn] canvas")
    tab.wait_for_timeout(100)


def zooms(tab: Tab, section: str) -> list[list[float]]:
    """What part of each axis is shown, in percent."""
    windows: list[list[float]] = tab.evaluate(
        "id => charts.getInstanceByDom(document.querySelector(`#${id} .chart`))"
        ".getOption().dataZoom.map(({ start, end }) => [start, end])",
        section,
    )
    return windows


def pixels(tab: Tab, section: str) -> Any:
    from PIL import Image

    shot = tab.locator(f"#{section} .chart").screenshot()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def column(tab: Tab, section: str, title: str) -> list[str]:
    """Texts of a column of a section's table."""
    headers = tab.locator(f"#{section} th").all_text_contents()
    nth = headers.index(title) + 1
    return tab.locator(f"#{section} tbody td:nth-child({nth})").all_text_contents()


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


@pytest.mark.parametrize("section", ["timeline", "meta-nodes", "roofline", "network"])
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
        seen[scheme] = (background, _brightness(pixels(tab, "kinds")))
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] > 180
    assert seen["dark"][1] < 90
    tab.locator("#scheme").click()
    tab.wait_for_timeout(200)
    assert _brightness(pixels(tab, "kinds")) > 180


def _brightness(image: Any) -> float:
    from PIL import ImageStat

    return float(ImageStat.Stat(image.convert("L")).median[0])


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
    from axe_playwright_python.sync_playwright import Axe

    tab = open_page(page, color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for section in CHARTS:
        draw(tab, section)
    assert Axe().run(tab).response["violations"] == []
    tab.get_by_role("button", name="concat_0").first.click()
    assert Axe().run(tab).response["violations"] == []


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
    tab.locator("#meta-nodes input").scroll_into_view_if_needed()
    tab.locator("#meta-nodes input").fill("node_4999")
    assert column(tab, "meta-nodes", "meta-node") == ["block_999.node_4999"]


def _load_s(open_page: Callable[..., Tab], content: bytes, section: str) -> tuple[Tab, float]:
    start = time.perf_counter()
    tab = open_page(content)
    draw(tab, section)
    return tab, time.perf_counter() - start
