"""Golden files: what a person sees, kept in reports/reference and compared byte by byte.

After a deliberate change, `make golden` writes them anew; the difference belongs into the commit.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import latencylab
from latencylab import reporters
from latencylab.reporters import View
from latencylab.result import Estimate

FOLDER = Path(__file__).parents[1] / "reports" / "reference"
README = Path(__file__).parents[1] / "README.md"
COMMAND = "$ latencylab profile zoo:abpn_x3 --device dolphin_npu"
CASES = (("abpn_x3", "dolphin_npu"), ("espcn_x3", "vs640_npu"))
FORMATS = ("table", "md", "csv", "json")


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(("network", "device"), CASES)
def test_reports_are_what_they_were(network: str, device: str, format_name: str) -> None:
    reporter = reporters.load(format_name)
    path = FOLDER / f"{network}.{device}{reporter.suffix}"
    estimate = latencylab.estimate(f"zoo:{network}", device)
    content = reporter.render(estimate, view=View(width=120))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(content)
    assert path.read_bytes() == content, "if this is meant, run: make golden"


def test_the_readme_shows_what_the_command_prints() -> None:
    estimate = latencylab.estimate("zoo:abpn_x3", "dolphin_npu")
    text = reporters.load("table").render(estimate, view=View(width=100)).decode()
    header, table, _, engines, totals, *_ = text.split("\n\n")
    shown = f"{header}\n\n{table}\n\n{engines}\n\n{totals}"
    before, rest = README.read_text().split(f"```\n{COMMAND}\n\n")
    _, after = rest.split("```\n", 1)
    content = f"{before}```\n{COMMAND}\n\n{shown}\n```\n{after}"
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(content)
    assert README.read_text() == content, "if this is meant, run: make golden"


@pytest.mark.parametrize(("network", "device"), CASES)
def test_a_reference_result_is_read_as_it_was_written(network: str, device: str) -> None:
    text = (FOLDER / f"{network}.{device}.json").read_text()
    assert Estimate.from_json(text).to_json() == text
