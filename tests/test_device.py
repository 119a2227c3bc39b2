"""Finding, merging and loading device profiles, and the figures that follow from them."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from device_tables import minimal, sourced, to_toml
from hypothesis import given
from hypothesis import strategies as st

import latencylab
from latencylab import device
from latencylab.device.overlay import merged
from latencylab.device.validation import validate
from latencylab.errors import InputFileError, ProfileError, UnknownNameError


def write(folder: Path, name: str, tables: dict[str, Any]) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(to_toml(tables), encoding="utf-8")
    return path


# --- figures that follow from the stated ones ---


def test_peak_and_ridge_by_hand() -> None:
    profile = validate(minimal())
    # 2 units x 64 MACs x 1 GHz over half of 10 GB/s.
    assert profile.peak_macs_per_s() == 128e9
    assert profile.peak_macs_per_s("int16") == 32e9
    assert profile.dram_bytes_per_s == 5e9
    assert profile.ridge_macs_per_byte() == pytest.approx(25.6)


def test_engine_by_operator_then_type_then_default() -> None:
    profile = validate(minimal())
    assert profile.engine_for("Conv", "uint8") == "mac"
    assert profile.engine_for("Conv", "float32") == "cpu"
    assert profile.engine_for("Softmax", "uint8") == "cpu"
    assert profile.host == "cpu"


def test_star_stands_for_every_type_and_operator_not_named() -> None:
    tables = minimal()
    engine = validate(tables).engines["mac"]
    assert validate(tables).engines["cpu"].unit_lanes("float64") == 4
    assert engine.unit_lanes("uint8") == 0


def test_parameters_are_every_stated_value_and_no_default() -> None:
    def count(node: Any) -> int:
        if isinstance(node, dict):
            return 1 if "value" in node else sum(count(item) for item in node.values())
        return 0

    profile = validate(minimal())
    assert len(profile.parameters()) == count(minimal())
    assert "engines.mac.row_align" not in profile.parameters()
    assert profile.engines["mac"].row_align.value == 1
    assert profile.parameters()["memory.dram.efficiency"].is_fittable
    assert not profile.parameters()["engines.mac.count"].is_fittable
    assert profile.assumed_share == 1.0


# --- with_values ---


def test_with_values_changes_that_value_alone_and_owns_up_to_it() -> None:
    profile = validate(minimal())
    faster = profile.with_values({"engines.mac.clock_hz": 2e9, "engines.mac.count": 4})
    assert faster.peak_macs_per_s() == 4 * profile.peak_macs_per_s()
    assert faster.engines["cpu"] == profile.engines["cpu"]
    assert faster.parameters()["engines.mac.clock_hz"].source == "set by the caller"
    assert faster.sha256 != profile.sha256
    assert profile.peak_macs_per_s() == 128e9


@pytest.mark.parametrize("name", ["dolphin_npu", "onnxruntime_cpu"])
def test_with_values_builds_what_validation_builds_from_its_tables(name: str) -> None:
    profile = device.load(name)
    # Down, so that shares stay shares; a count goes up.
    changed = {
        p: v.value + 1 if isinstance(v.value, int) else v.value * 0.9 for p, v in profile.parameters().items()
    }
    other = profile.with_values(changed)
    assert validate(other.tables) == other
    assert {path: other.parameters()[path].value for path in changed} == changed


def test_with_values_keeps_bounds_while_inside_them() -> None:
    path = "memory.dram.efficiency"
    inside, outside = (validate(minimal()).with_values({path: v}).parameters()[path] for v in (0.7, 0.9))
    assert (inside.low, inside.high) == (0.2, 0.8)
    assert (outside.low, outside.high) == (None, None)


def test_with_values_takes_a_whole_sourced_value() -> None:
    fitted = device.Share(value=0.6, provenance="fitted", source="4 rows", sigma_pct=3, low=0.1, high=1)
    profile = validate(minimal()).with_values({"memory.dram.efficiency": fitted})
    assert profile.memory.dram.efficiency == fitted


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_with_values_refuses_impossible_numbers(value: float) -> None:
    with pytest.raises(ProfileError, match=r"engines\.mac\.clock_hz"):
        validate(minimal()).with_values({"engines.mac.clock_hz": value})


def test_with_values_names_the_nearest_parameter() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'engines\.mac\.clock_hz'"):
        validate(minimal()).with_values({"engines.mac.clock": 1e9})


@given(factor=st.floats(min_value=1e-3, max_value=1e3))
def test_setting_a_value_and_setting_it_back_is_the_same_profile_but_for_provenance(factor: float) -> None:
    profile = validate(minimal())
    path = "engines.mac.clock_hz"
    there = profile.with_values({path: profile.parameters()[path].value * factor})
    back = there.with_values({path: profile.parameters()[path]})
    assert back == profile
    assert back.sha256 == profile.sha256


# --- overlays ---

_TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
_TABLES = st.dictionaries(st.sampled_from("abc"), _TREES, max_size=3)


@given(_TABLES, _TABLES)
def test_merge_leaves_its_arguments_alone_and_the_overlay_wins(base: dict, over: dict) -> None:
    before = copy.deepcopy((base, over))
    result = merged(base, over)
    assert (base, over) == before
    assert merged(result, over) == result
    assert merged(base, {}) == base
    assert merged({}, over) == over


# Tables all the way down: a scalar in the middle would cut off what lies below it.
_DEEP = st.recursive(st.just({}), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3))


@given(_TABLES, _DEEP, _TABLES)
def test_a_chain_of_tables_may_be_merged_from_either_end(a: dict, b: dict, c: dict) -> None:
    assert merged(merged(a, b), c) == merged(a, merged(b, c))


def test_a_sourced_value_is_replaced_whole() -> None:
    base = {"x": {"value": 1, "provenance": "fitted", "source": "rows", "sigma_pct": 2, "low": 0, "high": 3}}
    over = {"x": {"value": 9, "provenance": "assumed", "source": "guess"}}
    assert merged(base, over) == over


def test_extends_inherits_all_but_the_identity(tmp_path: Path) -> None:
    write(tmp_path, "parent", minimal() | {"aliases": ["old"]})
    child = {
        "extends": "parent.toml",
        "name": "child",
        "title": "Child",
        "engines": {"mac": {"count": sourced(5)}},
    }
    profile = device.load(write(tmp_path, "child", child))
    assert (profile.name, profile.title, profile.aliases) == ("child", "Child", ())
    assert profile.engines["mac"].count.value == 5
    assert profile.engines["mac"].clock_hz.value == 1e9


def test_extends_does_not_lend_a_name(tmp_path: Path) -> None:
    write(tmp_path, "parent", minimal())
    path = write(tmp_path, "child", {"extends": "parent.toml", "title": "Child"})
    with pytest.raises(ProfileError, match="name: missing"):
        device.load(path)


def test_extends_in_a_circle_is_said_with_the_circle(tmp_path: Path) -> None:
    write(tmp_path, "a", {"extends": "b.toml"})
    write(tmp_path, "b", {"extends": "a.toml"})
    with pytest.raises(ProfileError, match="a cycle, a -> b -> a"):
        device.load(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("dolphin_np", "did you mean 'dolphin_npu'"),
        ("nowhere.toml", "no device profile"),
        ("./", "is a directory"),
        ("child", "for the file say 'child.toml'"),
        ("dolphin_npu:nnapi_2021", "names a runtime: extend the device, state default_runtime"),
        (3, "found 3"),
        ("", "found ''"),
    ],
)
def test_extends_what_is_not_there(tmp_path: Path, extends: object, said: str) -> None:
    """The message names the file that says so, not only the one that is not there."""
    path = write(tmp_path, "child", {"extends": extends, "name": "child", "title": "Child"})
    with pytest.raises(ProfileError) as caught:
        device.load(path)
    assert str(caught.value).startswith(f"{path}: extends: ")
    assert said in str(caught.value)


def test_extends_is_relative_to_the_file_that_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    write(tmp_path, "root", minimal())
    write(tmp_path / "a" / "b", "child", {"extends": "../../root.toml", "name": "child", "title": "Child"})
    monkeypatch.chdir(tmp_path / "a")
    assert device.load("b/child.toml").peak_macs_per_s() == 128e9


def test_a_long_chain_is_read_to_its_end(tmp_path: Path) -> None:
    write(tmp_path, "n0", minimal())
    for i in range(1, 200):
        write(tmp_path, f"n{i}", {"extends": f"n{i - 1}.toml", "name": f"n{i}", "title": "x"})
    assert device.load(tmp_path / "n199.toml").peak_macs_per_s() == 128e9


def test_a_family_may_be_extended_by_name_and_is_never_blamed_for_what_it_leaves_out(tmp_path: Path) -> None:
    own = {"extends": "_vip9000", "name": "mine", "title": "Mine"}
    path = write(tmp_path, "mine", own)
    with pytest.raises(ProfileError) as caught:
        device.load(path)
    assert f"{path}: engines.nn.count: missing" in str(caught.value)
    with pytest.raises(UnknownNameError):
        device.load("_vip9000")


def runtimes_of_two() -> dict[str, Any]:
    fast = {"title": "Fast", "version": "2", "memory": {"dram": {"efficiency": sourced(0.8)}}}
    return {"default_runtime": "plain", "runtimes": {"plain": {"title": "Plain"}, "fast": fast}}


def test_a_runtime_overlays_any_key_and_describes_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "tiny", minimal() | runtimes_of_two())
    plain, fast = device.load(path), device.load(f"{path}:fast")
    assert (plain.runtime.name, plain.dram_bytes_per_s) == ("plain", 5e9)
    assert (fast.runtime.name, fast.runtime.title, fast.runtime.version) == ("fast", "Fast", "2")
    assert fast.dram_bytes_per_s == 8e9
    assert fast.title == plain.title == "A tiny NPU"
    assert device.load(path, "fast") == fast
    assert device.runtimes(path) == ("plain", "fast")


def test_runtimes_are_inherited_and_may_be_refined(tmp_path: Path) -> None:
    write(tmp_path, "parent", minimal() | runtimes_of_two())
    over = {"runtimes": {"fast": {"memory": {"dram": {"latency_s": sourced(1e-6)}}}}}
    child = {"extends": "parent.toml", "name": "child", "title": "Child"} | over
    fast = device.load(write(tmp_path, "child", child), "fast")
    assert fast.dram_bytes_per_s == 8e9
    assert fast.memory.dram.latency_s.value == 1e-6


def test_unknown_runtimes_name_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "tiny", minimal() | runtimes_of_two())
    with pytest.raises(UnknownNameError, match="runtime of tiny 'fats'; did you mean 'fast'"):
        device.load(path, "fats")
    with pytest.raises(ProfileError, match="names one runtime"):
        device.load(f"{path}:fast", "plain")
    path = write(tmp_path, "other", minimal() | {"default_runtime": "gone"})
    with pytest.raises(ProfileError, match="default_runtime: found 'gone'"):
        device.load(path)


# --- the registry ---


def test_names_are_the_files_without_the_families() -> None:
    assert "dolphin_npu" in device.names()
    assert not [name for name in device.names() if name.startswith("_")]


def test_aliases_lead_to_their_profile() -> None:
    assert device.load("mobile_gpu").name == "snapdragon888_gpu"
    taken = [*device.names(), *device.aliases()]
    assert len(taken) == len(set(taken))


def test_unknown_device_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'dolphin_npu'"):
        device.load("dolfin_npu")


def test_host_tells_the_command_until_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(InputFileError, match="latencylab calibrate onnxruntime_cpu --measure"):
        device.load("host")
    device.host_path().parent.mkdir()
    own = {"extends": "onnxruntime_cpu", "name": "host", "title": "This machine"}
    write(device.host_path().parent, "host", own)
    assert device.load("host").title == "This machine"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = [", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML: not UTF-8 text at byte 0"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
        (b"a = " + b"1" * 5000, "not valid TOML"),
        (b"", "missing"),
    ],
)
def test_files_that_are_no_profile(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=said) as caught:
        device.load(path)
    assert "\n" not in str(caught.value)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name, said in (("absent.toml", "no device profile"), ("folder.toml", "is a directory")):
        with pytest.raises(InputFileError, match=said):
            device.load(tmp_path / name)


def test_an_editor_s_byte_order_mark_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(to_toml(minimal()), encoding="utf-8-sig")
    assert device.load(path).name == "tiny"


def test_a_name_is_the_shipped_device_and_a_path_is_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "dolphin_npu", minimal() | {"title": "Mine"})
    assert device.load("dolphin_npu").title != "Mine"
    assert device.load("dolphin_npu.toml").title == device.load("./dolphin_npu.toml").title == "Mine"


# --- the guide ---


def guide() -> list[str]:
    text = (Path(__file__).parents[1] / "docs" / "devices.md").read_text(encoding="utf-8")
    return [block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "\nname = " in block]


def test_the_guide_has_a_profile_that_extends_one_and_a_whole_one() -> None:
    assert ["extends" in block for block in guide()] == [True, False]


@pytest.mark.parametrize("block", guide())
def test_a_profile_of_the_guide_runs_as_pasted(tmp_path: Path, block: str) -> None:
    path = tmp_path / "my_npu.toml"
    path.write_text(block, encoding="utf-8")
    assert device.check(path) == ()
    result = latencylab.estimate("zoo:abpn_x3?height=36&width=64", path)
    assert result.device.name == "my_npu"
    assert result.latency_s > 0
    # What is computed at the heart runs where it is fast.
    assert {k.engine for k in result.kernels if k.kind == "Conv"} <= {"core", "nn"}


# --- what others rely on ---


def test_profiles_pickle_and_compare() -> None:
    profile = device.load("dolphin_npu")
    again = pickle.loads(pickle.dumps(profile))
    assert again == profile
    assert again.sha256 == profile.sha256


def test_the_hash_sees_values_and_not_the_order_of_keys() -> None:
    tables = minimal()
    before = validate(tables).sha256
    assert validate(dict(reversed(list(tables.items())))).sha256 == before
    tables["memory"]["dram"]["efficiency"] = sourced(0.51)
    assert validate(tables).sha256 != before


def test_a_good_profile_is_loaded_without_pydantic_and_onnx() -> None:
    code = (
        "import sys; from latencylab import device; device.load('dolphin_npu').sha256; "
        "print([m for m in ('pydantic', 'onnx', 'numpy', 'rich', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
