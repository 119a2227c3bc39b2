"""Ranking: the challenge's printed scores, honest ties, a front nobody dominates, MACs that mislead."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import combinations
from math import isclose, log
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from latencylab import zoo
from latencylab.cli import latencylab as program
from latencylab.errors import ConfigError, InputFileError, LatencyLabError, UnknownNameError
from latencylab.ranking import Candidate, Ranking, rank, read_quality
from latencylab.ranking.placing import placed
from latencylab.ranking.score import interval, score, solve_log2_c
from latencylab.ranking.ties import CONFIDENCE, Judge, likeness, sigma_log
from latencylab.reporters import _rank

if TYPE_CHECKING:
    from latencylab.result import Estimate

ROOT = Path(__file__).parents[1]
SIZE = "?height=36&width=64"
NAMES = ("abpn_x3", "xlsr_x3", "fsrcnn_x3", "espcn_x3", "srcnn_x3", "ecbsr_m4c16_x3", "etds_l_x3")
MODELS = tuple(f"zoo:{name}{SIZE}" for name in NAMES)
QUALITY = {"abpn_x3": 30.22, "xlsr_x3": 30.10, "fsrcnn_x3": 29.9, "espcn_x3": 29.7, "srcnn_x3": 29.5}


def published() -> list[tuple[float, float, float]]:
    """PSNR, runtime and score of the 2021 challenge's entries."""
    path = ROOT / "evidence" / "measured" / "mai_challenge_published.csv"
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["year"] == "2021" and row["score"]]
    return [(float(row["psnr_db"]), float(row["runtime_ms"]), float(row["score"])) for row in rows]


# --- the score


@pytest.mark.parametrize("reference", range(2))
def test_the_printed_scores_of_2021_follow_from_one_of_them(reference: int) -> None:
    """C solved from a row with many printed digits; every other score within 0.02 of what was printed."""
    rows = published()
    assert len(rows) == 4
    log2_c = solve_log2_c(*rows[reference])
    errors = [abs(score(psnr, runtime, log2_c) - printed) for psnr, runtime, printed in rows]
    assert max(errors) <= 0.02


def test_no_printed_score_contradicts_the_rounding_of_its_psnr() -> None:
    """What rounding alone allows is wider: 2^(2·0.01) = 1.4 % of a score, 0.47 of the third one's 33.82."""
    rows = published()
    for base in rows:
        log2_c = solve_log2_c(*base)
        half_digit = 0.005 / base[2]
        for psnr, runtime, printed in rows:
            low, high = interval(psnr, runtime, log2_c)
            # The reference's own PSNR and score are rounded as well.
            low, high = low * 2**-0.01 * (1 - half_digit), high * 2**0.01 * (1 + half_digit)
            assert low - 0.005 <= printed <= high + 0.005
    low, high = interval(29.52, 62.25, solve_log2_c(*rows[0]))
    assert high / low == pytest.approx(2**0.02)


@given(psnr=st.floats(20, 50), runtime=st.floats(0.1, 1e4), points=st.floats(0.01, 1e3), more=st.floats(0, 1))
def test_a_reference_scores_what_was_published_and_a_decibel_is_worth_four_times_the_speed(
    psnr: float, runtime: float, points: float, more: float
) -> None:
    log2_c = solve_log2_c(psnr, runtime, points)
    assert score(psnr, runtime, log2_c) == pytest.approx(points, rel=1e-9)
    assert score(psnr + more, runtime * 4**more, log2_c) == pytest.approx(points, rel=1e-9)


# --- ties


@pytest.fixture(scope="module")
def plain() -> Ranking:
    return rank(MODELS)


@pytest.fixture(scope="module")
def scored() -> Ranking:
    return rank(MODELS, quality=QUALITY, reference=("abpn_x3", 47.18))


def by_name(ranking: Ranking) -> dict[str, Candidate]:
    return {candidate.name: candidate for candidate in ranking.candidates}


