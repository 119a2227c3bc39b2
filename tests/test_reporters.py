"""Reporters: what they show is in the estimate, nothing loud gets lost, and no name breaks the format."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from latencylab import reporters
from latencylab.errors import UnknownNameError
from latencylab.reporters import View
from latencylab.reporters import _rows as rows
from latencylab.result import Estimate

if TYPE_CHECKING:
    from pathlib import Path

TEXT_FORMATS = ("table", "md")
# Formats that show one row a kernel; later formats are pictures or documents with tests of their own.
FORMATS = ("table", "md", "csv", "json")
WIDTHS = (80, 120, 160)

HOSTILE = "\x1b[31m|a<b>`c`_*\n\u202e\ud800" + "x" * 10_000


def shown(format_name: str, *estimates: Estimate, **view: object) -> str:
    return reporters.load(format_name).render(*estimates, view=View(**view)).decode()  # type: ignore[arg-type]


def renamed(estimate: Estimate, name: str) -> Estimate:
    """Everything a file can name bears this name."""
    kernels = tuple(replace(k, name=name, nodes=(name,), kind=name) for k in estimate.kernels)
    model = replace(estimate.model, name=name, inputs=(replace(estimate.model.inputs[0], name=name),))
    unpriced = tuple(replace(u, op_type=name, nodes=(name,)) for u in estimate.unpriced)
    fallbacks = tuple(replace(f, kernel=name) for f in estimate.fallbacks)
    return replace(
        estimate, kernels=kernels, model=model, unpriced=unpriced, fallbacks=fallbacks, assumptions=(name,)
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_reporter_declares_its_suffix_and_bears_its_marker(name: str, an_estimate: Estimate) -> None:
    reporter = reporters.load(name)
    assert reporters.format_of(f"page{reporter.suffix}") == name
    assert reporter.marker in reporter.render(an_estimate)
    assert reporter.marker in reporter.render(an_estimate, an_estimate, view=View(is_summary=True))


def test_the_longest_fitting_suffix_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporters, "formats", lambda: ("json", "trace_json"))
    assert reporters.format_of("a.trace.json") == "trace_json"
    assert reporters.format_of("a.JSON") == "json"


def test_an_unknown_suffix_or_format_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"\.json"):
        reporters.format_of("page.jsn")
    with pytest.raises(UnknownNameError, match="table"):
        reporters.load("tabel")


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_estimate_gives_the_same_bytes(name: str, an_estimate: Estimate) -> None:
    reporter = reporters.load(name)
    assert reporter.render(an_estimate) == reporter.render(Estimate.from_json(an_estimate.to_json()))


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_text_shows_the_verdict_and_everything_loud(name: str, an_estimate: Estimate) -> None:
    text = shown(name, an_estimate).replace("\\", "")
    assert "latency 20.0 ms (90 % interval 17.9–25.6)" in text
    assert "peak scratchpad 512 KiB" in text
    assert "7,056 parameters (+ 81 frozen)" in text
    assert "UNPRICED Mystery ×1" in text
    assert "OFF THE FAST ENGINES shuffle runs on CPU" in text
    assert "priced in uint8" in text
    assert "saves 4.10 ms" in text


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_an_engine_without_a_scratchpad_model_says_so(name: str, an_estimate: Estimate) -> None:
    assert "not modelled" in shown(name, replace(an_estimate, peak_scratchpad_bytes=None))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["", "conv", HOSTILE, "層" * 300])
def test_no_line_of_the_table_is_wider_than_the_terminal(
    width: int, name: str, an_estimate: Estimate
) -> None:
    estimate = renamed(an_estimate, name) if name else an_estimate
    text = shown("table", estimate, estimate, width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_kernel_is_one_row_with_a_bar_at_any_width(width: int, an_estimate: Estimate) -> None:
    lines = shown("table", an_estimate, width=width).splitlines()
    for kernel in an_estimate.kernels:
        (row,) = [line for line in lines if re.match(rf"\d+ +{kernel.name} ", line)]
        assert re.search("[█▏▎▍▌▋▊▉]$", row)
        assert f"{kernel.latency_s * 1e3:.3f}" in row
        assert kernel.bound.value in row


def test_a_wide_terminal_shows_every_column(an_estimate: Estimate) -> None:
    lines = shown("table", an_estimate, width=160).splitlines()
    (header,) = [line for line in lines if line.startswith("#")]
    assert [column for column in rows.KERNEL_HEADERS if column not in header] == []


def test_colour_is_on_demand(an_estimate: Estimate) -> None:
    assert "\x1b[" not in shown("table", an_estimate)
    assert "\x1b[" in shown("table", an_estimate, color=True)


def test_rows_stand_in_execution_order_or_slowest_first(an_estimate: Estimate) -> None:
    names = tuple(kernel.name for kernel in an_estimate.kernels)
    assert rows.kernel_table(an_estimate, View()).column("meta-node") == names
    by_time = rows.kernel_table(an_estimate, View(sort="time"))
    assert by_time.column("meta-node") == ("shuffle", "add", "conv_1", "anchor", "mystery", "to_native")


def test_top_keeps_the_slowest_and_says_what_it_left_out(an_estimate: Estimate) -> None:
    table = rows.kernel_table(an_estimate, View(top=2))
    assert table.column("meta-node") == ("add", "shuffle")
    assert "4 more meta-nodes, 6.50 ms" in shown("table", an_estimate, top=2)


def test_shares_add_up_to_the_whole(an_estimate: Estimate) -> None:
    table = rows.kernel_table(an_estimate, View())
    assert sum(map(float, table.column("%"))) == pytest.approx(100, abs=0.3)
    assert table.column("cdf %")[-1] == "100.0"


def test_totals_by_kind_and_engine_add_up(an_estimate: Estimate) -> None:
    kinds, engines = rows.kind_table(an_estimate), rows.engine_table(an_estimate)
    whole_ms = sum(kernel.latency_s for kernel in an_estimate.kernels) * 1e3
    assert sum(map(float, kinds.column("ms"))) == pytest.approx(whole_ms, abs=0.01)
    assert sum(map(int, kinds.column("count"))) == len(an_estimate.kernels)
    assert sum(map(int, engines.column("count"))) == len(an_estimate.kernels)
    assert engines.column("engine") == ("NN", "TP", "CPU")


def test_several_estimates_get_a_summary(an_estimate: Estimate) -> None:
    other = replace(an_estimate, model=replace(an_estimate.model, name="other"))
    for name in TEXT_FORMATS:
        assert len(re.findall(r"dolphin\\?_npu:synap", shown(name, an_estimate, other))) == 2
    summary = rows.summary_table((an_estimate, other))
    assert summary.column("model") == ("tiny_x3", "other")
    assert summary.column("bound") == ("HOST", "HOST")


def test_csv_reads_back_as_numbers(an_estimate: Estimate) -> None:
    records = list(csv.DictReader(io.StringIO(shown("csv", an_estimate))))
    assert [record["name"] for record in records] == [kernel.name for kernel in an_estimate.kernels]
    assert [float(record["latency_ms"]) for record in records] == [0.5, 3.0, 2.0, 5.25, 1.0, 10.25]
    assert records[1]["op_types"] == "Conv;Relu"
    assert records[0]["model"] == "tiny_x3"


def test_csv_summary_is_a_row_an_estimate(an_estimate: Estimate) -> None:
    (record,) = csv.DictReader(io.StringIO(shown("csv", an_estimate, is_summary=True)))
    assert float(record["latency_ms"]) == 20.0
    assert (record["macs"], record["unpriced"], record["kernels"]) == (str(an_estimate.model.macs), "1", "6")


def test_csv_keeps_commas_quotes_and_line_breaks_of_names(an_estimate: Estimate) -> None:
    text = shown("csv", renamed(an_estimate, 'a,"b"\nc'))
    assert [record["name"] for record in csv.DictReader(io.StringIO(text))] == ['a,"b"\nc'] * 6


def test_json_is_one_object_or_a_list(an_estimate: Estimate) -> None:
    assert json.loads(shown("json", an_estimate)) == an_estimate.to_dict()
    assert json.loads(shown("json", an_estimate, an_estimate)) == [an_estimate.to_dict()] * 2


def test_json_is_whole_whatever_the_view(an_estimate: Estimate) -> None:
    assert shown("json", an_estimate, top=1, sort="time") == shown("json", an_estimate)


@pytest.mark.parametrize("name", TEXT_FORMATS)
@given(text=st.text(max_size=40))
def test_no_name_reaches_the_terminal_unescaped(name: str, text: str) -> None:
    from handmade import ESTIMATE

    rendered = shown(name, renamed(ESTIMATE, text))
    assert all(character.isprintable() or character == "\n" for character in rendered)


def test_markdown_survives_markup_in_names(an_estimate: Estimate) -> None:
    text = shown("md", renamed(an_estimate, "a|b<script>`x`"))
    assert "<script" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
    assert bars == {len(rows.KERNEL_HEADERS) + 1, 7}


def test_an_estimate_without_kernels_is_shown(an_estimate: Estimate) -> None:
    empty = replace(an_estimate, kernels=(), engines=(), critical_path=())
    for name in FORMATS:
        assert shown(name, empty)
        assert shown(name, empty, is_summary=True)


def test_a_reporter_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, an_estimate: Estimate
) -> None:
    """It appears in --help, --format and -o without another edit."""
    from click.testing import CliRunner

    from latencylab import plugins
    from latencylab.cli import latencylab as command

    (tmp_path / "haiku_txt.py").write_text(
        'suffix = ".haiku.txt"\nmarker = b"by latencylab"\n'
        "def render(*estimates, view=None):\n"
        "    return f'{estimates[0].model.name}, by latencylab'.encode()\n"
    )
    monkeypatch.setattr(reporters, "__path__", [*reporters.__path__, str(tmp_path)])
    saved, target = tmp_path / "result.json", tmp_path / "poem.haiku.txt"
    saved.write_text(an_estimate.to_json())
    plugins.names.cache_clear()
    try:
        assert "haiku_txt" in CliRunner().invoke(command, ["profile", "--help"]).output
        done = CliRunner().invoke(command, ["report", str(saved), "-o", str(target), "--format", "haiku_txt"])
    finally:
        plugins.names.cache_clear()
    assert done.output.splitlines()[-1] == "tiny_x3, by latencylab"
    assert target.read_text() == "tiny_x3, by latencylab"
