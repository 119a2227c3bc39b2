"""Faulty profiles: every fault at once, each with its file, its key, what was found and what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from device_tables import minimal, sourced, to_toml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from latencylab import device
from latencylab.device.construction import build
from latencylab.device.explanation import adapter
from latencylab.device.json_schema import schema
from latencylab.device.overlay import read_toml
from latencylab.device.validation import validate
from latencylab.errors import ProfileError

DOCS = Path(__file__).parent.parent / "docs"


def bent(path: str, value: Any) -> dict[str, Any]:
    """The minimal profile with one key set to a value; None removes it."""
    tables = minimal()
    *parents, key = path.split("/")
    table = tables
    for parent in parents:
        table = table.setdefault(parent, {})
    if value is None:
        del table[key]
    else:
        table[key] = value
    return tables


FAULTS = [
    # spelling
    ("titel", "x", "titel: unknown key, did you mean 'title'?"),
    ("memory/dram/eficiency", sourced(1), "memory.dram.eficiency: unknown key, did you mean 'efficiency'?"),
    ("engines/mac/claunch_s", sourced(1), "engines.mac.claunch_s: unknown key, did you mean 'launch_s'?"),
    ("engines/mac/count/valu", 1, "engines.mac.count.valu: unknown key, did you mean 'value'?"),
    # absence
    ("memory/dram/patterns/narrow", None, "memory.dram.patterns.narrow: missing"),
    ("engines/mac/launch_s", None, "engines.mac.launch_s: missing"),
    ("name", None, "name: missing"),
    ("memory/dram/efficiency/source", None, "memory.dram.efficiency.source: missing"),
    ("memory/scratchpad", None, "memory.scratchpad: missing, an NPU computes out of its scratchpad"),
    # types
    ("title", 5, "title: found 5, expected text"),
    ("fusion", "conv_relu", "fusion: found 'conv_relu', expected a list"),
    ("memory", 5, "memory: found 5, expected a table"),
    ("engines/mac/launch_s", 5e-6, "engines.mac.launch_s: found 5e-06, expected a table { value ="),
    ("engines/mac/launch_s/value", "5us", "engines.mac.launch_s.value: found '5us', expected a valid number"),
    ("engines/mac/count/value", 2.5, "engines.mac.count.value: found 2.5, expected a valid integer"),
    ("engines/mac/count/value", True, "engines.mac.count.value: found True, expected a valid integer"),
    ("engines/mac/clock_hz/value", True, "engines.mac.clock_hz.value: found True, expected a valid number"),
    ("schema_version", 2, "schema_version: found 2, expected 1"),
    # choices
    ("class", "tpu", "class: found 'tpu', expected 'npu', 'gpu' or 'cpu'"),
    ("native_layout", "nhcw", "native_layout: found 'nhcw', expected 'nchw' or 'nhwc'"),
    ("engines/mac/role", "matix", "engines.mac.role: found 'matix', expected 'matrix', 'vector' or 'host'"),
    ("engines/mac/launch_s/provenance", "guess", "launch_s.provenance: found 'guess', expected 'datasheet'"),
    ("deployment_dtype", "uint9", "deployment_dtype: found 'uint9', expected an element type that"),
    # numbers
    ("engines/mac/count/value", 0, "engines.mac.count: found 0, expected a number from 1"),
    (
        "engines/mac/clock_hz/value",
        -1e9,
        "engines.mac.clock_hz: found -1e+09, expected a number from 100000 to 1e+30 Hz",
    ),
    (
        "engines/mac/launch_s/value",
        -1e-9,
        "engines.mac.launch_s: found -1e-09, expected a number from 0 to 1 s",
    ),
    (
        "memory/dram/efficiency/value",
        1.5,
        "memory.dram.efficiency: found 1.5, expected a number from 1e-06 to 1",
    ),
    (
        "memory/dram/latency_s/value",
        float("nan"),
        "memory.dram.latency_s.value: found nan, expected a finite",
    ),
    (
        "memory/dram/latency_s/value",
        float("inf"),
        "memory.dram.latency_s.value: found inf, expected a finite",
    ),
    ("memory/scratchpad/size_bytes/value", 512, "memory.scratchpad: found 512 bytes, expected at least 1024"),
    # units
    ("engines/mac/clock_hz/value", 1000, "clock_hz: found 1000, expected a number from 100000 to 1e+30 Hz"),
    ("engines/mac/launch_s/value", 5, "engines.mac.launch_s: found 5, expected a number from 0 to 1 s"),
    ("memory/dram/peak_bytes_per_s/value", 29.9, "found 29.9, expected a number from 1e+06 to 1e+30 bytes/s"),
    ("engines/mac/clock_hz", "1 GHz", "clock_hz: found '1 GHz', expected a table { value = ..., provenance"),
    # what no arithmetic survives
    ("engines/mac/macs_per_cycle/uint8/value", 1e-300, "uint8: found 1e-300, expected 0, or a number from"),
    ("engines/mac/count/value", 10**400, "engines.mac.count: found 1000"),
    ("accuracy/sigma_log/value", 700, "accuracy.sigma_log: found 700, expected a number from 0.001 to 3"),
    # provenance
    ("memory/dram/latency_s/source", " ", "memory.dram.latency_s: found an empty source"),
    ("memory/dram/latency_s/low", 0, "memory.dram.latency_s: low and high must be given together"),
    ("memory/dram/efficiency/high", 0.4, "efficiency: found 0.5, expected low 0.2 <= value <= high 0.4"),
    ("memory/dram/efficiency/high", 2, "efficiency: found high 2, expected a number from 1e-06 to 1"),
    ("memory/dram/efficiency/low", -1, "efficiency: found low -1, expected a number from 1e-06 to 1"),
    (
        "memory/dram/efficiency/prior",
        0.9,
        "efficiency: found prior 0.9, expected a number within low and high",
    ),
    ("memory/dram/efficiency/sigma_pct", -1, "efficiency: found sigma_pct -1, expected at least 0"),
    ("memory/dram/latency_s/provenance", "fitted", "a fitted value must state its residual or its sigma_pct"),
    # names
    (
        "operators/Add",
        {"uint8": "mca"},
        "operators.Add.uint8: found 'mca', expected an engine, did you mean 'mac'",
    ),
    ("operators/Add", {"unit8": "cpu"}, "operators.Add.unit8: found 'unit8', expected an element type"),
    ("engines/mac/macs_per_cycle/int7", sourced(1), "engines.mac.macs_per_cycle.int7: found 'int7'"),
    ("engines/mac/strided_by", "tp", "engines.mac.strided_by: found 'tp', expected another engine"),
    ("engines/mac/strided_by", "mac", "engines.mac.strided_by: found 'mac', expected another engine"),
    ("deployment_dtype", "string", "deployment_dtype: found 'string', expected an element type that"),
    ("name", "", "name: found '', expected letters, digits and any of"),
    ("name", "a:b", "name: found 'a:b', expected letters, digits and any of"),
    ("aliases", ["ok", "a/b"], "aliases.1: found 'a/b', expected letters, digits"),
    ("engines/mac/per_channel_by", "tp", "engines.mac.per_channel_by: found 'tp', expected another engine"),
    ("engines/a.b", {}, "engines.a.b: a key may be neither empty nor contain a dot"),
    ("rules", [{"id": "a", "level": "warn", "reason": "x"}] * 2, "rules: found 'a' more than once"),
    ("schema_version", True, "schema_version: found True, expected"),
    ("rules", [{"id": "No!", "level": "warn", "reason": "x"}], "rules.0: found id 'No!'"),
    ("accuracy/rows", -1, "accuracy: found -1 rows, expected at least 0"),
    # contradictions
    (
        "operators/Add",
        {"int8": "mac"},
        "operators.Add.int8: found 'mac', which has neither MACs nor lanes for int8",
    ),
    (
        "operators/Add",
        {"uint8": "mac"},
        "operators.Add.uint8: found 'mac', which has no lanes for uint8: it would cost nothing",
    ),
    (
        "operators/Conv",
        {"*": "mac"},
        "operators.Conv.*: found 'mac', which has neither MACs nor lanes for float32 and 24 other types",
    ),
    ("operators/Add", {"uint8": "free"}, "free_reasons.Add: missing, a free operator states why"),
    ("operators/*", {"uint8": "cpu"}, "operators.*.*: missing, every operator must run somewhere"),
    ("engines/mac/macs_per_cycle", {}, "engines.mac.macs_per_cycle: missing, a matrix engine multiplies"),
    ("engines/cpu/lanes", {"*": sourced(0)}, "engines.cpu.lanes: missing, a host engine computes element by"),
    ("engines/cpu/cycles_per_op", None, "engines.cpu.cycles_per_op: missing, lanes need the cycles"),
    ("engines", {}, "engines: found none, expected at least one"),
]


@pytest.mark.parametrize(
    ("path", "value", "said"), FAULTS, ids=[f"{path}={value!s:.40}" for path, value, _ in FAULTS]
)
def test_a_fault_is_said_on_one_line(path: str, value: Any, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        validate(bent(path, value))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_operator_with_a_measured_rate_needs_no_lanes_nor_does_a_view() -> None:
    tables = bent("operators/DepthToSpace", {"uint8": "mac"})
    tables["operators"]["Reshape"] = {"uint8": "mac"}
    tables["engines"]["mac"]["element_cycles"] = {"DepthToSpace": sourced(1)}
    with pytest.raises(ProfileError, match=r"^profile: operators\.Reshape\.uint8: found 'mac'"):
        validate(tables)
    assert validate(tables | {"views": ["Reshape"]}).engine_for("DepthToSpace", "uint8") == "mac"


def test_all_faults_at_once() -> None:
    tables = minimal()
    tables["titel"] = tables.pop("title")
    tables["memory"]["dram"]["efficiency"]["value"] = 2
    tables["engines"]["mac"]["role"] = "none"
    tables["operators"]["Conv"]["uint8"] = "nn"
    with pytest.raises(ProfileError) as caught:
        validate(tables)
    faults = str(caught.value).split("; ")
    keys = {fault.split(": ")[1] for fault in faults}
    assert keys == {"titel", "title", "memory.dram.efficiency", "engines.mac.role", "operators.Conv.uint8"}


def test_contradictions_are_told_together() -> None:
    tables = minimal()
    for engine in tables["engines"].values():
        engine["dram_share"] = sourced(0.6)
    tables["engines"]["mac"] |= {"role": "host"}
    with pytest.raises(ProfileError) as caught:
        validate(tables)
    text = str(caught.value)
    assert "dram_share adding up to 1.2" in text
    assert "found hosts mac, cpu, expected at most one" in text
    assert "engines.mac.lanes: missing" in text


def test_a_fault_names_the_layer_that_wrote_it(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent.toml", tmp_path / "child.toml"
    runtimes = {"old": {"memory": {"dram": {"efficiency": sourced(7)}}, "version": 3}}
    parent.write_text(to_toml(minimal() | {"runtimes": runtimes}))
    own = {
        "extends": "parent.toml",
        "name": "child",
        "title": "Child",
        "engines": {"mac": {"count": sourced(0)}},
    }
    child.write_text(to_toml(own))
    with pytest.raises(ProfileError) as caught:
        device.load(child, "old")
    faults = str(caught.value).split("; ")
    assert f"{child}: engines.mac.count: found 0, expected a number from 1 to 1.15292e+18" in faults
    assert any(f.startswith(f"{parent}: runtimes.old.memory.dram.efficiency: found 7") for f in faults)
    assert f"{parent}: runtimes.old.version: found 3, expected text" in faults
    assert len(faults) == 3


def test_a_title_that_is_missing_is_missing_where_it_has_to_be_written(tmp_path: Path) -> None:
    """The parent has one of its own, which is no reason to send anybody there."""
    parent, child = tmp_path / "parent.toml", tmp_path / "child.toml"
    parent.write_text(to_toml(minimal()))
    child.write_text(to_toml({"extends": "parent.toml", "name": "child"}))
    with pytest.raises(ProfileError) as caught:
        device.load(child)
    assert str(caught.value) == f"{child}: title: missing"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"runtime": {"name": "x"}}, "runtime: unknown key, did you mean 'runtimes'?"),
        ({"runtimes": 3}, "runtimes: found 3, expected a table"),
        ({"runtimes": {"x": 3}}, "runtimes.x: found 3, expected a table"),
        ({"runtimes": {"x": {"name": "y"}}}, "runtimes.x.name: unknown key"),
    ],
)
def test_what_a_file_may_not_say_of_runtimes(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(minimal() | more))
    with pytest.raises(ProfileError, match=said.replace("?", r"\?")):
        device.load(path)


def test_hostile_keys_and_values_stay_on_one_short_line() -> None:
    tables = minimal() | {"a\nb\x1b[31m": 1, "title": ["x" * 10_000]}
    with pytest.raises(ProfileError) as caught:
        validate(tables)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 500


# --- two readings of one set of types ---

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(allow_nan=True),
    st.sampled_from(["uint8", "npu", "", "host", "assumed", "*"]),
    st.lists(st.sampled_from(["a", 1]), max_size=2),
    st.dictionaries(st.sampled_from(["value", "low", "x"]), st.integers(0, 2), max_size=2),
)


def _paths(tables: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = [p for k, v in tables.items() if isinstance(v, dict) for p in _paths(v, (*path, k))]
    return [*((*path, key) for key in tables), *below]


@settings(max_examples=300)
@given(path=st.sampled_from(_paths(minimal())), value=_LEAVES)
def test_the_quick_construction_accepts_what_pydantic_accepts(path: tuple[str, ...], value: Any) -> None:
    tables = bent("/".join(path), value)
    try:
        build(tables)
    except (KeyError, TypeError, ValueError, OverflowError):
        is_built = False
    else:
        is_built = True
    try:
        adapter().validate_json(json.dumps(tables))
    except ValidationError:
        is_valid = False
    else:
        is_valid = True
    assert is_built == is_valid


# --- the published JSON Schema ---


def test_the_committed_schema_is_the_code_s() -> None:
    committed = json.loads((DOCS / "device-schema.json").read_text(encoding="utf-8"))
    assert committed == schema(), "run `make schemas`"


def test_the_guide_mentions_every_key() -> None:
    text = (DOCS / "devices.md").read_text(encoding="utf-8")
    tables = [schema(), *schema()["$defs"].values()]
    keys = {key for table in tables for key in table["properties"]}
    assert not sorted(key for key in keys if key not in text)


@pytest.mark.parametrize("path", sorted(device.folder().glob("*.toml")), ids=lambda path: path.stem)
def test_the_schema_accepts_what_is_shipped(path: Path) -> None:
    tables = read_toml(path)
    if path.stem.startswith("_"):
        # A family has no name; the devices that extend it do.
        tables |= {"extends": "x.toml", "name": "x", "title": "x"}
    jsonschema.Draft202012Validator(schema()).validate(tables)


# Not what takes two keys to see, nor NaN, nor what is missing: a file that extends another states little.
_SEEN_BY_A_SCHEMA = (
    "unknown key",
    "expected text",
    "expected a list",
    "expected a table",
    "expected a valid",
)
_SEEN_BY_A_SCHEMA += (
    "expected a number from",
    "expected 0, or",
    "expected 'n",
    "expected 1",
    "expected letters",
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((path, value) for path, value, said in FAULTS if any(words in said for words in _SEEN_BY_A_SCHEMA)),
        ("class", None),
    ],
)
def test_the_schema_refuses_what_one_key_shows(path: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(bent(path, value))


@settings(max_examples=200)
@given(path=st.sampled_from(_paths(minimal())), value=_LEAVES)
def test_the_schema_refuses_nothing_that_validation_accepts(path: tuple[str, ...], value: Any) -> None:
    tables = bent("/".join(path), value)
    try:
        validate(tables)
    except ProfileError:
        return
    jsonschema.Draft202012Validator(schema()).validate(tables)
