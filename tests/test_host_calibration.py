"""Calibrating a host: a known machine's coefficients are found again, and nothing measured is lost."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
from command_line import run
from synthetic_host import SyntheticBencher
from test_measurement import HOST, MEASUREMENT

from latencylab import device, pipeline
from latencylab.errors import MeasurementError
from latencylab.hosting import Budget, HostFit, Store, calibrate, design, facts, fit, points, writing
from latencylab.hosting.calibration import FEWEST
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model

SINGLE = device.load("onnxruntime_cpu")
DOUBLE = device.load("onnxruntime_cpu", "threads_2")
CHANGED = {
    "engines.cpu.core.efficiency.direct_4": 0.5,
    "engines.cpu.core.efficiency.direct_1": 0.2,
    "engines.cpu.core.efficiency.pointwise_4": 0.4,
    "engines.cpu.core.cycles.PRelu_broadcast": 20.0,
    "engines.cpu.core.cycles.DepthToSpace_CRD_3": 12.0,
    "engines.cpu.core.cycles.im2col": 3.0,
}
PARALLEL = {"engines.cpu.core.parallel.direct": 1.2, "engines.cpu.core.parallel.*": 1.4}
TRUTHS = {1: SINGLE.with_values(CHANGED), 2: DOUBLE.with_values(CHANGED | PARALLEL)}


def ticking(step_s: float = 0.0) -> Callable[[], float]:
    """A clock that moves by `step_s` each time it is read."""
    now = [0.0]

    def clock() -> float:
        now[0] += step_s
        return now[0]

    return clock


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests measure the small designs only, and refine by a few."""
    small = [b for b in design.initial(2) if b.height == 90 or b.threads == 2 or b.dtype != "float32"]
    chosen = tuple(dict.fromkeys(replace(b, height=45, width=80) for b in small))
    monkeypatch.setattr(design, "initial", lambda _cores: chosen)
    monkeypatch.setattr(design, "candidates", lambda _cores: (design.Bench("wide", 45, 81),))
    monkeypatch.setattr(design, "LEFT_OUT", ("abpn_x3", "fsrcnn_x3"))
    monkeypatch.setattr(design, "LEFT_OUT_SIZE", "height=45&width=80")


def whole(folder: Path) -> HostFit:
    profiles = {1: SINGLE, 2: DOUBLE}
    return calibrate(SyntheticBencher(TRUTHS), Store(folder), profiles, ticking())


@cache
def _found(folder: Path) -> HostFit:
    return whole(folder)


@pytest.fixture
def found(tmp_path_factory: pytest.TempPathFactory) -> HostFit:
    return _found(tmp_path_factory.getbasetemp() / "calibration")


@pytest.mark.parametrize("path", CHANGED)
def test_coefficients_are_found_again(found: HostFit, path: str) -> None:
    assert found.single.values[path] == pytest.approx(CHANGED[path], rel=0.1)


def test_kernels_are_predicted_after_the_fit(found: HostFit) -> None:
    assert found.mape < 0.03


def test_what_threads_change_is_found_too(found: HostFit) -> None:
    assert found.double is not None
    assert found.double.values["engines.cpu.core.parallel.direct"] == pytest.approx(1.2, rel=0.05)


def test_networks_left_out_are_better_predicted_after_than_before(found: HostFit) -> None:
    assert [m.name for m in found.before] == [m.name for m in found.after]
    for before, after in zip(found.before, found.after, strict=True):
        assert abs(before.error) > 0.2
        assert abs(after.error) < 0.05


def test_what_the_machine_refuses_is_listed_and_left_aside(found: HostFit) -> None:
    assert found.refused
    assert all("knows no integers" in line for line in found.refused)