def found(ranking: Ranking, name: str) -> Candidate:
    (candidate,) = (c for c in ranking.candidates if c.name.startswith(name))
    return candidate


def test_ties_are_mutual_and_everyone_else_is_told_apart(plain: Ranking) -> None:
    judge = Judge()
    for a, b in combinations(plain.candidates, 2):
        assert (b.name in a.tied_with) == (a.name in b.tied_with)
        ahead = log(b.latency_ms / a.latency_ms)
        told = judge.is_told(ahead, a.estimate, b.estimate) or judge.is_told(-ahead, b.estimate, a.estimate)
        assert told != (b.name in a.tied_with)


def test_a_rank_counts_who_is_told_to_be_better(plain: Ranking) -> None:
    for candidate in plain.candidates:
        others = [o for o in plain.candidates if o is not candidate]
        better = [
            o for o in others if o.latency_ms < candidate.latency_ms and o.name not in candidate.tied_with
        ]
        assert candidate.rank == 1 + len(better)
    assert [c.latency_ms for c in plain.candidates] == sorted(c.latency_ms for c in plain.candidates)


def test_the_error_of_a_difference_is_larger_for_networks_that_do_other_things(plain: Ranking) -> None:
    """A network against itself has no error; likeness lowers it by what is known to be shared."""
    judge = Judge()
    a, b = plain.candidates[0].estimate, plain.candidates[-1].estimate
    assert judge.sigma_difference(a, a) == 0
    assert likeness(a, a) == pytest.approx(1)
    assert 0 <= likeness(a, b) < 1
    sigma = hypot_of(a, b)
    assert judge.sigma_difference(a, b) <= sigma
    twin = replace(a, model=replace(a.model, sha256="other"))
    expected = sigma_log(a) * (2 * (1 - a.device.residual_correlation)) ** 0.5
    assert judge.sigma_difference(a, twin) == pytest.approx(expected)
    assert Judge(residual_correlation=1.0).sigma_difference(a, twin) == pytest.approx(0, abs=1e-6)


def hypot_of(a: Estimate, b: Estimate) -> float:
    return float((sigma_log(a) ** 2 + sigma_log(b) ** 2) ** 0.5)


def test_sigma_comes_back_from_the_interval(plain: Ranking) -> None:
    for candidate in plain.candidates:
        info = candidate.estimate.device
        if not candidate.estimate.unpriced:
            assert sigma_log(candidate.estimate) == pytest.approx(info.sigma_log, rel=1e-3)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
def test_more_confidence_means_more_ties(confidence: float) -> None:
    few = sum(len(c.tied_with) for c in rank(MODELS, confidence=0.5).candidates)
    many = sum(len(c.tied_with) for c in rank(MODELS, confidence=confidence).candidates)
    assert many >= few
    assert few == 0


def test_a_correlation_that_a_user_knows_of_separates_more() -> None:
    loose = sum(len(c.tied_with) for c in rank(MODELS, residual_correlation=0.0).candidates)
    tight = sum(len(c.tied_with) for c in rank(MODELS, residual_correlation=1.0).candidates)
    assert tight <= loose


def test_the_same_network_under_two_names_is_a_tie_of_no_error() -> None:
    spelled = rank([f"zoo:abpn_x3{SIZE}", "zoo:abpn_x3?width=64&height=36"])
    assert [c.rank for c in spelled.candidates] == [1, 1]


# --- score and front


def test_the_reference_scores_what_was_said(scored: Ranking) -> None:
    assert found(scored, "abpn_x3").score == pytest.approx(47.18)
    ratio = found(scored, "xlsr_x3").latency_ms / found(scored, "abpn_x3").latency_ms
    expected = 47.18 * 2 ** (2 * (30.10 - 30.22)) / ratio
    assert found(scored, "xlsr_x3").score == pytest.approx(expected)


