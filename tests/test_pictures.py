"""Pictures: reproducible bytes, everything that matters in them, labels that never cover each other."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from large_results import hostile, large

from latencylab import reporters
from latencylab.reporters import _charts, _labels
from latencylab.reporters._labels import Box

if TYPE_CHECKING:
    from latencylab.result import Estimate

ROOT = Path(__file__).parents[1]
FORMATS = ("png", "svg", "pdf")
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_is_of_its_format_and_bears_its_marker(name: str, an_estimate: Estimate) -> None:
    reporter = reporters.load(name)
    content = reporter.render(an_estimate)
    assert content.startswith(MAGIC[name])
    assert reporter.marker in content
    assert reporter.marker in reporter.render(an_estimate, an_estimate)
    assert reporters.format_of(f"a{reporter.suffix}") == name


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_estimate_gives_the_same_bytes_in_another_process(
    name: str, an_estimate: Estimate, tmp_path: Path
) -> None:
    saved = tmp_path / "result.json"
    saved.write_text(an_estimate.to_json())
    code = (
        "import sys; from latencylab.result import Estimate; from latencylab import reporters;"
        f"e = Estimate.from_json(open(sys.argv[1]).read());"
        f"sys.stdout.buffer.write(reporters.load({name!r}).render(e))"
    )
    # Whatever the user has configured for his own plots.
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: none\n")
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved)],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={"PATH": "", "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)},
    )
    assert done.stdout == reporters.load(name).render(an_estimate)


def _texts(figure: object) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore[attr-defined]


def test_a_picture_says_what_it_shows(an_estimate: Estimate) -> None:
    texts = _texts(_charts.one(an_estimate))
    for expected in (
        "tiny_x3 on dolphin_npu: 20.0 ms (17.9–25.6)",
        "conv_1",
        "DepthToSpace",
        "Roofline",
        "TP",
    ):
        assert expected in texts
    assert re.search(r"10\.2 +host", texts)


def test_only_the_slowest_have_bars_of_their_own() -> None:
    texts = _texts(_charts.one(large(300)))
    assert "276 others" in texts


def test_many_spans_become_an_image_in_a_vector_picture() -> None:
    few, many = (reporters.load("svg").render(large(count)) for count in (100, 3000))
    assert few.count(b"<image") == 0
    assert many.count(b"<image") == 1
    assert len(many) < 5 * len(few)


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_and_no_lack_of_kernels_breaks_a_picture(name: str, an_estimate: Estimate) -> None:
    render = reporters.load(name).render
    assert render(hostile())
    assert render(
        replace(an_estimate, kernels=(), engines=(), critical_path=(), latency_s=0.0, low_s=0.0, high_s=0.0)
    )
    dollars = replace(an_estimate.kernels[0], name="$x^{$ \\frac")
    assert render(replace(an_estimate, kernels=(dollars,), critical_path=()))


_COORDINATE = st.floats(0, 1000)
_SIZE = st.tuples(st.floats(5, 200), st.floats(5, 20))
_AREA = Box(0, 0, 1000, 1000)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.tuples(_COORDINATE, _COORDINATE), _SIZE), max_size=20))
def test_labels_cover_neither_each_other_nor_a_point(
    items: list[tuple[tuple[float, float], tuple[float, float]]],
) -> None:
    points, sizes = [point for point, _ in items], [size for _, size in items]
    legend = Box(800, 900, 200, 100)
    labels = [label for label in _labels.place(points, sizes, _AREA, 4, reserved=[legend]) if label]
    for i, label in enumerate(labels):
        box = label.box
        assert box.lies_within(_AREA)
        assert not box.overlaps(legend)
        for other in (*labels[:i], *labels[i + 1 :]):
            assert not box.overlaps(other.box)
            assert not (label.leader and label.leader.cuts(other.box))
            assert not (label.leader and other.leader and label.leader.meets(other.leader))
        assert not any(box.x < x < box.x + box.width and box.y < y < box.y + box.height for x, y in points)


def test_a_label_far_from_its_point_has_a_line_that_leads_there() -> None:
    crowd = Box(380, 480, 240, 40)
    (label,) = _labels.place([(500, 500)], [(80, 12)], _AREA, gap=4, lines=[crowd])
    assert label
    assert label.leader
    assert not label.box.overlaps(crowd)
    (x, y), end = label.leader.start, label.leader.end
    assert hypot(end[0] - 500, end[1] - 500) == pytest.approx(4)
    assert label.box.x <= x <= label.box.x + label.box.width
    assert label.box.y <= y <= label.box.y + label.box.height


@pytest.mark.parametrize(
    ("end", "is_cut"), [((20, 20), True), ((5, 20), False), ((20, 5), True), ((9, 9), False), ((5, 5), False)]
)
def test_a_line_cuts_a_box_it_runs_through(end: tuple[float, float], is_cut: bool) -> None:
    assert _labels.Line((5, 5), end).cuts(Box(10, 4, 5, 30)) == is_cut
    assert _labels.Line(end, (5, 5)).cuts(Box(10, 4, 5, 30)) == is_cut


def test_lines_are_covered_only_where_there_is_no_other_room() -> None:
    point, size = (500.0, 500.0), (80.0, 12.0)
    beside = Box(504, 490, 400, 20)
    (label,) = _labels.place([point], [size], _AREA, 4, lines=[beside])
    assert label
    assert not label.box.overlaps(beside)
    (label,) = _labels.place([point], [size], _AREA, 4, lines=[_AREA])
    assert label


def test_a_lonely_label_stands_at_the_right_of_its_point() -> None:
    (label,) = _labels.place([(500, 500)], [(60, 10)], _AREA, gap=4)
    assert label
    assert label.box.x > 504
    assert label.box.y + label.box.height / 2 == 500


@pytest.mark.parametrize("name", FORMATS)
def test_a_scatter_names_its_points(name: str) -> None:
    points = [
        _charts.Point(f"net{i}", i + 1.0, 30 - i, low=i + 0.5, high=i + 2.0, group="ab"[i % 2])
        for i in range(5)
    ]
    content = _charts.scatter(
        points,
        name,
        title="t",
        x_title="ms",
        y_title="PSNR dB",
        front=[(1, 26), (3, 30)],
        diagonal=True,
        log=True,
    )
    assert content == _charts.scatter(
        points,
        name,
        title="t",
        x_title="ms",
        y_title="PSNR dB",
        front=[(3, 30), (1, 26)],
        diagonal=True,
        log=True,
    )
    assert content.startswith(MAGIC[name])
