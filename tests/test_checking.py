"""Estimate beside measurement: every kernel of either side is in one row; figures are what they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_host import measurement

from latencylab import checking, device, pipeline
from latencylab.checking import CheckedModel, Crosscheck

if TYPE_CHECKING:
    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model

PROFILE = device.load("onnxruntime_cpu")
SIZE = "height=48&width=64"
NETWORKS = (
    "abpn_x3",
    "xlsr_x3",
    "fsrcnn_x3",
    "imdn_rtc_x2",
    "sesr_m5_y_x2",
    "e2fif_x2",
    "ncnet_x3",
    "rfdn_x2",
)
TIMES = st.lists(st.floats(1e-6, 10.0), min_size=2, max_size=20)


@cache
def case(name: str) -> tuple[Model, Measurement]:
    network = pipeline.read(f"zoo:{name}?{SIZE}")
    return network, measurement(network, PROFILE)


def checked(name: str, measured: Measurement | None = None, **options: str) -> CheckedModel:
    network, own = case(name)
    estimate = pipeline.price(network, PROFILE)
    return checking.check(network.graph, estimate, measured or own, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_machine_that_does_what_was_predicted_is_predicted_without_error(name: str) -> None:
    found = checked(name)
    assert found.error == pytest.approx(0, abs=1e-6)
    assert found.coverage == pytest.approx(1)
    # A total holds the overhead of the inference too, which kernels share.
    assert [r for r in found.rows if r.error is None] == []
    assert max(r.off_s for r in found.rows) < 0.05 * found.predicted_s


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kernel_of_either_side_is_in_one_row(name: str) -> None:
    found = checked(name)
    network, measured = case(name)
    ours = [i for row in found.rows for i in row.kernels]
    theirs = [k for row in found.rows for k in row.measured_kernels]
    assert sorted(theirs) == list(range(len(measured.kernels)))
    assert sorted(ours) == list(range(len(pipeline.price(network, PROFILE).kernels)))
    assert sum(row.measured_s for row in found.rows) == pytest.approx(found.measured_s)


def test_layout_kernels_stand_beside_those_of_their_kind_and_shape() -> None:
    found = checked("fsrcnn_x3")
    layouts = [row for row in found.rows if row.kind == "layout"]
    assert len(layouts) == 13
    assert all(row.operator in row.name for row in layouts)


def test_what_only_one_side_has_is_shown_with_nothing_on_the_other() -> None:
    _, measured = case("xlsr_x3")
    reorder = next(i for i, k in enumerate(measured.kernels) if k.op_type == "ReorderOutput")
    kernels = (*measured.kernels[:reorder], *measured.kernels[reorder + 1 :])
    found = checked("xlsr_x3", replace(measured, kernels=kernels))
    (alone,) = [row for row in found.rows if not row.measured_kernels]
    assert (alone.measured_s, alone.error, alone.kind) == (0.0, None, "layout")
    assert alone.predicted_s > 0


def test_a_row_says_why_the_model_thinks_so() -> None:
    slowest = max(checked("abpn_x3").rows, key=lambda row: row.predicted_s)
    assert slowest.bound == "COMPUTE"
    assert slowest.reason.startswith("arithmetic ")


def test_the_fastest_sample_may_stand_for_the_total() -> None:
    _, own = case("abpn_x3")
    measured = replace(own, samples_ns=(own.min_ns, 3 * own.min_ns, 3 * own.min_ns))
    assert checked("abpn_x3", measured, statistic="min").error == pytest.approx(0, abs=1e-6)
    assert checked("abpn_x3", measured).error == pytest.approx(-2 / 3, abs=1e-6)


@settings(deadline=None)  # the first call imports scipy
@given(TIMES, st.floats(0.5, 2.0))
def test_a_constant_factor_is_the_error(times: list[float], factor: float) -> None:
    found = checking.agreement([factor * t for t in times], times)
    assert found is not None
    assert found.mape == pytest.approx(abs(factor - 1), abs=1e-9)
    assert found.rmspe == pytest.approx(found.mape, abs=1e-6)


def test_ranks_are_compared_whatever_the_scale() -> None:
    same = checking.agreement([1.0, 20.0, 21.0, 30.0], [1.0, 2.0, 3.0, 4.0])
    turned = checking.agreement([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    level = checking.agreement([1.0, 1.0], [1.0, 2.0])
    assert same is not None
    assert turned is not None
    assert level is not None
    assert (same.tau, same.spearman) == (pytest.approx(1), pytest.approx(1))
    assert (turned.tau, turned.spearman) == (pytest.approx(-1), pytest.approx(-1))
    assert (level.tau, level.spearman) == (None, None)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=2, max_size=20))
def test_figures_against_their_definitions(pairs: list[tuple[float, float]]) -> None:
    predicted, measured = map(list, zip(*pairs, strict=True))
    found = checking.agreement(predicted, measured)
    assert found is not None
    errors = [abs(p / m - 1) for p, m in pairs]
    assert found.mape == pytest.approx(sum(errors) / len(errors))
    assert found.rmspe >= found.mape - 1e-12
    assert found.within[1] == sum(e <= 0.10 for e in errors) / len(errors)
    assert sorted(found.within) == list(found.within)


@settings(deadline=None)
@given(st.floats(1e-4, 1), st.floats(1e-12, 1e-9), st.lists(st.integers(0, 10**11), min_size=2, max_size=9))
def test_the_baseline_finds_what_is_affine_in_macs(a: float, b: float, macs: list[int]) -> None:
    times = [a + b * m for m in macs]
    np.testing.assert_allclose(checking.affine_in_macs(macs, times), times, rtol=1e-6)


def test_the_baseline_is_fitted_to_the_rows_it_is_judged_on() -> None:
    models = tuple(checked(name) for name in NETWORKS)
    found = Crosscheck("d", "D", "H", (), "r", models, "0")
    assert found.agreement is not None
    assert found.baseline is not None
    assert found.agreement.mape < 1e-5 < found.baseline.mape
    assert found.inside == 1.0
    assert Crosscheck("d", "D", "H", (), "r", models[:2], "0").baseline is None
