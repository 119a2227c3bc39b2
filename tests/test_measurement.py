"""A measurement keeps every sample, derives the rest, and comes back from JSON as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latencylab.errors import ResultError
from latencylab.measurement import (
    SCHEMA_VERSION,
    Host,
    KernelTime,
    MeasuredInput,
    MeasuredTensor,
    Measurement,
    OptimizedNode,
    Runtime,
    dumps,
    loads,
)

HOST = Host("Some CPU", 2, 4, (0, 1, 2, 3), 0.1, ("avx2",), "performance", 8 * 2**30, "Linux")
RUNTIME = Runtime("1.31", "Release", ("CPUExecutionProvider",), ("CPUExecutionProvider",), 1, 1, "all")
MEASUREMENT = Measurement(
    model_name="abpn [\n  1, 2\n]",  # looks like a list of numbers once it is in JSON
    model_sha256="ab" * 32,
    inputs=(MeasuredInput("x", (1, 3, 48, 64), "float32", "synthesised (seed 0)"),),
    host=HOST,
    runtime=RUNTIME,
    samples_ns=(1_000, 1_200, 1_100),
    warmups_ns=(5_000,),
    kernels=(
        KernelTime("c", "Conv", 3, "CPUExecutionProvider", (MeasuredTensor((1, 8), "float32"),), (700, 800)),
        KernelTime("r", "Relu", 4, "CPUExecutionProvider", (), (100,)),
    ),
    optimized_nodes=(
        OptimizedNode(
            "c", "Conv", "", ("x", "w"), ("y",), {"group": 1, "pads": (1, 1), "activation": "Relu"}
        ),
    ),
    peak_memory_bytes=10**8,
    model_memory_bytes=None,
    measured_at="2025-01-01T00:00:00+00:00",
    latencylab_version="0.1.0",
    warnings=("busy machine",),
)

SAMPLES = st.lists(st.integers(1, 10**12), min_size=1, max_size=50)


@given(SAMPLES)
def test_order_of_the_derived_figures(samples: list[int]) -> None:
    m = replace(MEASUREMENT, samples_ns=tuple(samples))
    assert m.min_ns <= m.p10_ns <= m.median_ns <= m.p90_ns <= max(samples)
    assert 0 <= m.mad_ns <= max(samples) - min(samples)


@given(SAMPLES)
def test_percentiles_are_numpys(samples: list[int]) -> None:
    m = replace(MEASUREMENT, samples_ns=tuple(samples))
    assert m.p10_ns == pytest.approx(np.percentile(samples, 10))
    assert m.p90_ns == pytest.approx(np.percentile(samples, 90))
    assert m.mad_ns == pytest.approx(np.median(np.abs(np.array(samples) - np.median(samples))))


def test_kernels_are_summed_by_their_medians() -> None:
    assert MEASUREMENT.kernels_ns == median((700, 800)) + 100


@given(SAMPLES, st.text(), st.booleans())
def test_json_gives_back_what_it_was_given(samples: list[int], name: str, is_interrupted: bool) -> None:
    name = name.encode("utf-8", "ignore").decode()
    m = replace(MEASUREMENT, samples_ns=tuple(samples), model_name=name, is_interrupted=is_interrupted)
    assert Measurement.from_json(m.to_json()) == m


def test_json_is_stable_sorted_and_compact() -> None:
    text = MEASUREMENT.to_json()
    data = json.loads(text)
    assert list(data) == sorted(data)
    assert data["samples_ns"] == [1_000, 1_200, 1_100]
    assert '"samples_ns": [ 1000, 1200, 1100 ]' in text
    assert data["model_name"] == MEASUREMENT.model_name
    assert Measurement.from_json(text).to_json() == text


def test_several_measurements_are_a_list() -> None:
    both = [MEASUREMENT, replace(MEASUREMENT, runtime=replace(RUNTIME, intra_op_threads=2))]
    assert list(loads(dumps(both))) == both
    with pytest.raises(ResultError, match="one measurement expected, found 2"):
        Measurement.from_json(dumps(both))


def altered(**changes: object) -> str:
    return json.dumps({**json.loads(MEASUREMENT.to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "kind"),
        ("{}", "kind"),
        ('{"schema_version": 1, "latency_ms": 3}', "kind"),
        (altered(schema_version=SCHEMA_VERSION + 1), "measure the model again"),
        (altered(samples_ns=[]), "no samples"),
        (altered(samples_ns=[0, 0]), "impossible"),
        (altered(samples_ns=[-5, 3, 4]), "impossible"),
        (altered(samples_ns="fast"), "samples_ns"),
        (altered(samples_ns=[1.5]), "samples_ns"),
        (altered(host={}), "host"),
        (altered(kernels=[{"name": "c"}]), "kernels"),
    ],
)
def test_what_is_no_measurement_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ResultError, match=says) as caught:
        Measurement.from_json(text)
    assert "\n" not in str(caught.value)


def test_an_estimate_is_no_measurement(an_estimate: object) -> None:
    with pytest.raises(ResultError, match="not a saved measurement"):
        Measurement.from_json(an_estimate.to_json())  # type: ignore[attr-defined]
