"""Measured budgets: neither noise nor a small effect breaks one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from gate_files import SMALL, budget, configured
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from test_measurement import MEASUREMENT

from latencylab import timing
from latencylab.gating import gate
from latencylab.gating.measured import sign_test

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.gating import Check

MS = 1_000_000


def checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, samples_ms: list[float], limit: str = "max = 10.0"
) -> Check:
    """A gate whose measurement has these samples."""
    calls: list[Any] = []

    def measured(source: Any, network: Any) -> Any:
        calls.append(source)
        yield replace(MEASUREMENT, samples_ns=tuple(round(ms * MS) for ms in samples_ms), warnings=())

    monkeypatch.setattr(timing, "measure_model", measured)
    limits = f"measured_ms = {{ {limit} }}"
    config = configured(folder, budget(limits=limits) + budget(limits=limits, device="vs640_npu"))
    first, second = (check for check in gate(config).checks if check.what == "measured_ms")
    assert (first.status, first.text) == (second.status, second.text)
    # One network is timed once, for however many budgets; none if that is switched off.
    assert calls == ([] if "off" in limit else [SMALL])
    return first


@given(above=st.integers(0, 120), below=st.integers(0, 120))
def test_the_sign_test_is_the_binomial_one(above: int, below: int) -> None:
    p = sign_test([2] * above + [0] * below, 1.0)
    expected = binomtest(above, above + below, alternative="greater").pvalue if above + below else 1.0
    assert p == pytest.approx(expected, rel=1e-9)


def test_many_samples_are_as_good_as_exact() -> None:
    p = sign_test([2] * 1040 + [0] * 960, 1.0)
    assert p == pytest.approx(binomtest(1040, 2000, alternative="greater").pvalue, rel=0.01)


def test_a_clear_excess_warns_and_names_the_slowest_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = checked(tmp_path, monkeypatch, [11.0 + 0.01 * i for i in range(20)])
    assert check.status == "warn"
    assert "exceeds 10 ms by" in check.text
    assert [culprit.name for culprit in check.culprits] == ["c", "r"]


def test_a_level_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [12.0] * 20
    assert checked(tmp_path, monkeypatch, samples, 'max = 10.0, level = "error"').status == "error"
    assert checked(tmp_path, monkeypatch, samples, 'max = 10.0, level = "off"').status == "off"


def test_a_significant_but_small_effect_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checked(tmp_path, monkeypatch, [10.2] * 50)
    assert check.status == "ok"
    assert "not clearly" in check.text
    assert checked(tmp_path, monkeypatch, [10.2] * 50, "max = 10.0, min_effect_pct = 1.0").status == "warn"


def test_a_large_but_insignificant_effect_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checked(tmp_path, monkeypatch, [5.0, 14.0, 15.0, 14.5, 6.0, 15.5, 14.0])
    assert check.status == "ok"
    assert "not clearly" in check.text


def test_a_network_is_really_timed(tmp_path: Path) -> None:
    """A limit of an hour, met by any machine: the whole way through onnxruntime."""
    name = "zoo:edge_sr_max_y_x2?height=16&width=16"
    config = configured(tmp_path, budget(name, "measured_ms = { max = 3600000.0 }"))
    (check,) = (check for check in gate(config).checks if check.what == "measured_ms")
    assert check.status == "ok"
    assert check.value is not None
    assert check.value > 0
