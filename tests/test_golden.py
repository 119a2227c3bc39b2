"""Golden files: what a person sees, kept in reports/reference and compared byte by byte.

After a deliberate change, `make golden` writes them anew; the difference belongs into the commit. Pictures
depend on the libraries that draw and compress them: they are compared where these are the recorded ones.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import latencylab
from latencylab import reporters
from latencylab.reporters import View
from latencylab.result import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "reports" / "reference"
README = Path(__file__).parents[1] / "README.md"
COMMAND = "$ latencylab profile zoo:abpn_x3 --device dolphin_npu"
NETWORKS = ("abpn_x3", "xlsr_x3", "espcn_x3")
DEVICES = ("dolphin_npu", "dimensity8100_npu")
PICTURES = ("png", "svg", "pdf")
DRAWN_WITH = ("matplotlib", "pillow")
IS_UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


@cache
def estimate_of(network: str, device: str) -> Estimate:
    return latencylab.estimate(f"zoo:{network}", device, advice=True)


def versions() -> dict[str, str]:
    return {name: version(name) for name in DRAWN_WITH}


def check(path: Path, render: Callable[[], bytes], format_name: str) -> None:
    recorded = FOLDER / "versions.json"
    if IS_UPDATE:
        path.write_bytes(render())
        recorded.write_text(json.dumps(versions(), indent=2) + "\n")
    if format_name in PICTURES and json.loads(recorded.read_text()) != versions():
        pytest.skip(f"pictures in reports/reference were drawn with {recorded.read_text()}")
    assert path.read_bytes() == render(), "if this is meant, run: make golden"


@pytest.mark.parametrize("format_name", reporters.formats())
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_report_is_what_it_was(network: str, device: str, format_name: str) -> None:
    reporter = reporters.load(format_name)
    view = View(width=120, model=f"zoo:{network}")
    path = FOLDER / f"{network}.{device}{reporter.suffix}"
    check(path, lambda: reporter.render(estimate_of(network, device), view=view), format_name)


@pytest.mark.parametrize("format_name", ["md", "html", "png"])
def test_a_comparison_is_what_it_was(format_name: str) -> None:
    reporter = reporters.load(format_name)
    estimates = [estimate_of(network, device) for network in NETWORKS for device in DEVICES]
    view = View(is_summary=True)
    check(
        FOLDER / f"comparison{reporter.suffix}", lambda: reporter.render(*estimates, view=view), format_name
    )


def test_there_is_no_other_report() -> None:
    """What no test compares would grow old unnoticed."""
    suffixes = [reporters.load(name).suffix for name in reporters.formats()]
    expected = {
        f"{network}.{device}{suffix}" for network in NETWORKS for device in DEVICES for suffix in suffixes
    }
    expected |= {"comparison.md", "comparison.html", "comparison.png", "versions.json", "README.md"}
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == expected


def test_the_readme_shows_what_the_command_prints() -> None:
    estimate = latencylab.estimate("zoo:abpn_x3", "dolphin_npu", advice=True)
    text = reporters.load("table").render(estimate, view=View(width=100)).decode()
    header, table, _, engines, totals, changes, *_ = text.split("\n\n")
    # Dots stand for what is left out: the kinds, and the assumptions.
    shown = f"{header}\n\n{table}\n\n…\n\n{engines}\n\n{totals}\n\n{changes}\n\n…"
    before, rest = README.read_text().split(f"```\n{COMMAND}\n\n")
    _, after = rest.split("```\n", 1)
    content = f"{before}```\n{COMMAND}\n\n{shown}\n```\n{after}"
    if IS_UPDATE:
        README.write_text(content)
    assert README.read_text() == content, "if this is meant, run: make golden"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_reference_result_is_read_as_it_was_written(network: str, device: str) -> None:
    text = (FOLDER / f"{network}.{device}.json").read_text()
    assert Estimate.from_json(text).to_json() == text