def test_without_a_reference_the_best_scores_100() -> None:
    candidates = rank(MODELS, quality=QUALITY).candidates
    assert max(c.score for c in candidates if c.score is not None) == pytest.approx(100)
    assert candidates[0].score == pytest.approx(100)


def test_nobody_on_the_front_is_dominated_and_everybody_else_is(scored: Ranking) -> None:
    known = [c for c in scored.candidates if c.quality_db is not None]
    for candidate in known:
        better = [
            o
            for o in known
            if o is not candidate
            and o.quality_db >= candidate.quality_db  # type: ignore[operator]
            and o.latency_ms <= candidate.latency_ms
        ]
        assert candidate.is_on_front == (not better)
        assert candidate.dominated_by in {"", *(o.name for o in better)}
    front = scored.front(scored.devices[0])
    assert [c.quality_db for c in front] == sorted(c.quality_db for c in front)  # type: ignore[type-var]


def test_a_network_without_a_quality_is_shown_but_not_ranked(scored: Ranking) -> None:
    unknown = found(scored, "etds_l_x3")
    assert (unknown.rank, unknown.score, unknown.is_on_front) == (None, None, False)
    assert any("no quality for" in note and "etds_l_x3" in note for note in scored.notes)


def test_equal_candidates_do_not_dominate_each_other(plain: Ranking) -> None:
    twins = [replace(plain.candidates[0], name=name, quality_db=30.0) for name in ("a", "b")]
    assert all(candidate.is_on_front for candidate in placed(twins, Judge()))


# --- what MACs do not tell


def test_a_network_with_half_the_macs_can_be_slower_and_the_report_says_why() -> None:
    """On the NPU, SRCNN's Resize and large convolutions cost more than a network of three times its MACs."""
    models = ("zoo:srcnn_x3", "zoo:quicksrnet_large_x3", "zoo:abpn_x3")
    ranking = rank(models, ("dolphin_npu",))
    (inversion,) = (i for i in ranking.inversions if i.slower.name == "srcnn_x3")
    assert inversion.faster.name == "quicksrnet_large_x3"
    assert inversion.slower.estimate.model.macs <= inversion.faster.estimate.model.macs / 2
    assert inversion.slower.latency_ms > inversion.faster.latency_ms
    assert "resize_0" in {change.part.name for change in inversion.causes}
    text = _rank.render(ranking, "table").decode()
    assert "where MACs mislead" in text
    assert "srcnn_x3 has 43 % of the MACs of quicksrnet_large_x3, yet takes" in text
    assert "resize_0 (Resize on ppu" in text


def test_inversions_are_what_they_say(plain: Ranking) -> None:
    for inversion in plain.inversions:
        slower, faster = inversion.slower, inversion.faster
        assert slower.latency_ms > faster.latency_ms
        assert slower.estimate.model.macs * 2 <= faster.estimate.model.macs
        assert all(change.difference_ps > 0 for change in inversion.causes)
        assert inversion.is_told != (faster.name in slower.tied_with)
        assert inversion.is_told != ("tied in time" in str(inversion))


def test_where_macs_mislead_a_pair_that_can_be_told_apart_comes_first() -> None:
    models = ("zoo:bicubicpp_x3", "zoo:pureconv24_x3", "zoo:abpn_m6c40_x3", "zoo:fsrcnn_x3", "zoo:ncnet_x3")
    for confidence in (0.6, 0.9, 0.999):
        for inversion in rank(models, confidence=confidence).inversions:
            larger = [
                c
                for c in rank(models, confidence=confidence).candidates
                if c.estimate.model.macs >= 2 * inversion.slower.estimate.model.macs
                and c.latency_ms < inversion.slower.latency_ms
            ]
            told = [c for c in larger if c.name not in inversion.slower.tied_with]
            assert inversion.faster.name in {c.name for c in told or larger}


# --- devices, names, files


