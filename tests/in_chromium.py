"""Pages in Debian's Chromium, headless: fixtures that open them, and what tests look at."""

from __future__ import annotations

import io
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

SCHEMES = ("light", "dark")
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
    # No name is looked up: what a page would fetch fails at once, here as on a machine without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


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


def brightness(image: Any) -> float:
    """The median of an image, 0 black to 255 white."""
    from PIL import ImageStat

    return float(ImageStat.Stat(image.convert("L")).median[0])


def assert_axe_finds_nothing(tab: Tab) -> None:
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(tab).response["violations"]
    assert [(v["id"], node["target"]) for v in violations for node in v["nodes"]] == []
