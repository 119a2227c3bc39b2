"""The HTML report as plain data and as bytes: complete, inert, offline. A browser: test_browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from large_results import HOSTILE, hostile, large

import latencylab
from latencylab.reporters import DEFAULT_VIEW, View, _counters, _page, _roofs, html
from latencylab.reporters._page import Chart, Column, Page, Section, Table

if TYPE_CHECKING:
    from latencylab.result import Estimate

ROOT = Path(__file__).parents[1]
MB = 10**6


def parsed(content: bytes) -> dict[str, list[str]]:
    """Text of every element of a kind: what is between the tags of scripts, styles and titles."""
    found: dict[str, list[str]] = {}

    class Collector(HTMLParser):
        open_tag = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.open_tag = tag
            found.setdefault(tag, []).append("")
            found.setdefault("@", []).extend(name for name, _ in attrs)
            found.setdefault("meta-content", []).extend(v or "" for n, v in attrs if n == "content")

        def handle_endtag(self, _: str) -> None:
            self.open_tag = ""

        def handle_data(self, data: str) -> None:
            if found.get(self.open_tag):
                found[self.open_tag][-1] += data

    Collector(convert_charrefs=True).feed(content.decode())
    return found


def data_of(content: bytes) -> dict[str, object]:
    match = re.search(rb'<script type="application/json" id="data">(.*?)</script>', content, re.DOTALL)
    assert match
    return json.loads(match[1])  # type: ignore[no-any-return]


def test_the_data_of_the_page_are_those_of_the_estimate(an_estimate: Estimate) -> None:
    values = data_of(html.render(an_estimate))["tables"]["kernels"]["values"]  # type: ignore[index]
    assert values["latency_ms"] == [0.5, 3.0, 2.0, 5.25, 1.0, 10.25]
    assert values["macs"] == [kernel.work.macs for kernel in an_estimate.kernels]
    assert values["dram_bytes"] == [kernel.dram_bytes for kernel in an_estimate.kernels]
    assert values["depends_on"] == [list(kernel.depends_on) for kernel in an_estimate.kernels]
    assert sum(values["share"]) == pytest.approx(1.0)


def test_the_headline_says_where_the_time_goes(an_estimate: Estimate) -> None:
    page = html.page(an_estimate)
    figures = {figure.label: figure.value for figure in page.figures}
    assert figures["Latency"] == "20.0 ms"
    assert figures["90 % interval"] == "17.9–25.6 ms"
    assert figures["Mostly bound by"] == "HOST"
    assert "shuffle (DepthToSpace on CPU, HOST) takes longest: 10.2 ms, 51 % of the latency" in page.lead
    assert "saves 4.10 ms: replace the last Add by a folded convolution" in page.lead
    assert any("UNPRICED Mystery" in warning for warning in page.warnings)
    assert any("OFF THE FAST ENGINES shuffle" in warning for warning in page.warnings)


@pytest.mark.parametrize(
    ("budget_ms", "tone"), [(30.0, "good"), (19.0, "bad"), (21.0, "unsure"), (20.0, "unsure")]
)
def test_a_budget_gets_a_verdict(an_estimate: Estimate, budget_ms: float, tone: str) -> None:
    figures = html.page(an_estimate, view=View(budget_s=budget_ms / 1e3)).figures
    (verdict,) = (figure for figure in figures if figure.label.startswith("Budget"))
    assert verdict.tone == tone


@pytest.mark.parametrize("count", [1, 3])
def test_every_chart_is_a_chart_of_its_table(an_estimate: Estimate, count: int) -> None:
    charted = [section for section in html.page(*[an_estimate] * count).sections if section.chart]
    assert len(charted) >= 7
    for section in charted:
        assert section.table
        keys = {column.key for column in section.table.columns}
        options = section.chart.options  # type: ignore[union-attr]
        named = {
            options[k]
            for k in ("label", "value", "color", "x", "y", "lane", "start", "low", "high")
            if k in options
        }
        assert (
            named | set(section.shown) | set(options.get("parts", ())) | set(options.get("told", ())) <= keys
        )
        assert section.chart.label.endswith(".")  # type: ignore[union-attr]


def test_ids_are_unique_with_several_estimates(an_estimate: Estimate) -> None:
    page = html.page(an_estimate, an_estimate)
    ids = [section.id for section in page.sections]
    assert len(set(ids)) == len(ids)
    assert [section.title for section in page.contents][:2] == ["Side by side", "Where each spends its time"]
    assert sum(section.level == 1 for section in page.sections) == 2


def test_a_summary_is_the_comparison_alone(an_estimate: Estimate) -> None:
    page = html.page(an_estimate, an_estimate, view=View(is_summary=True))
    assert [section.id for section in page.sections] == ["totals", "by-kind", "trust"]


def test_nothing_is_fetched_and_nothing_else_runs(an_estimate: Estimate) -> None:
    found = parsed(html.render(an_estimate))
    assert not {"link", "img", "iframe", "object", "embed", "audio", "video", "base", "form"} & set(found)
    assert not {name for name in found["@"] if name in {"src", "style"} or name.startswith("on")}
    (policy,) = (content for content in found["meta-content"] if "default-src" in content)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    texts = [*found["script"][1:], *found["style"]]
    assert allowed == [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]


def test_hostile_names_stay_text() -> None:
    content = html.render(hostile())
    found = parsed(content)
    assert len(found["script"]) == 3
    assert "img" not in found
    assert "49" not in found["h1"][0]
    names = data_of(content)["tables"]["kernels"]["values"]["name"]  # type: ignore[index]
    assert names[0] == HOSTILE[0]


@given(st.text())
def test_no_text_ends_the_data_element(text: str) -> None:
    table = Table("t", (Column("name", text),), ((text,),))
    chart = Chart("bars", text, {"label": "name", "value": "name"})
    content = _page.render(Page(text, lead=text, sections=(Section("s", text, text, (text,), chart, table),)))
    body = content.decode()
    assert body.count("</script>") == 3
    assert data_of(content)["tables"]["t"]["values"]["name"] == [text]  # type: ignore[index]


def test_a_table_with_a_short_row_is_refused() -> None:
    with pytest.raises(ValueError, match="every row needs 2 values"):
        Table("t", (Column("a", "a"), Column("b", "b")), (("only one",),))


def test_a_page_fits_its_budget() -> None:
    estimate = latencylab.estimate("zoo:abpn_x3", "dolphin_npu")
    assert len(html.render(estimate)) <= 1.6 * MB
    assert len(html.render(large(5000))) <= 8 * MB


def test_the_vendored_build_is_the_recorded_one() -> None:
    recorded = (ROOT / "vendor/echarts/SHA256").read_text().split()[0]
    content = (ROOT / "latencylab/reporters/templates/charts.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == recorded
    assert b"vendor/echarts/NOTICE" in content[:300]
    assert b"</script" not in content


def test_counters_are_the_bytes_of_the_estimate(an_estimate: Estimate) -> None:
    steps = _counters.dram_bytes_per_s(an_estimate)
    moved = sum(value * (steps[i + 1][0] - time_s) for i, (time_s, value) in enumerate(steps[:-1]))
    assert moved == pytest.approx(sum(kernel.dram_bytes for kernel in an_estimate.kernels))
    assert steps[-1][1] == 0


def test_the_scratchpad_never_shows_more_than_a_kernel_uses() -> None:
    estimate = large(700)
    steps = _counters.scratchpad_bytes(estimate)
    assert max(value for _, value in steps) == max(kernel.scratchpad_bytes for kernel in estimate.kernels)
    assert [time_s for time_s, _ in steps] == sorted({time_s for time_s, _ in steps})
    assert steps[-1] == (estimate.kernels[-1].end_s, 0.0)


def test_no_kernel_lies_above_the_roofs() -> None:
    """Under the lowest DRAM roof at its DRAM intensity, and under its engine's peak."""
    estimate = latencylab.estimate("zoo:abpn_x3", "dolphin_npu")
    (dram,) = (memory for memory in estimate.device.memories if memory.name == "DRAM")
    peaks = {use.name: use.peak_macs_per_s for use in estimate.engines}
    computing = [kernel for kernel in estimate.kernels if kernel.work.macs]
    assert computing
    for kernel in computing:
        rate = kernel.work.macs / kernel.latency_s
        assert rate <= peaks[kernel.engine] * (1 + 1e-9)
        assert rate <= dram.bytes_per_s * kernel.work.macs / kernel.dram_bytes * (1 + 1e-9)
    slanted = [roof for roof in _roofs.roofs(estimate) if not roof.is_level]
    assert len(slanted) == len(estimate.device.memories)
    assert all(roof.end[1] == pytest.approx(max(peaks.values())) for roof in slanted)


def test_the_default_view_is_the_page_of_one(an_estimate: Estimate) -> None:
    assert html.render(an_estimate) == html.render(an_estimate, view=DEFAULT_VIEW)