def test_the_profile_that_is_written_is_the_host(
    found: HostFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = device.host_path()
    path.parent.mkdir()
    path.write_bytes(writing.text(found, {1: SINGLE, 2: DOUBLE}, facts.of(HOST, tmp_path / "none")))
    host = device.load("host")
    stated = host.parameters()["engines.cpu.core.efficiency.direct_4"]
    assert (stated.provenance, stated.prior) == ("fitted", 0.85)
    assert stated.value == pytest.approx(0.5, rel=0.1)
    assert "onnxruntime 1.31" in stated.source
    assert "Some CPU" in host.title
    assert host.accuracy.rows == 2
    threaded = device.load("host", "threads_2").parameters()["engines.cpu.core.parallel.direct"]
    assert threaded.value == pytest.approx(1.2, rel=0.05)
    assert device.load("host").engines["cpu"].count.value == 1


def test_an_interruption_keeps_what_was_measured_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = design.initial(1)[:12]
    monkeypatch.setattr(design, "initial", lambda _cores: some)
    store, profiles = Store(tmp_path), {1: SINGLE}
    first, second = SyntheticBencher(TRUTHS, interrupted_after=9), SyntheticBencher(TRUTHS)
    with pytest.raises(KeyboardInterrupt):
        calibrate(first, store, profiles, ticking())
    assert len(store) == 9
    calibrate(second, store, profiles, ticking())
    assert set(first.measured) & set(second.measured) == set()


def test_what_a_slow_machine_disturbed_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each third measurement meets a machine that is half as fast; the fit never sees it."""

    class Restless(SyntheticBencher):
        def bench(self, bench: design.Bench) -> tuple[Model, Measurement]:
            network, measured = super().bench(bench)
            slow = 2 if len(self.measured) % 3 == 0 else 1
            kernels = tuple(
                replace(k, samples_ns=tuple(slow * t for t in k.samples_ns)) for k in measured.kernels
            )
            return network, replace(measured, kernels=kernels, pulses_ns=(100 * slow,) * 3)

    some = design.initial(1)[:20]
    monkeypatch.setattr(design, "initial", lambda _cores: some)
    bencher = Restless(TRUTHS)
    found = calibrate(bencher, Store(tmp_path), {1: SINGLE}, ticking())
    repeated = {name for name in bencher.measured if bencher.measured.count(name) > 1}
    assert len(repeated) >= 6
    assert found.mape < 0.1
    slow = {name for name, m in found.measurements.items() if max(m.pulses_ns) > 100}
    assert len(slow) < len(repeated) / 2


def test_a_machine_that_never_rests_leaves_time_to_refine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the first measurement are disturbed: measuring again could go on until the time is up."""
    some = design.initial(1)[:20]
    monkeypatch.setattr(design, "initial", lambda _cores: some)
    monkeypatch.setattr(design, "LEFT_OUT", ())
    now = [0.0]

    class Loud(SyntheticBencher):
        def bench(self, bench: design.Bench) -> tuple[Model, Measurement]:
            now[0] += 1.0
            network, measured = super().bench(bench)
            return network, replace(measured, pulses_ns=(100 if len(self.measured) == 1 else 200,) * 3)

    bencher = Loud(TRUTHS)
    calibrate(bencher, Store(tmp_path), {1: SINGLE}, lambda: now[0], budget=Budget(30.0, 0.0))
    assert len(bencher.measured) > 25  # twenty, and some again
    assert "wide_45x81_w1_float32_t1" in bencher.measured


def test_no_network_is_begun_when_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "LEFT_OUT", ())
    bencher = SyntheticBencher(TRUTHS)
    calibrate(bencher, Store(tmp_path), {1: SINGLE}, ticking(1.0), budget=Budget(26.0, 0.0))
    assert FEWEST <= len(bencher.measured) <= 13


def test_too_little_time_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=rf"only \d of the designed networks .* {FEWEST} are needed"):
        calibrate(SyntheticBencher(TRUTHS), Store(tmp_path), {1: SINGLE}, ticking(1.0), budget=Budget(6.0))


def test_a_store_holds_whole_measurements_of_its_own_kind_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = Store.of(HOST)
    assert store.get("a") is None
    store.put("a", MEASUREMENT)
    assert store.get("a") == MEASUREMENT
    (store.folder / "b.json").write_text("{")
    assert store.get("b") is None
    assert Store.of(replace(HOST, cpu="Another CPU")).folder != store.folder
    store.clear()
    assert len(store) == 0


def test_the_design_has_every_network_once_and_candidates_are_others() -> None:
    monkeypatched = design.initial(2)
    assert len(set(monkeypatched)) == len(monkeypatched)
    assert len({bench.name for bench in monkeypatched}) == len(monkeypatched)


def caches(folder: Path, last_level: str) -> Path:
    """A /sys/devices/system/cpu/cpu0/cache with a last level of this size."""
    sizes = [("Instruction", 1, "32K"), ("Unified", 2, "1024K"), ("Unified", 3, last_level)]
    for index, entry in enumerate(sizes):
        (folder / f"index{index}").mkdir(parents=True)
        for name, value in zip(("type", "level", "size"), entry, strict=True):
            (folder / f"index{index}" / name).write_text(f"{value}\n")
    return folder


