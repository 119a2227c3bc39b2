"""The saved result: it round-trips exactly, and a file that is not one is refused with its reason."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from latencylab import result, result_json
from latencylab.errors import ResultError
from latencylab.result import Bound, EngineUse, Estimate, KernelEstimate
from latencylab.work import Work

SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "result-schema.json"

seconds = st.floats(0, 1e4, allow_nan=False)
counts = st.integers(0, 10**15)
texts = st.text(max_size=12)
shares = st.floats(0, 1)
works = st.builds(Work, counts, counts, counts, counts, counts, counts)
kernels = st.builds(
    KernelEstimate,
    name=texts,
    kind=texts,
    op_types=st.lists(texts, max_size=2).map(tuple),
    nodes=st.lists(texts, max_size=2).map(tuple),
    engine=texts,
    dtype=texts,
    reason=texts,
    start_s=seconds,
    latency_s=seconds,
    compute_s=seconds,
    memory_s=seconds,
    overhead_s=seconds,
    stall_s=seconds,
    bound=st.sampled_from(Bound),
    utilization=shares,
    work=works,
    read_bytes=counts,
    dram_read_bytes=counts,
    dram_write_bytes=counts,
    dram_bytes_by_cause=st.dictionaries(texts, counts, max_size=2),
    is_priced=st.booleans(),
    is_layout=st.booleans(),
    depends_on=st.just(()),
    tile_plan=texts,
    assumed_share=shares,
)
estimates = st.builds(
    Estimate,
    model=st.builds(
        result.ModelInfo,
        texts,
        texts,
        counts,
        counts,
        counts,
        counts,
        st.just((result.InputInfo("x", (1, 3), "uint8"),)),
    ),
    device=st.builds(result.DeviceInfo, texts, texts, texts, texts, texts, texts),
    engine=texts,
    dtype=texts,
    latency_s=seconds,
    low_s=seconds,
    high_s=seconds,
    kernels=st.lists(kernels, max_size=2).map(tuple),
    engines=st.lists(st.builds(EngineUse, texts, seconds, seconds, seconds), max_size=2).map(tuple),
    dram_read_bytes=counts,
    dram_write_bytes=counts,
    latencylab_version=texts,
    cost_model_version=texts,
    peak_scratchpad_bytes=st.none() | counts,
    unpriced=st.lists(st.builds(result.Unpriced, texts, counts, st.just(("n",))), max_size=1).map(tuple),
    fallbacks=st.lists(st.builds(result.Fallback, texts, texts, texts, seconds), max_size=1).map(tuple),
    assumptions=st.lists(texts, max_size=2).map(tuple),
    advice=st.lists(st.builds(result.Advice, texts, seconds, st.just(("n",))), max_size=1).map(tuple),
)


@given(estimates)
def test_an_estimate_and_its_json_are_the_same_thing(estimate: Estimate) -> None:
    text = estimate.to_json()
    assert Estimate.from_json(text) == estimate
    assert Estimate.from_json(text.encode()).to_json() == text


@given(estimates)
def test_what_is_written_satisfies_the_schema(estimate: Estimate) -> None:
    validator = Draft202012Validator(result_json.schema())
    assert validator.is_valid(json.loads(estimate.to_json()))
    assert validator.is_valid(json.loads(result_json.dumps((estimate, estimate))))


def test_the_committed_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == result_json.schema(), "run: make schemas"


def test_the_schema_refuses_a_result_without_latency(an_estimate: Estimate) -> None:
    data = an_estimate.to_dict()
    del data["latency_ms"]
    assert not Draft202012Validator(result_json.schema()).is_valid(data)


def test_units_stand_in_the_names(an_estimate: Estimate) -> None:
    data = an_estimate.to_dict()
    assert data["latency_ms"] == pytest.approx(an_estimate.latency_s * 1e3)
    assert data["latency_low_ms"] <= data["latency_ms"] <= data["latency_high_ms"]
    row = data["meta_nodes"][0]
    assert row["macs"] == an_estimate.kernels[0].work.macs
    assert row["dram_bytes"] == row["dram_read_bytes"] + row["dram_write_bytes"]
    assert not [key for key in (*data, *row) if key.endswith("_s")]


def test_keys_are_sorted_and_text_is_ascii(an_estimate: Estimate) -> None:
    text = replace(an_estimate, assumptions=("naïve \ud800 \x1b[31m",)).to_json()
    assert text.isascii()
    assert "\x1b" not in text
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_several_results_read_back(an_estimate: Estimate) -> None:
    other = replace(an_estimate, engine="other")
    assert result_json.loads_all(result_json.dumps((an_estimate, other))) == (an_estimate, other)


def test_an_estimate_pickles(an_estimate: Estimate) -> None:
    assert pickle.loads(pickle.dumps(an_estimate)) == an_estimate


def test_every_result_type_is_frozen_and_slotted() -> None:
    types = [t for t in vars(result).values() if isinstance(t, type) and t.__module__ == result.__name__]
    dataclasses = [t for t in types if hasattr(t, "__dataclass_params__")]
    assert len(dataclasses) >= 9
    assert all(t.__dataclass_params__.frozen and "__slots__" in vars(t) for t in dataclasses)


def test_every_field_of_a_result_is_described() -> None:
    """A field whose meaning or unit is not in its own name is explained in the docstring."""
    described = KernelEstimate.__doc__ or ""
    plain = {"engine", "dtype", "bound", "work", "is_priced", "is_layout"}
    assert [f.name for f in fields(KernelEstimate) if f.name not in plain and f.name not in described] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("\x80\x81", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("null", "no schema_version"),
        ("{}", "no schema_version"),
        ('[{"schema_version": 1}, 3]', "model is missing"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": NaN}', "NaN"),
        ("[]", "found 0"),
    ],
)
def test_what_is_no_result_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ResultError, match=reason):
        Estimate.from_json(text)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("latency_ms", "fast", "latency_ms must be a number"),
        ("latency_ms", True, "latency_ms must be a number"),
        pytest.param("interval", 10**400, "interval must be a finite number", id="huge"),
        ("dram_read_bytes", 1.5, "dram_read_bytes must be a whole number"),
        ("meta_nodes", {}, "meta_nodes must be a list"),
        ("meta_nodes", [7], r"meta_nodes\[0\] must be an object"),
        ("model", [], "model must be an object"),
        ("critical_path", [99], "does not hold"),
        ("critical_path", [-1], "does not hold"),
    ],
)
def test_a_corrupt_result_names_the_place(
    an_estimate: Estimate, key: str, value: object, reason: str
) -> None:
    with pytest.raises(ResultError, match=reason):
        Estimate.from_json(json.dumps(an_estimate.to_dict() | {key: value}))


def test_an_infinite_number_is_refused(an_estimate: Estimate) -> None:
    text = json.dumps(an_estimate.to_dict() | {"latency_ms": 0.0}).replace(
        '"latency_ms": 0.0', '"latency_ms": 1e999'
    )
    with pytest.raises(ResultError, match="finite"):
        Estimate.from_json(text)


def test_an_unknown_bound_is_refused(an_estimate: Estimate) -> None:
    data = an_estimate.to_dict()
    data["meta_nodes"][0]["bound"] = "LUCK"
    with pytest.raises(ResultError, match=r"meta_nodes\[0\].bound must be one of COMPUTE"):
        Estimate.from_json(json.dumps(data))


def test_unknown_keys_are_ignored(an_estimate: Estimate) -> None:
    data = an_estimate.to_dict() | {"added_later": 1}
    assert Estimate.from_json(json.dumps(data)) == an_estimate
