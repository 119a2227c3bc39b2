"""Fitting: what a device's rows were made with is found again; what they cannot tell is said."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from calibration_rows import NETWORKS, TRUTH, made, tables, write_profile
from device_tables import sourced

from latencylab import device, fitting
from latencylab.errors import ConfigError, InputFileError, LatencyLabError, ModelError, UnknownNameError
from latencylab.fitting.calibration import calibrate, offered, rows_of
from latencylab.fitting.findings import correlations, findings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_profile(tmp_path_factory.mktemp("profiles"))


@pytest.fixture(scope="module")
def rows(profile: Path) -> tuple[fitting.Row, ...]:
    return made(profile)


def parameters(rows: tuple[fitting.Row, ...], *patterns: str) -> tuple[fitting.Parameter, ...]:
    return offered(rows, patterns)


def wide(chosen: tuple[fitting.Parameter, ...]) -> tuple[fitting.Parameter, ...]:
    """The same with priors that hardly pull."""
    return tuple(replace(p, prior_sigma=20.0) for p in chosen)


# --- what is found -----------------------------------------------------------------------------------------


def test_the_values_that_made_the_rows_are_found_again(rows: tuple[fitting.Row, ...]) -> None:
    found = fitting.fit(fitting.Predictor(rows), wide(parameters(rows, *TRUTH)))
    assert found.values == pytest.approx(TRUTH, rel=0.02)
    assert found.predicted_ms == pytest.approx([row.latency_ms for row in rows], rel=1e-3)


def test_a_whole_number_is_found_among_powers_of_two(tmp_path: Path) -> None:
    memory = tables()["memory"] | {"scratchpad": {"size_bytes": sourced(65536, low=16384, high=262144)}}
    profile = write_profile(tmp_path, memory=memory)
    rows = made(profile, {"memory.scratchpad.size_bytes": 32768})[-2:]
    found = fitting.fit(fitting.Predictor(rows), parameters(rows, "memory.scratchpad.size_bytes"))
    assert found.values == {"memory.scratchpad.size_bytes": 32768}
    assert found.sigma == {}


def test_tied_paths_move_together(rows: tuple[fitting.Row, ...]) -> None:
    (one,) = parameters(rows, "engines.mac.launch_s")
    tied = replace(one, ties=("engines.mac.handover_s",))
    found = fitting.fit(fitting.Predictor(rows), (tied,))
    assert found.values["engines.mac.launch_s"] == found.values["engines.mac.handover_s"]


def test_a_tight_prior_holds_against_the_rows_and_a_wide_one_gives_way(rows: tuple[fitting.Row, ...]) -> None:
    (loose,) = wide(parameters(rows, "memory.dram.efficiency"))
    tight = replace(loose, prior_sigma=1e-4)
    predictor = fitting.Predictor(rows)
    assert fitting.fit(predictor, (tight,)).values[tight.name] == pytest.approx(0.5, rel=1e-2)
    assert fitting.fit(predictor, (loose,)).values[loose.name] < 0.45


def test_values_stay_within_their_bounds_and_the_report_says_where_they_were_stopped(
    rows: tuple[fitting.Row, ...],
) -> None:
    (one,) = parameters(rows, "memory.dram.efficiency")
    found = calibrate(rows, (replace(one, low=0.45, prior_sigma=20.0),), leave_out=False)
    assert found.fit.values[one.name] == pytest.approx(0.45)
    assert findings(found)["parameters"][0]["note"] == "at its lower bound"


def test_one_physics_and_two_clocks_are_told_apart(tmp_path: Path) -> None:
    big, small = write_profile(tmp_path, "big"), write_profile(tmp_path, "small")
    truth = {
        "memory.dram.efficiency": 0.35,
        f"{big}/engines.mac.clock_hz": 1.6e9,
        f"{small}/engines.mac.clock_hz": 0.7e9,
    }
    both = (*made(big, truth), *(fitting.narrowed(r, id=f"s{r.id}") for r in made(small, truth)))
    chosen = wide(parameters(both, *truth))
    assert [p.device for p in chosen] == ["", str(big), str(small)]
    assert fitting.fit(fitting.Predictor(both), chosen).values == pytest.approx(truth, rel=0.02)


def test_what_the_rows_cannot_tell_apart_is_named(profile: Path) -> None:
    # One network at two sizes: a cost per inference and one per kernel are the same to both.
    truth = {"overhead.inference_s": 5e-4, "engines.mac.launch_s": 5e-5}
    alike = tuple(row for row in made(profile, truth) if "abpn" in row.model)
    chosen = parameters(alike, *truth)
    near = tuple(replace(p, start=truth[p.path], prior_sigma=1.0) for p in chosen)
    found = calibrate(alike, near, leave_out=False)
    (pair,) = correlations(found)
    assert {pair["first"], pair["second"]} == set(truth)
    assert pair["correlation"] < -0.9


def test_uncertainty_grows_with_the_scatter_of_the_rows(rows: tuple[fitting.Row, ...]) -> None:
    chosen = wide(parameters(rows, "memory.dram.efficiency"))
    name = chosen[0].name
    factors = (1.3, 0.7, 1.3, 0.7, 1.0)
    noisy = tuple(
        fitting.narrowed(row, latency_ms=row.latency_ms * f) for row, f in zip(rows, factors, strict=True)
    )
    exact = fitting.fit(fitting.Predictor(rows), chosen).sigma[name]
    assert fitting.fit(fitting.Predictor(noisy), chosen).sigma[name] > 2 * exact


def test_a_network_left_out_is_predicted_by_a_fit_that_never_saw_it(rows: tuple[fitting.Row, ...]) -> None:
    chosen = wide(parameters(rows, "memory.dram.efficiency"))
    # One network lies: the fit that does not see it predicts what the others say of it.
    honest = [row for row in rows if "espcn" not in row.model]
    (liar,) = (fitting.narrowed(row, latency_ms=row.latency_ms * 2) for row in rows if row not in honest)
    found = fitting.leave_one_network_out(fitting.Predictor([*honest, liar]), chosen)
    left = {out.row.id: out for out in found}
    truth = fitting.fit(fitting.Predictor(honest), chosen)
    expected = fitting.Predictor([liar]).predict_ms(truth.values)[0]
    assert left[liar.id].predicted_ms == pytest.approx(expected, rel=1e-3)
    assert set(left) == {row.id for row in rows}


def test_all_scales_and_sizes_of_a_network_are_left_out_together(rows: tuple[fitting.Row, ...]) -> None:
    assert [row.network.removeprefix("zoo:") for row in rows] == [
        *("abpn", "abpn", "espcn", "ecbsr_m4c16", "ecbsr_m4c32"),
    ]
    twin = fitting.narrowed(rows[0], model="zoo:abpn_m4c28_twin_x3", family="zoo:abpn")
    assert twin.network == "zoo:abpn"


def test_a_network_with_an_operator_of_its_own_is_marked(rows: tuple[fitting.Row, ...]) -> None:
    chosen = parameters(rows, "memory.dram.efficiency")
    left = fitting.leave_one_network_out(fitting.Predictor(rows), chosen)
    # ESPCN's Tanh and ABPN's Concat occur nowhere else; the two ECBSR know each other's PReLU.
    assert {out.row.network for out in left if out.is_foreign} == {"zoo:espcn", "zoo:abpn"}


def test_one_network_alone_cannot_be_left_out(rows: tuple[fitting.Row, ...]) -> None:
    found = calibrate(rows[:2], parameters(rows[:2], "memory.dram.efficiency"))
    assert found.left_out == ()
    assert found.sigma_log(rows[:2]) is None


def test_parameters_that_move_no_row_are_set_aside(rows: tuple[fitting.Row, ...]) -> None:
    chosen = parameters(rows, "memory.dram.efficiency", "engines.mac.clock_hz")
    convolution_free = tuple(fitting.narrowed(row, model="zoo:metanode_add") for row in rows[:1])
    found = calibrate(convolution_free, chosen, leave_out=False)
    assert [p.path for p in found.untouched] == ["engines.mac.clock_hz"]


# --- choice of parameters ----------------------------------------------------------------------------------


def test_everything_with_bounds_is_offered_but_what_a_datasheet_states(rows: tuple[fitting.Row, ...]) -> None:
    assert {p.path for p in parameters(rows)} == {
        "memory.dram.efficiency",
        "overhead.inference_s",
        "engines.mac.launch_s",
        "engines.mac.clock_hz",
        "engines.mac.handover_s",
    }
    assert [p.path for p in parameters(rows, "engines.cpu.clock_hz")] == ["engines.cpu.clock_hz"]
    assert {p.path for p in parameters(rows, "engines.mac.*_s")} == {
        "engines.mac.launch_s",
        "engines.mac.handover_s",
    }


def test_a_bound_of_zero_is_a_thousandth_of_the_other(rows: tuple[fitting.Row, ...]) -> None:
    (launch,) = parameters(rows, "engines.mac.launch_s")
    assert (launch.low, launch.high, launch.start) == pytest.approx((1e-7, 1e-4, 1e-6))
    assert launch.prior_sigma == pytest.approx(math.log(1000) / 4)


def test_a_fit_starts_again_from_the_prior_not_from_what_was_fitted() -> None:
    stated = device.Share(
        value=0.7, provenance="fitted", source="rows", sigma_pct=1, low=0.2, high=0.8, prior=0.5
    )
    from latencylab.fitting.choice import from_value

    parameter = from_value("memory.dram.efficiency", "", stated)
    assert parameter.start == 0.5
    assert parameter.prior_sigma == pytest.approx(math.log(4) / 4)
    without = from_value("memory.dram.efficiency", "", replace(stated, prior=None))
    assert without.start == pytest.approx(math.sqrt(0.2 * 0.8))


def test_runtimes_that_differ_have_numbers_of_their_own() -> None:
    runtimes = ("synap_offline", "nnapi_online", "nnapi_2021")
    profiles = {f"dolphin_npu:{name}": device.load("dolphin_npu", name) for name in runtimes}
    found = {p.name for p in fitting.chosen(profiles, ["engines.nn.launch_s", "engines.tp.launch_s"])}
    assert found == {
        "dolphin_npu/engines.nn.launch_s",
        "dolphin_npu:nnapi_2021/engines.nn.launch_s",
        "engines.tp.launch_s",
    }


def test_the_narrower_owner_decides(profile: Path, rows: tuple[fitting.Row, ...]) -> None:
    predictor = fitting.Predictor(rows[:1])
    own = {f"{profile}/overhead.inference_s": 1e-4, "overhead.inference_s": 5e-4}
    assert predictor.predict_ms(own) == predictor.predict_ms({"overhead.inference_s": 1e-4})


# --- rows --------------------------------------------------------------------------------------------------


def test_a_difference_of_two_networks_is_a_row(profile: Path) -> None:
    big, small = made(profile)[1], made(profile)[0]
    difference = fitting.narrowed(big, minus=small.model)
    assert fitting.Predictor([difference]).predict_ms(TRUTH)[0] == pytest.approx(
        big.latency_ms - small.latency_ms
    )


def test_a_row_may_time_one_meta_node(profile: Path) -> None:
    row = made(profile)[0]
    predictor = fitting.Predictor([row])
    names = [kernel.meta.name for kernel in predictor.program(row).kernels if kernel.runs]
    parts = [fitting.narrowed(row, id=name, meta_node=name) for name in names]
    times = fitting.Predictor(parts).predict_ms({})
    assert all(0 < ms < row.latency_ms for ms in times)
    with pytest.raises(UnknownNameError, match="row r0: unknown meta-node 'none'"):
        fitting.Predictor([fitting.narrowed(row, meta_node="none")]).predict_ms({})


def test_a_row_may_hold_parameters_of_its_own(profile: Path) -> None:
    row = made(profile, {})[0]
    slow = fitting.narrowed(row, overrides=(("overhead.inference_s", 1e-3),))
    assert fitting.Predictor([slow]).predict_ms({})[0] == pytest.approx(row.latency_ms + 0.99)


HEADER = "id,model,device,latency_ms,weight,role,set\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "a,zoo:abpn_x3,tiny,nan,,,\n", "rows.csv:2: latency_ms: found 'nan'"),
        (HEADER + "# a comment\n\na,zoo:abpn_x3,tiny,0,,,\n", "rows.csv:4: latency_ms: found '0'"),
        (HEADER + "a,zoo:abpn_x3,tiny,-1,,,\n", "latency_ms: found '-1', expected a number above zero"),
        (HEADER + "a,zoo:abpn_x3,tiny,12 ms,,,\n", "latency_ms: found '12 ms'"),
        (HEADER + "a,zoo:abpn_x3,tiny,1,inf,,\n", "weight: found 'inf'"),
        (HEADER + "a,zoo:abpn_x3,tiny,1,,fitt,\n", "role: found 'fitt', expected fit or report"),
        ("id,model,device,latency_ms,layout\na,b,c,1,nhcw\n", "layout: found 'nhcw', expected nchw or nhwc"),
        (
            "id,model,device,latency_ms,dtype\na,b,c,1,uint9\n",
            "dtype: found 'uint9', expected an element type",
        ),
        (
            HEADER + 'a,zoo:abpn_x3,tiny,"1,5",,,\n',
            "found '1,5', expected a number above zero with a decimal point",
        ),
        (HEADER + "a,zoo:abpn_x3,tiny,1_000,,,\n", "latency_ms: found '1_000'"),
        (HEADER + "a,zoo:abpn_x3,tiny,1,,,,8\n", "rows.csv:2: found 8 cells, expected 7"),
        (HEADER + "a,zoo:abpn_x3,tiny,1,,,x=y\n", "set: found 'x=y', expected path=number"),
        (HEADER + "a,zoo:abpn_x3,tiny,1\n", "rows.csv:2: found 4 cells, expected 7"),
        (HEADER + ",zoo:abpn_x3,tiny,1,,,\n", "id: found nothing, expected a name"),
        (HEADER + "a,zoo:x,tiny,1,,,\na,zoo:y,tiny,1,,,\n", "id 'a' stands for two rows"),
        ("id,model,device,latency_us\na,b,c,1\n", "unknown column 'latency_us', did you mean 'latency_ms'?"),
        ("id,model,latency_ms\n", "no column device"),
        ("id,id,model\n", "two columns are called 'id'"),
        (HEADER, "no row in it"),
        ("", "no column id"),
    ],
)
def test_a_faulty_row_is_one_line_that_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        fitting.read_rows(path)
    assert said in str(caught.value)


PLAIN = "id,model,device,latency_ms,set\na,zoo:x,tiny,1.5,p=1;q=2\nb,zoo:y,tiny,2,\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("p=1;q=2", '"p=1;q=2"').encode(),
        PLAIN.replace("p=1;q=2", '"p=1;q=2"').replace(",", ";").encode("utf-8-sig"),
        PLAIN.replace(",", "\t").encode(),
        ("sep=,\r\n" + PLAIN).encode(),
        PLAIN.replace("\n", ",,\n").encode() + b",,,,,,\n",
        b"\n# a comment; with, commas\n" + PLAIN.encode() + b"\n\n",
        PLAIN.replace(",", " , ").encode(),
    ],
)
def test_what_spreadsheets_write_is_read_alike(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(PLAIN)
    expected = fitting.read_rows(path)
    assert expected[0].overrides == (("p", 1.0), ("q", 2.0))
    path.write_bytes(content)
    assert fitting.read_rows(path) == expected


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"overrides": (("memory.dram.eff", 0.5),)},
            "row r0: set: unknown parameter 'memory.dram.eff'; did you mean",
        ),
        (
            {"overrides": (("memory.dram.efficiency", 2.0),)},
            "row r0: set: tiny: memory.dram.efficiency: found 2",
        ),
        ({"minus": "zoo:abpn_x3?height=36&width=72"}, "row r0: minus zoo:abpn_x3?height=36"),
    ],
)
def test_a_row_that_cannot_be_fitted_is_named(rows: tuple[fitting.Row, ...], row: dict, said: str) -> None:
    faulty = (fitting.narrowed(rows[0], **row), *rows[1:])
    with pytest.raises(LatencyLabError) as caught:
        calibrate(faulty, parameters(rows, "memory.dram.efficiency"), leave_out=False)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"id,\xff\xfe\n")
    with pytest.raises(ConfigError, match="not a CSV of rows"):
        fitting.read_rows(path)
    with pytest.raises(InputFileError, match="cannot read rows"):
        fitting.read_rows(tmp_path / "none.csv")


def test_a_model_may_lie_beside_the_rows(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"")
    (tmp_path / "rows.csv").write_text(
        "id,model,device,latency_ms\na,mine.onnx,tiny,1\nb,other.onnx,tiny,1\n"
    )
    mine, other = fitting.read_rows(tmp_path / "rows.csv")
    assert (mine.model, other.model) == (str(tmp_path / "mine.onnx"), "other.onnx")


def test_rows_in_another_unit_are_pointed_at(rows: tuple[fitting.Row, ...]) -> None:
    wrong = (fitting.narrowed(rows[0], latency_ms=rows[0].latency_ms * 1000), *rows[1:])
    predicted = fitting.Predictor(wrong).predict_ms({})
    assert [row.id for row in fitting.suspicious_units(wrong, predicted)] == ["r0"]
    with pytest.raises(ConfigError, match=r"^row r0: .* is latency_ms in milliseconds\?$"):
        calibrate(wrong, parameters(wrong, "memory.dram.efficiency"))


def test_a_whole_file_in_seconds_is_noticed_and_a_slow_device_is_not(rows: tuple[fitting.Row, ...]) -> None:
    def scaled(factor: float) -> tuple[fitting.Row, ...]:
        return tuple(fitting.narrowed(row, latency_ms=row.latency_ms * factor) for row in rows)

    predicted = fitting.Predictor(rows).predict_ms({})
    assert len(fitting.suspicious_units(scaled(1e-3), predicted)) == len(rows)
    assert fitting.suspicious_units(scaled(20), predicted) == ()


def test_more_unknowns_than_rows_and_priors_are_refused(rows: tuple[fitting.Row, ...]) -> None:
    chosen = wide(parameters(rows, *TRUTH))
    with pytest.raises(ConfigError, match="2 rows and 0 informative priors cannot determine 3 parameters"):
        fitting.require_determined(rows[:2], chosen)
    fitting.require_determined(rows[:2], (replace(chosen[0], prior_sigma=0.1), *chosen[1:]))
    fitting.require_determined(rows[:3], chosen)


def test_nothing_to_fit_is_said(rows: tuple[fitting.Row, ...]) -> None:
    reported = tuple(fitting.narrowed(row, role="report") for row in rows)
    chosen = parameters(rows, "memory.dram.efficiency")
    with pytest.raises(ConfigError, match="no row has the role 'fit'"):
        calibrate(reported, chosen)
    with pytest.raises(ConfigError, match="no parameter to fit"):
        calibrate(rows, ())


def test_what_cannot_be_predicted_names_its_row(tmp_path: Path, rows: tuple[fitting.Row, ...]) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x00no model")
    for model, error in (
        ("zoo:abpm_x3", UnknownNameError),
        (str(tmp_path / "none.onnx"), InputFileError),
        (str(tmp_path / "bad.onnx"), ModelError),
    ):
        with pytest.raises(error, match=r"^row r0: "):
            fitting.Predictor([fitting.narrowed(rows[0], model=model)]).predict_ms({})


def test_rows_are_found_by_name_alias_and_runtime() -> None:
    def row(device: str) -> fitting.Row:
        return fitting.Row(device, "zoo:abpn_x3", "", device, "", "", 1.0, 1.0, "fit", (), "", "")

    rows = [row("dolphin"), row("dolphin_npu:nnapi_2021"), row("vs640_npu"), row("dolphin_npu:synap_offline")]
    assert [r.device for r in rows_of(["dolphin_npu"], rows)] == [
        "dolphin_npu",
        "dolphin_npu:nnapi_2021",
        "dolphin_npu:synap_offline",
    ]
    assert [r.id for r in rows_of(["dolphin_npu:nnapi_2021"], rows)] == ["dolphin", "dolphin_npu:nnapi_2021"]
    with pytest.raises(ConfigError, match="no row is of mobile_cpu: the rows name dolphin"):
        rows_of(["mobile_cpu"], rows)


# --- figures -----------------------------------------------------------------------------------------------


def test_agreement_by_hand() -> None:
    found = fitting.agreement([10.0, 20.0, 40.0], [11.0, 18.0, 60.0])
    assert found is not None
    assert found.mape == pytest.approx((0.1 + 0.1 + 0.5) / 3)
    assert (found.median, found.worst) == pytest.approx((0.1, 0.5))
    assert found.tau == pytest.approx(1.0)
    assert fitting.agreement([], []) is None
    assert fitting.kendall_tau([1.0, 1.0], [1.0, 2.0]) is None
    assert fitting.kendall_tau([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-1.0)


def test_the_interval_covers_nine_in_ten_even_from_few_rows() -> None:
    from latencylab.fitting.agreement import SIGMA_FLOOR, sigma_of_interval

    random = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        errors = np.exp(0.2 * random.standard_normal(5))
        sigma = sigma_of_interval([1.0] * 4, list(errors[:4]))
        inside += abs(math.log(errors[4])) <= 1.6449 * sigma
    assert 0.88 <= inside / 2000 <= 0.92
    assert sigma_of_interval([1.0] * 8, [1.001] * 8) == SIGMA_FLOOR


def test_every_network_of_these_tests_is_used() -> None:
    assert len({model.partition("?")[0] for model in NETWORKS}) == 4
