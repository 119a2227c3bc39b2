"""Takes the pictures of the gallery: reference pages in Chromium, light, dark, narrow."""

from __future__ import annotations

from pathlib import Path

from in_chromium import CHROMIUM, FLAGS
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parents[1] / "reports" / "reference"
PAGE = FOLDER / "abpn_x3.dolphin_npu.html"
# Name: colour scheme, width of the window, page.
SHOTS = {
    "light": ("light", 1280, PAGE),
    "dark": ("dark", 1280, PAGE),
    "narrow": ("light", 390, PAGE),
    "comparison": ("light", 1280, FOLDER / "comparison.html"),
}


def main() -> None:
    gallery = FOLDER / "gallery"
    gallery.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name, (scheme, width, page) in SHOTS.items():
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
            tab.goto(page.as_uri())
            # Every chart is drawn when it comes into view.
            for chart in tab.locator(".chart").all():
                chart.scroll_into_view_if_needed()
                tab.wait_for_timeout(150)
            tab.evaluate("scrollTo(0, 0)")
            tab.wait_for_timeout(150)
            tab.screenshot(path=gallery / f"{name}.png", full_page=True)
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