def test_the_machine_tells_its_caches_and_the_width_of_its_vectors(tmp_path: Path) -> None:
    found = facts.of(replace(HOST, isa=("avx2", "avx512f")), caches(tmp_path, "16M"))
    assert {path: value.value for path, value in found.items()} == {
        "engines.cpu.core.blocked_channels": 16,
        "engines.cpu.core.columns_at_once": 3,
        "engines.cpu.core.near_cache.size_bytes": 2**20,
        "engines.cpu.lanes.*": 16,
        "engines.cpu.macs_per_cycle.float32": 32,
        "memory.cache.size_bytes": 2**24,
    }
    assert facts.of(HOST, tmp_path / "none") == {
        "engines.cpu.core.blocked_channels": facts.of(HOST, tmp_path)["engines.cpu.core.blocked_channels"]
    }
    assert facts.of(HOST, tmp_path)["engines.cpu.core.blocked_channels"].value == 8


def test_a_last_level_cache_that_many_share_is_fitted_up_to_its_size(tmp_path: Path) -> None:
    found = facts.of(HOST, caches(tmp_path, "266240K"))["memory.cache.size_bytes"]
    assert (found.value, found.low, found.high) == (2**25, 2**22, 260 * 2**20)
    profile = SINGLE.with_values({"memory.cache.size_bytes": found})
    assert "memory.cache.size_bytes" in {p.path for p in fit.parameters(profile, is_threaded=False)}
    small = facts.of(HOST, caches(tmp_path / "small", "2M"))["memory.cache.size_bytes"]
    assert (small.value, small.low, small.high) == (2**21, 2**20, 2**21)


def test_the_size_of_a_cache_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of maps from 0.1 to 60 MB, some stay in a cache of 8 MiB and some do not."""
    chosen = tuple(
        design.Bench(writer, *size)
        for writer in ("elementwise", "pieces", "pointwise")
        for size in ((45, 80), (90, 160), (180, 320), (360, 640))
    )
    monkeypatch.setattr(design, "initial", lambda _cores: chosen)
    monkeypatch.setattr(design, "candidates", lambda _cores: ())
    monkeypatch.setattr(design, "LEFT_OUT", ())
    truth = SINGLE.with_values({"memory.cache.size_bytes": 2**23, "memory.cache.bytes_per_s": 20e9})
    found = calibrate(SyntheticBencher({1: truth}), Store(tmp_path), {1: SINGLE}, ticking())
    size = found.single.values["memory.cache.size_bytes"]
    assert isinstance(size, int)
    assert size == pytest.approx(2**23, rel=0.15)


def calibrated(monkeypatch: pytest.MonkeyPatch, bencher: SyntheticBencher) -> Result:
    """`latencylab calibrate onnxruntime_cpu --measure` on a machine that is a profile."""
    monkeypatch.setattr("latencylab.hosting.bencher.OnnxruntimeBencher", lambda: bencher)
    return run("calibrate", "onnxruntime_cpu", "--measure", "--statistic", "min")


def test_an_interrupted_command_says_what_is_kept_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    some = design.initial(1)[:12]
    monkeypatch.setattr(design, "initial", lambda _cores: some)
    first, second = SyntheticBencher(TRUTHS, interrupted_after=9), SyntheticBencher(TRUTHS)
    result = calibrated(monkeypatch, first)
    assert result.exit_code == 130, result.stderr
    assert result.stderr.splitlines() == [
        "error: interrupted; 9 measurements are kept, the same command goes on from them"
    ]
    assert not device.host_path().exists()
    result = calibrated(monkeypatch, second)
    assert result.exit_code == 0, result.stderr
    assert "going on from 9 measurements of an earlier run; --fresh forgets them" in result.stderr
    assert f"wrote {device.host_path()}: --device host names it" in result.stderr
    assert "mean error" in result.stdout
    assert set(first.measured) & set(second.measured) == set()
    assert device.load("host").name == "host"


def test_a_kernel_is_warm_where_it_reads_what_was_just_written() -> None:
    net = Net("branches", weights=False)
    x = net.input("x", (1, 16, 8, 8))
    a = net.op("Sigmoid", x)
    b = net.op("Sign", a)
    c = net.op("Tanh", x)
    network = pipeline.read(net.model(b, c), name="branches")
    kernels = points.program_of(network, device.load("onnxruntime_cpu")).kernels
    warm = {k.meta.kind: points._is_warm(kernels, (i,)) for i, k in enumerate(kernels) if k.runs}
    assert warm == {"Sigmoid": False, "Sign": True, "Tanh": False}
