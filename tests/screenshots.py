"""Takes the pictures of the gallery: reference pages and the pages of other commands, in Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from in_chromium import CHROMIUM, FLAGS
from other_pages import a_comparison, a_crosscheck, a_ranking
from playwright.sync_api import sync_playwright

from latencylab.reporters import _checked, _compare, _rank

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[1] / "reports" / "reference"
GALLERY = FOLDER / "gallery"
# Higher pages are cut off here: what follows repeats what the first page shows.
MOST_PX = 3200


def main() -> None:
    GALLERY.mkdir(exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        abpn = FOLDER / "abpn_x3.dolphin_npu.html"
        shoot(browser, abpn, "light")
        shoot(browser, abpn, "dark", scheme="dark")
        shoot(browser, abpn, "narrow", width=390)
        shoot(browser, FOLDER / "comparison.html", "comparison")
        others = {
            "ranking": _rank.render(a_ranking(), "html"),
            "compare": _compare.render(a_comparison(), "html"),
            "crosscheck": _checked.render(a_crosscheck(), "html"),
        }
        for name, content in others.items():
            page = Path(folder) / f"{name}.html"
            page.write_bytes(content)
            shoot(browser, page, name, most_px=MOST_PX)
        browser.close()


def shoot(
    browser: Browser,
    page: Path,
    name: str,
    *,
    scheme: str = "light",
    width: int = 1280,
    most_px: int | None = None,
) -> None:
    """Save a picture of a whole page, or of its first `most_px`."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    tab.goto(page.as_uri())
    # Every chart is drawn when it comes into view.
    for chart in tab.locator(".chart").all():
        chart.scroll_into_view_if_needed()
        tab.wait_for_timeout(150)
    tab.evaluate("scrollTo(0, 0)")
    tab.wait_for_timeout(150)
    height = tab.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, most_px or height)}
    tab.screenshot(path=GALLERY / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
    tab.close()


if __name__ == "__main__":
    main()