def test_each_device_has_a_ranking_of_its_own() -> None:
    ranking = rank(
        MODELS[:3], ("dolphin_npu", "dimensity8100_npu"), quality=QUALITY, reference=("abpn_x3", 10)
    )
    assert len(ranking.devices) == 2
    for device in ranking.devices:
        group = ranking.on(device)
        assert len(group) == 3
        assert group[0].rank == 1
        (reference,) = (c for c in group if c.name.startswith("abpn"))
        assert reference.score == pytest.approx(10)


def test_two_files_of_one_name_keep_their_paths(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "net.onnx"
        path.write_bytes(zoo.build(f"abpn_x3{SIZE}", weights=False).SerializeToString())
        paths.append(str(path))
    assert {c.name for c in rank(paths).candidates} == set(paths)
    assert {c.name for c in rank(paths[:1]).candidates} == {"net"}


def test_a_network_that_came_as_bytes_is_called_stdin_and_may_have_a_quality() -> None:
    network = zoo.build(NAMES[0] + SIZE).SerializeToString()
    ranking = rank((network, MODELS[1]), quality={"stdin": 30.0, "xlsr_x3": 29.0})
    assert {c.name: c.quality_db for c in ranking.candidates} == {"stdin": 30.0, f"xlsr_x3{SIZE}": 29.0}
    result = CliRunner().invoke(program, ["rank", "-", MODELS[1], "--format", "json"], input=network)
    assert {c["model"] for c in json.loads(result.stdout)["candidates"]} == {"stdin", f"xlsr_x3{SIZE}"}


def test_the_frame_has_a_row_a_candidate(scored: Ranking) -> None:
    frame = scored.to_frame()
    assert list(frame["model"]) == [c.name for c in scored.candidates]
    assert frame["latency_ms"].min() > 0
    assert {"score", "quality_db", "rank", "is_on_front"} <= set(frame.columns)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name_of_it,psnr_db\nx,1\n", "no column 'model'"),
        ("model,ssim\nx,1\n", "no column 'psnr_db'"),
        ("model,psnr_db\nx,high\n", ":2: 'high' is no quality in dB"),
        ("model,psnr_db\nx,inf\n", "'inf' is no quality"),
        ("model,psnr_db\nx,30\nx,31\n", ":3: x has two qualities, 30 and 31 dB"),
        ("", "no column 'model'"),
        ("model;psnr_db\nx;30\n", "found model;psnr_db"),
        ("model,psnr_db,psnr_db\nx,30,31\n", ":1: two columns 'psnr_db'"),
        ('model,psnr_db\n"x,30\n', "not CSV: unexpected end of data"),
        ("model,psnr_db\n" + "x" * 200_000 + ",30\n", "not CSV: field larger"),
    ],
)
def test_a_quality_file_that_cannot_be_meant(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_quality(path)
    assert words in str(caught.value)


def test_a_quality_file_is_read_as_spreadsheets_write_it(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes('\ufeffmodel , psnr_db,note\r\nabpn_x3,30.22,"a, b"\r\nempty,,\r\n'.encode())
    assert read_quality(path) == {"abpn_x3": 30.22}
    with pytest.raises(InputFileError, match="cannot read"):
        read_quality(tmp_path / "none.csv")
    path.write_bytes("model,psnr_db\nabpn_x3,30.22\n".encode("utf-16"))
    with pytest.raises(InputFileError, match="not UTF-8 text"):
        read_quality(path)


def test_a_quality_file_may_hold_any_name(tmp_path: Path) -> None:
    """What Python takes for a line's end in a name; rows that are short, long, or there twice."""
    path = tmp_path / "q.csv"
    text = 'model,note,psnr_db\n"a\nb",,30\nc\u2028d,x,31\nshort\nlong,,32,more,cells\nlong,,32.0\n模型,,33\n'
    path.write_text(text, encoding="utf-8")
    assert read_quality(path) == {"a\nb": 30.0, "c\u2028d": 31.0, "long": 32.0, "模型": 33.0}


def test_references_that_cannot_be_meant() -> None:
    with pytest.raises(UnknownNameError, match="abpn_x3"):
        rank(MODELS[:1], quality=QUALITY, reference=("abpm_x3", 1.0))
    with pytest.raises(ConfigError, match="needs qualities"):
        rank(MODELS[:1], reference=("abpn_x3", 1.0))
    with pytest.raises(ConfigError, match="has no quality"):
        rank((MODELS[0], MODELS[-1]), quality=QUALITY, reference=("etds_l_x3", 1.0))
    with pytest.raises(ConfigError, match="above zero"):
        rank(MODELS[:1], quality=QUALITY, reference=("abpn_x3", 0.0))


@pytest.mark.parametrize("quality", [0.0, -1.0, 201.0, float("nan")])
def test_what_is_no_psnr_is_refused(quality: float) -> None:
    with pytest.raises(ConfigError, match="abpn_x3"):
        rank(MODELS[:1], quality={"abpn_x3": quality})


def test_the_largest_difference_of_plausible_qualities_has_a_score() -> None:
    ranking = rank(MODELS[:2], quality={"abpn_x3": 200.0, "xlsr_x3": 0.01}, reference=("xlsr_x3", 1.0))
    assert [c.rank for c in ranking.candidates] == [1, 2]


def test_an_error_names_the_network() -> None:
    with pytest.raises(LatencyLabError, match=r"none\.onnx"):
        rank(["none.onnx"])


# --- the command


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(program, ["rank", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_writes_every_format(tmp_path: Path) -> None:
    quality = tmp_path / "q.csv"
    quality.write_text("model,psnr_db\n" + "".join(f"{k},{v}\n" for k, v in QUALITY.items()))
    files = {name: tmp_path / f"r{suffix}" for suffix, name in _rank.SUFFIXES.items()}
    options = [option for path in files.values() for option in ("-o", str(path))]
    arguments = (*MODELS, "--quality", str(quality), "--reference", "abpn_x3=47.18", *options)
    assert run(*arguments)[:2] == (0, "")
    first = {name: path.read_bytes() for name, path in files.items()}
    assert all(_rank.MARKERS[name] in content for name, content in first.items())
    assert run(*arguments)[:2] == (0, "")
    assert first == {name: path.read_bytes() for name, path in files.items()}
    data = json.loads(first["json"])
    rows = list(csv.DictReader(first["csv"].decode().splitlines()))
    assert [row["model"] for row in rows] == [c["model"] for c in data["candidates"]]
    assert all(
        isclose(float(row["latency_ms"]), c["latency_ms"])
        for row, c in zip(rows, data["candidates"], strict=True)
    )
    assert "Pareto front, fastest first: " in first["table"].decode()
    assert "### how to read it" in first["md"].decode()


def test_columns_of_quality_only_where_there_is_one(plain: Ranking, scored: Ranking) -> None:
    assert "dB" not in {field.header for field in _rank.fields(plain)}
    assert {"dB", "score", "front"} <= {field.header for field in _rank.fields(scored)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((MODELS[0], "--reference", "abpn_x3"), "is not NAME=SCORE"),
        ((MODELS[0], "--reference", "abpn_x3=much"), "is not NAME=SCORE"),
        ((MODELS[0], "--confidence", "1"), "--confidence"),
        ((MODELS[0], "--quality", "none.csv"), "cannot read none.csv"),
        ((MODELS[0], "-d", "dolfin_npu"), "dolphin_npu"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_command_offers_the_formats_there_are() -> None:
    from latencylab.cli import rank as command

    assert command._FORMATS == _rank.FORMATS == tuple(_rank.MARKERS)


def test_the_command_assumes_what_the_function_assumes() -> None:
    from latencylab.cli import rank as command

    stated = {p.name: p.default for p in command.command.params}
    assert stated["confidence"] == CONFIDENCE
