"""The gate as a function: what each key of the configuration means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from gate_files import SMALL, budget, configured, edited, with_baseline, with_model

import latencylab
from latencylab.errors import ConfigError, ResultError
from latencylab.gating import gate

if TYPE_CHECKING:
    from pathlib import Path

    from latencylab.gating import Check, Verdict
    from latencylab.result import Estimate


@pytest.fixture(scope="module")
def predicted() -> Estimate:
    return latencylab.estimate(SMALL)


def checked(folder: Path, limits: str, **rest: str) -> dict[str, Check]:
    verdict = gate(configured(folder, budget(limits=limits, **rest)))
    return {check.what: check for check in verdict.checks if check.kind == "budget"}


def compared(verdict: Verdict) -> tuple[Check, ...]:
    return tuple(check for check in verdict.checks if check.kind == "comparison")


# --- budgets


def test_a_limit_is_met_by_what_equals_it(tmp_path: Path, predicted: Estimate) -> None:
    ms = predicted.latency_s * 1e3
    assert checked(tmp_path, f"latency_ms = {{ max = {ms!r} }}")["latency_ms"].status == "ok"
    below = checked(tmp_path, f"latency_ms = {{ max = {ms * (1 - 1e-9)!r} }}")["latency_ms"]
    assert below.status == "error"
    assert below.value == pytest.approx(ms, rel=1e-12)


@pytest.mark.parametrize("level", ["off", "warn", "error"])
def test_a_level_says_what_exceeding_means(tmp_path: Path, level: str) -> None:
    config = configured(tmp_path, budget(limits=f'dram_mb = {{ max = 0.0, level = "{level}" }}'))
    verdict = gate(config)
    assert verdict.checks[0].status == level
    assert verdict.exit_code == (level == "error")


def test_three_meta_nodes_are_named_the_worst_first(tmp_path: Path, predicted: Estimate) -> None:
    found = checked(tmp_path, "latency_ms = { max = 0.0 }\ndram_mb = { max = 0.0 }")
    slowest = sorted(predicted.kernels, key=lambda k: -k.latency_s)[:3]
    heaviest = sorted(predicted.kernels, key=lambda k: -k.dram_bytes)[:3]
    assert [c.name for c in found["latency_ms"].culprits] == [k.name for k in slowest]
    assert [c.name for c in found["dram_mb"].culprits] == [k.name for k in heaviest]


@pytest.mark.parametrize(
    ("at_risk", "below", "above"),
    [
        ("as_estimated", "ok", "error"),
        ("off", "ok", "ok"),
        ("warn", "warn", "warn"),
        ("error", "error", "error"),
    ],
)
def test_the_configuration_says_what_a_straddling_interval_means(
    tmp_path: Path, predicted: Estimate, at_risk: str, below: str, above: str
) -> None:
    """The estimate below, then above a limit that lies within its interval."""
    for factor, expected in ((1.01, below), (0.99, above)):
        limit = predicted.latency_s * 1e3 * factor
        check = checked(tmp_path, f'latency_ms = {{ max = {limit!r}, at_risk = "{at_risk}" }}')["latency_ms"]
        assert check.is_at_risk
        assert check.status == expected
        assert "straddles the limit" in check.text


@pytest.mark.parametrize("at_risk", ["as_estimated", "off", "warn", "error"])
def test_what_lies_beyond_the_whole_interval_is_not_at_risk(
    tmp_path: Path, predicted: Estimate, at_risk: str
) -> None:
    for limit_s, expected in ((predicted.low_s * 0.9, "error"), (predicted.high_s * 1.1, "ok")):
        limits = f'latency_ms = {{ max = {limit_s * 1e3!r}, at_risk = "{at_risk}" }}'
        check = checked(tmp_path, limits)["latency_ms"]
        assert (check.is_at_risk, check.status) == (False, expected)


def test_an_estimate_with_holes_does_not_pass(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    from latencylab import zoo

    model = zoo.build("abpn_x3?height=36&width=64", weights=False)
    (output,) = model.graph.output
    model.graph.node.append(helper.make_node("Mystery", [output.name], ["y"], "mystery", domain="of.nobody"))
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 108, 192]))
    model.opset_import.append(helper.make_opsetid("of.nobody", 1))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    check = checked(tmp_path, "unpriced_pct = { max = 2.0 }", models="net.onnx")["unpriced_pct"]
    assert check.status == "error"
    assert [culprit.name for culprit in check.culprits] == ["mystery"]
    priced = checked(tmp_path, "unpriced_pct = { max = 0.0 }")["unpriced_pct"]
    assert (priced.status, priced.value) == ("ok", 0.0)


def test_options_of_a_budget_reach_the_estimate(tmp_path: Path) -> None:
    options = 'dtype = "float32"\nlayout = "nchw"\nengine = "roofline"\nlatency_ms = { max = 1.0 }'
    expected = latencylab.estimate(SMALL, dtype="float32", layout="nchw", engine="roofline")
    check = checked(tmp_path, options)["latency_ms"]
    assert check.value == pytest.approx(expected.latency_s * 1e3)
    assert str(check.case) == f"{SMALL} on dolphin_npu (engine=roofline, dtype=float32, layout=nchw)"


def test_dimensions_and_shapes_are_bound(tmp_path: Path) -> None:
    with_model(tmp_path)
    limits = "latency_ms = { max = 1.0 }\nshape = { image = [1, 3, 72, 64] }"
    check = checked(tmp_path, limits, models="models/net.onnx")["latency_ms"]
    expected = latencylab.estimate("zoo:abpn_x3?height=72&width=64")
    assert check.value == pytest.approx(expected.latency_s * 1e3)


def test_a_device_may_be_a_file_beside_the_configuration_and_several(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'schema_version = 1\nextends = "dolphin_npu"\nname = "mine"\ntitle = "Mine"\n'
    )
    text = budget().replace('"dolphin_npu"', '["mine.toml", "mine.toml:nnapi_online", "vs640_npu"]')
    verdict = gate(configured(tmp_path, text))
    latencies = {c.case.device: c.value for c in verdict.checks if c.kind == "budget"}
    assert list(latencies) == ["mine.toml", "mine.toml:nnapi_online", "vs640_npu"]
    assert latencies["mine.toml"] == pytest.approx(latencylab.estimate(SMALL).latency_s * 1e3)


def test_globs_are_relative_to_the_configuration_and_sorted(tmp_path: Path) -> None:
    for name in ("b.onnx", "a.onnx", "c[1].onnx"):
        with_model(tmp_path, file=name)
    verdict = gate(configured(tmp_path, budget("models/*.onnx")))
    models = [c.case.model for c in verdict.checks if c.kind == "budget"]
    assert models == ["models/a.onnx", "models/b.onnx", "models/c[1].onnx"]
    literal = gate(configured(tmp_path, budget("models/c[1].onnx")))
    assert literal.checks[0].case.model == "models/c[1].onnx"


def test_a_star_works_in_the_zoo_too(tmp_path: Path) -> None:
    verdict = gate(configured(tmp_path, budget("zoo:edge_sr*_x2")))
    models = {c.case.model for c in verdict.checks}
    assert len(models) >= 2
    assert all(name.startswith("zoo:edge_sr") for name in models)
    with pytest.raises(ConfigError, match="matches nothing"):
        gate(configured(tmp_path, budget("zoo:no_such*")))


# --- the baseline


def test_an_unchanged_network_passes_with_no_difference(tmp_path: Path) -> None:
    config = configured(tmp_path, budget() + "[compare]\n")
    assert with_baseline(config) == tmp_path / ".latencylab" / "baseline.json"
    (check,) = compared(gate(config))
    assert (check.status, check.value) == ("ok", check.limit)


def changed(folder: Path, height: int, margins: str) -> Check:
    """A network priced at a height of 36 rows, then at another one, against margins."""
    config = configured(folder, budget("models/net.onnx") + f"[compare]\nlatency = {{ {margins} }}\n")
    with_model(folder)
    with_baseline(config)
    with_model(folder, f"abpn_x3?height={height}&width=64")
    (check,) = compared(gate(config))
    return check


def test_both_margins_must_be_exceeded_to_be_slower(tmp_path: Path) -> None:
    assert changed(tmp_path, 40, "max_increase_pct = 1.0, min_increase_ms = 0.0").status == "error"
    assert changed(tmp_path, 40, "max_increase_pct = 1.0, min_increase_ms = 50.0").status == "ok"
    assert changed(tmp_path, 40, "max_increase_pct = 90.0, min_increase_ms = 0.0").status == "ok"
    assert (
        changed(tmp_path, 40, 'max_increase_pct = 1.0, min_increase_ms = 0.0, level = "warn"').status
        == "warn"
    )


def test_the_differences_from_the_baseline_add_up(tmp_path: Path) -> None:
    check = changed(tmp_path, 40, "max_increase_pct = 1.0, min_increase_ms = 0.0")
    assert check.value is not None
    assert check.limit is not None
    total_ps = sum(term.difference_ps for term in check.differences)
    assert total_ps * 1e-9 == pytest.approx(check.value - check.limit, abs=1e-9)
    assert {culprit.name for culprit in check.culprits} <= {t.name.split()[0] for t in check.differences}
    assert len(check.as_dict()["differences"]) == len(check.differences)


def test_a_much_faster_network_makes_the_baseline_stale(tmp_path: Path) -> None:
    check = changed(tmp_path, 18, "stale_if_faster_pct = 10.0")
    assert check.status == "error"
    assert "no longer guards it; run: latencylab baseline update" in check.text
    assert changed(tmp_path, 18, "stale_if_faster_pct = 95.0").status == "ok"
    assert changed(tmp_path, 18, 'stale_level = "off"').status == "ok"


def test_a_network_the_baseline_does_not_know_is_a_finding(tmp_path: Path) -> None:
    config = configured(tmp_path, budget("models/*.onnx") + "[compare]\n")
    with_model(tmp_path, file="a.onnx")
    with_model(tmp_path, file="old.onnx")
    with_baseline(config)
    (tmp_path / "models" / "old.onnx").rename(tmp_path / "models" / "new.onnx")
    found = {check.what: check for check in compared(gate(config))}
    assert (found["missing"].status, found["missing"].case.model) == ("error", "models/new.onnx")
    assert (found["gone"].status, found["gone"].case.model) == ("warn", "models/old.onnx")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device_sha256": "0" * 64}, "the profile of dolphin_npu changed"),
        ({"cost_model_version": "0"}, "the cost model went from version 0 to "),
        ({"latency_ms": 1.0}, "edited by hand"),
    ],
)
def test_stale_numbers_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    config = configured(tmp_path, budget() + "[compare]\n")
    edited(with_baseline(config), **changes)
    with pytest.raises(ResultError, match=words):
        gate(config)


def test_a_baseline_of_another_version_of_latencylab_is_used_while_its_cost_model_is_the_same(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path, budget() + "[compare]\n")
    path = with_baseline(config)
    path.write_text(path.read_text().replace(f'"{latencylab.__version__}"', '"0.0.0-other"'))
    assert gate(config).passed


# --- as a whole


def test_a_gate_without_networks_is_an_error(tmp_path: Path) -> None:
    for text in ("", "[compare]\n", "budget = []\n"):
        with pytest.raises(ConfigError, match="budget"):
            gate(configured(tmp_path, text))


def test_the_verdict_is_plain_data_too(tmp_path: Path) -> None:
    verdict = gate(configured(tmp_path, budget(limits="latency_ms = { max = 0.0 }")))
    data = verdict.as_dict()
    assert (data["passed"], data["reason"]) == (False, verdict.last_line)
    assert data["counts"]["error"] == 1
    assert len(data["checks"]) == sum(data["counts"][s] for s in ("ok", "info", "warn", "error", "off"))
    assert data["checks"][0]["place"] == {
        "file": verdict.config,
        "line": 4,
        "key": "budget[0].latency_ms.max",
    }


def test_equal_cases_are_read_and_priced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from latencylab import pipeline

    calls: list[str] = []
    read, price = pipeline.read, pipeline.price

    def counted_read(*args: object, **options: object) -> object:
        calls.append("read")
        return read(*args, **options)  # type: ignore[arg-type]

    def counted_price(*args: object, **options: object) -> object:
        calls.append("price")
        return price(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "read", counted_read)
    monkeypatch.setattr(pipeline, "price", counted_price)
    text = "".join(budget(limits=f"latency_ms = {{ max = {1000 + i}.0 }}") for i in range(20))
    text += budget(device="vs640_npu")
    verdict = gate(configured(tmp_path, text))
    assert sorted(calls) == ["price", "price", "read"]
    assert len([c for c in verdict.checks if c.kind == "budget"]) == 21


def test_300_budgets_take_seconds_not_minutes(tmp_path: Path) -> None:
    """Measured as a multiple of pricing one of its networks, as the machine may be busy."""
    sizes = range(36, 36 + 4 * 30, 4)
    text = "".join(
        budget(f"zoo:abpn_x3?height={size}&width=64", f"latency_ms = {{ max = {1000 + i}.0 }}")
        for i in range(10)
        for size in sizes
    )
    config = configured(tmp_path, text)
    start = time.perf_counter()
    for _ in range(3):
        latencylab.estimate(SMALL)
    one = (time.perf_counter() - start) / 3
    start = time.perf_counter()
    verdict = gate(config)
    assert len([c for c in verdict.checks if c.kind == "budget"]) == 300
    # 30 networks, each read, priced and fused once, and 300 rows that cost next to nothing.
    assert time.perf_counter() - start < 30 * one * 5 + 1
