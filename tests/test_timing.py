"""Timing: the rules under an injected clock and session, then onnxruntime itself. None looks at a watch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from test_measurement import HOST, RUNTIME

from latencylab import onnx_reader
from latencylab.cli import latencylab as cli
from latencylab.errors import MeasurementError
from latencylab.measurement import Measurement, loads
from latencylab.timing import Policy, Request, from_profile, host, measure, measure_model, process
from latencylab.timing.caution import warnings_for
from latencylab.timing.clock import sample
from latencylab.timing.feeds import InputSpec, dtype_name, feeds_for
from latencylab.timing.profile import read_profile
from latencylab.timing.pulse import pulse_ns
from latencylab.timing.study import PLAIN
from latencylab.timing.worker import World
from latencylab.timing.worker import measure as work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHORT = Policy(warmups=1, min_runs=3, min_time_s=0.0)


class FakeModel:
    """A model and the clock that sees it run: the nth run takes the nth duration, the last one for ever."""

    def __init__(self, durations_ns: Iterable[int]) -> None:
        self.durations_ns = list(durations_ns)
        self.now_ns = 10**15
        self.runs = 0

    def run(self, *_: object) -> None:
        self.now_ns += self.durations_ns[min(self.runs, len(self.durations_ns) - 1)]
        self.runs += 1

    def clock(self) -> int:
        return self.now_ns


# When to stop.


@given(st.integers(1, 10**10), st.integers(0, 20), st.integers(1, 100), st.floats(0, 5), st.integers(1, 300))
def test_sampling_ends_when_both_minima_or_one_maximum_is_reached(
    run_ns: int, warmups: int, min_runs: int, min_time_s: float, max_runs: int
) -> None:
    model = FakeModel([run_ns])
    policy = Policy(warmups, min_runs, min_time_s, max_time_s=10.0, max_runs=max_runs)
    samples = sample(model.run, model.clock, policy)

    def is_enough(runs: int) -> bool:
        time_s = runs * run_ns / 1e9
        return (runs >= min_runs and time_s >= min_time_s) or runs >= max_runs or time_s >= 10.0

    count = len(samples.samples_ns)
    assert len(samples.warmups_ns) == warmups
    assert is_enough(count)
    assert not is_enough(count - 1)
    assert not samples.is_interrupted
    assert model.runs == warmups + count


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40))
def test_every_sample_is_kept_in_order_and_warmups_apart(durations_ns: list[int]) -> None:
    model = FakeModel(durations_ns)
    policy = Policy(warmups=2, min_runs=len(durations_ns), min_time_s=0.0, max_time_s=1e9)
    samples = sample(model.run, model.clock, policy)
    seen = samples.warmups_ns + samples.samples_ns
    assert list(seen[: len(durations_ns)]) == durations_ns[: len(seen)]


def test_the_default_is_five_warmups_then_two_seconds_or_twenty_runs() -> None:
    quick, slow = FakeModel([10**7]), FakeModel([10**9])
    assert [len(s) for s in _lengths(sample(quick.run, quick.clock, Policy()))] == [5, 200]
    assert [len(s) for s in _lengths(sample(slow.run, slow.clock, Policy()))] == [5, 20]


def _lengths(samples: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return samples.warmups_ns, samples.samples_ns


@given(st.integers(0, 30))
def test_an_interruption_keeps_what_was_sampled(after: int) -> None:
    model = FakeModel([10**6])
    policy = Policy(warmups=5, min_runs=20, min_time_s=0.0)
    samples = sample(model.run, model.clock, policy, is_stopped=lambda: model.runs >= after)
    assert model.runs == min(after, 25)
    assert len(samples.samples_ns) == max(0, min(after, 25) - 5)
    assert samples.is_interrupted == (after < 25)


def test_progress_never_goes_back_and_ends_at_one() -> None:
    model, seen = FakeModel([10**8]), list[float]()
    sample(model.run, model.clock, Policy(), progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


# What to beware of.


def test_a_quiet_machine_gives_no_warning() -> None:
    assert warnings_for([1000] * 20, HOST, 1) == ()


@pytest.mark.parametrize(
    ("samples", "changes", "threads", "says"),
    [
        ([100, 120] * 10, {}, 1, "unstable machine: .*9.1%"),
        ([100] * 19, {}, 1, "few samples: 19 runs"),
        ([100] * 20 + [110] * 20, {}, 1, "drifting machine: .*10.0% slower"),
        ([100] * 20, {"load_1min": 2.5}, 1, "busy machine: load 2.5 on 4 cores"),
        ([100] * 20, {"governor": "powersave"}, 1, "governor 'powersave'"),
        ([100] * 20, {"affinity": (3,)}, 2, "2 threads share 1 core;"),
    ],
)
def test_each_doubt_is_said_with_advice(
    samples: list[int], changes: dict[str, Any], threads: int, says: str
) -> None:
    import re

    warnings = warnings_for(samples, replace(HOST, **changes), threads)
    assert [w for w in warnings if re.search(says, w)], warnings


def test_a_machine_that_slows_while_it_measures_is_said() -> None:
    assert warnings_for([100] * 20, HOST, 1, (1000, 1150, 1050)) == ()
    (warning,) = warnings_for([100] * 20, HOST, 1, (1000, 1010, 1460))
    assert "took 46% longer at one time than at another" in warning


def test_a_pulse_is_the_fastest_of_its_beats() -> None:
    durations = iter([5, 7, 900] * 3)
    now = [0]

    def clock() -> int:
        """Every second reading ends a beat."""
        now[0] += next(durations) if clock_reads[0] % 2 else 1
        clock_reads[0] += 1
        return now[0]

    clock_reads = [0]
    assert pulse_ns(clock) == 5


def test_five_percent_is_where_a_machine_becomes_unstable() -> None:
    def deviating(by: int) -> list[int]:
        return [1000] * 3 + [1000 - by, 1000 + by] * 10

    assert not any("unstable" in w for w in warnings_for(deviating(50), HOST, 1))
    assert any("unstable" in w for w in warnings_for(deviating(51), HOST, 1))


def test_an_interruption_is_one_warning_not_two() -> None:
    (warning,) = warnings_for([100] * 4, HOST, 1, is_interrupted=True)
    assert warning == "interrupted after 4 runs: only these are kept"


# The host.

CPUINFO = """\
processor\t: 0
model name\t: AMD EPYC 9654 96-Core Processor
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu sse4_1 avx avx2 fma avx512f avx512_vnni

processor\t: 1
model name\t: AMD EPYC 9654 96-Core Processor
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu

processor\t: 2
physical id\t: 0
core id\t\t: 1
"""


def test_the_cpu_is_read_from_linux() -> None:
    assert host.cpu_model(CPUINFO) == "AMD EPYC 9654 96-Core Processor"
    assert host.physical_cores(CPUINFO) == 2
    assert host.instruction_sets(CPUINFO) == ("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512_vnni")


def test_a_system_that_tells_nothing_is_described_all_the_same(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing"
    found = host.describe(nowhere, nowhere, nowhere)
    assert (found.isa, found.governor, found.memory_bytes) == ((), None, 0)
    assert found.physical_cores >= 1
    assert host.peak_memory_bytes(nowhere) is None


def test_memory_is_counted_in_bytes(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert (host.peak_memory_bytes(status), host.resident_bytes(status)) == (2 * 2**20, 2**20)


# Inputs.


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool"]
)
def test_inputs_are_synthesised_as_declared_and_repeatably(dtype: str) -> None:
    spec = InputSpec("x", (2, 3, 8, 8), dtype)
    first, second = (feeds_for([spec], {}, {})["x"] for _ in range(2))
    assert (first.shape, first.dtype.name) == (spec.shape, dtype)
    assert np.array_equal(first, second)
    assert len(np.unique(first)) > 1
    assert first.min() >= (-128 if dtype == "int8" else 0)
    assert first.max() <= (255 if dtype == "uint8" else 127 if dtype == "int8" else 1)


def test_a_shape_binds_free_dimensions() -> None:
    specs = [InputSpec("x", (1, 3, "H", None), "float32"), InputSpec("n", (), "int64")]
    feeds = feeds_for(specs, {"x": (1, 3, 4, 5)}, {})
    assert {name: array.shape for name, array in feeds.items()} == {"x": (1, 3, 4, 5), "n": ()}


@pytest.mark.parametrize(
    ("spec", "shapes", "says"),
    [
        (InputSpec("x", (1, 3, "H", None), "float32"), {}, "--shape x=1,3,1,1"),
        (InputSpec("x", (1, 3, 8, 8), "float32"), {"x": (1, 3, 8, 9)}, "x has shape 1,3,8,9.*takes 1,3,8,8"),
        (InputSpec("x", (1, 3), "float32"), {"x": (1, 3, 8)}, "takes 1,3"),
        (InputSpec("x", (1, 3), "float32"), {"y": (1, 3)}, "no input 'y'; it has x"),
        (InputSpec("x", (1, 3), "bfloat16"), {}, "bfloat16 cannot be synthesised"),
    ],
)
def test_an_input_that_does_not_fit_is_said_in_one_line(
    spec: InputSpec, shapes: dict[str, tuple[int, ...]], says: str
) -> None:
    with pytest.raises(MeasurementError, match=says):
        feeds_for([spec], shapes, {})


def test_inputs_come_from_files(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", array)
    (tmp_path / "text").write_text("no array")

    def fed(file: str, dtype: str = "float32", shape: tuple[int, ...] = (2, 3)) -> Any:
        return feeds_for([InputSpec("x", shape, dtype)], {}, {"x": str(tmp_path / file)})["x"]

    assert np.array_equal(fed("x.npy"), array)
    for bad, says in (("text", "not a readable"), ("absent", "not a readable"), ("x.npz", "not one .npy")):
        with pytest.raises(MeasurementError, match=says):
            fed(bad)
    with pytest.raises(MeasurementError, match="holds float32, the model takes uint8"):
        fed("x.npy", dtype="uint8")
    with pytest.raises(MeasurementError, match="x has shape 2,3, the model takes 3,3"):
        fed("x.npy", shape=(3, 3))


def test_types_are_named_as_numpy_does() -> None:
    names = ["tensor(float)", "tensor(double)", "tensor(float16)", "tensor(uint8)"]
    assert [dtype_name(name) for name in names] == ["float32", "float64", "float16", "uint8"]
    with pytest.raises(MeasurementError, match="only tensors"):
        dtype_name("seq(tensor(float))")


# Profiles.


def event(name: str, us: int, at_us: int, index: int, op: str = "Conv") -> dict[str, Any]:
    args = {"op_name": op, "node_index": str(index), "provider": "CPUExecutionProvider"}
    args |= {"output_type_shape": [{"float": [1, 8, 4, 4]}]}
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": us, "ts": at_us, "args": args}


def run_event(us: int, at_us: int) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "dur": us, "ts": at_us, "args": {}}


EVENTS = [
    {"cat": "Session", "name": "session_initialization", "dur": 9, "ts": 0, "args": {}},
    *(event("ReorderOutput", us, 100 * run, 7) for run, us in enumerate((50, 5, 6))),
    *(event("ReorderOutput", us, 100 * run + 20, 9) for run, us in enumerate((60, 7, 8))),
    *(event("c_nchwc", us, 100 * run - 20, 5) for run, us in enumerate((90, 30, 40))),
    *(run_event(us, 100 * run - 30) for run, us in enumerate((210, 50, 60))),
]


def saved(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_profile_is_read_kernel_by_kernel_in_execution_order(tmp_path: Path) -> None:
    profile = read_profile(saved(tmp_path, EVENTS))
    assert profile.runs_ns == (50_000, 60_000)
    assert [(k.name, k.node_index, k.samples_ns) for k in profile.kernels] == [
        ("c_nchwc", 5, (30_000, 40_000)),
        ("ReorderOutput", 7, (5_000, 6_000)),
        ("ReorderOutput", 9, (7_000, 8_000)),
    ]
    assert profile.kernels[0].outputs[0].shape == (1, 8, 4, 4)


def test_the_only_run_of_a_profile_is_kept(tmp_path: Path) -> None:
    profile = read_profile(saved(tmp_path, [event("c", 3, 0, 1), run_event(4, 0)]))
    assert (profile.runs_ns, profile.kernels[0].samples_ns) == ((4_000,), (3_000,))


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", "[]", [{"cat": "Node", "name": "c_kernel_time"}]])
def test_what_is_no_profile_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(MeasurementError, match="not an onnxruntime profile"):
        read_profile(saved(tmp_path, content))


# The measuring process, with a session of our own.


def conv_model(op_type: str = "Relu") -> onnx.ModelProto:
    shape = [1, 3, 8, 8]
    weights = numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1] * 4),
        helper.make_node(op_type, ["c"], ["y"], name="act"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 8, 8])
    graph = helper.make_graph(nodes, "tiny", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class FakeSession(FakeModel):
    """A session whose runs take what the list says, and whose profile is the one above."""

    inputs = (InputSpec("x", (1, 3, 8, 8), "float32"),)
    runtime = RUNTIME

    def __init__(self, durations_ns: Iterable[int], folder: Path) -> None:
        super().__init__(durations_ns)
        self.folder = folder

    def end_profiling(self) -> Path:
        onnx.save(conv_model(), self.folder / "optimized.onnx")
        return saved(self.folder, EVENTS)


REQUEST = Request("m.onnx", "m", "00", policy=Policy(warmups=2, min_runs=3, min_time_s=0.0))


def measured(
    tmp_path: Path, stop_after: int = 1000
) -> tuple[Measurement, list[tuple[str, float]], list[Any]]:
    session = FakeSession([500, 400, 10, 20, 30, 999], tmp_path)
    reports: list[tuple[str, float]] = []
    opened: list[Any] = []

    def open_session(request: Request, folder: Path | None) -> FakeSession:
        opened.append((request, folder))
        return session

    pulses = iter((100, 105, 130))
    world = World(
        open_session,
        session.clock,
        lambda: next(pulses),
        lambda: session.runs >= stop_after,
        lambda p, d: reports.append((p, d)),
    )
    return work(REQUEST, tmp_path, world), reports, opened


def test_the_total_is_timed_unprofiled_and_the_kernels_apart(tmp_path: Path) -> None:
    measurement, reports, opened = measured(tmp_path)
    assert measurement.samples_ns == (10, 20, 30)
    assert measurement.warmups_ns == (500, 400)
    assert measurement.pulses_ns == (100, 105, 130)
    assert any(warning.startswith("restless machine") for warning in measurement.warnings)
    assert [folder for _, folder in opened] == [None, tmp_path]
    assert [kernel.name for kernel in measurement.kernels] == ["c_nchwc", "ReorderOutput", "ReorderOutput"]
    assert [(n.op_type, n.inputs) for n in measurement.optimized_nodes] == [
        ("Conv", ("x", "w")),
        ("Relu", ("c",)),
    ]
    assert list(dict.fromkeys(phase for phase, _ in reports)) == ["loading", "measuring", "profiling"]
    assert Measurement.from_json(measurement.to_json()) == measurement


def test_an_interrupted_measurement_keeps_its_samples_and_has_no_kernels(tmp_path: Path) -> None:
    measurement, _, opened = measured(tmp_path, stop_after=4)
    assert (measurement.samples_ns, measurement.kernels) == ((10, 20), ())
    assert measurement.is_interrupted
    assert measurement.warnings[0] == "interrupted after 2 runs: only these are kept"
    assert len(opened) == 1


def test_nothing_is_returned_where_nothing_was_timed(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="before the first timed run"):
        measured(tmp_path, stop_after=2)


@pytest.mark.parametrize(
    ("code", "stderr", "says"),
    [
        (-9, "", "SIGKILL .out of memory"),
        (-11, "", "SIGSEGV"),
        (-2, "", "interrupted"),
        (1, "Traceback\nMemoryError: no", "MemoryError: no"),
        (3, "", "exit code 3: it said nothing"),
    ],
)
def test_a_dead_process_is_explained_in_one_line(code: int, stderr: str, says: str) -> None:
    import re

    assert re.search(says, process._cause_of_death(code, stderr))


# onnxruntime itself, on a model of a few microseconds.


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    onnx.save(conv_model(), path)
    return path


def request_for(path: Path, **changes: Any) -> Request:
    return replace(Request(str(path), "tiny", "00", policy=SHORT, profile_policy=SHORT), **changes)


def test_onnxruntime_is_measured_in_a_process_of_its_own(tiny: Path) -> None:
    phases: list[str] = []
    measurement = measure(request_for(tiny, threads=2), lambda phase, _: phases.append(phase))
    assert len(measurement.samples_ns) == 3
    assert all(len(kernel.samples_ns) >= 3 for kernel in measurement.kernels)
    assert [k.name for k in measurement.kernels] == [n.name for n in measurement.optimized_nodes]
    assert measurement.runtime.intra_op_threads == 2
    assert (measurement.runtime.inter_op_threads, measurement.runtime.is_spinning) == (1, False)
    assert set(phases) == {"loading", "measuring", "profiling"}
    assert measurement.inputs[0].source == "synthesised (seed 0)"


def test_a_provider_that_compiles_is_placed_without_its_graph(tiny: Path) -> None:
    other = "AzureExecutionProvider"  # in every build; takes no node of its own
    if other not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers the CPU alone")
    measurement = measure(request_for(tiny, provider=other))
    assert measurement.runtime.providers[0] == other
    assert measurement.kernels
    assert measurement.optimized_nodes == ()


def test_what_onnxruntime_refuses_is_said_in_one_line(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny)
    model.graph.node[1].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "bad.onnx")
    for request, says in (
        (request_for(tmp_path / "bad.onnx"), "onnxruntime refused the model: .*NoSuchOperator"),
        (request_for(tiny, provider="NoSuchProvider"), "no provider 'NoSuchProvider'; it has .*CPU"),
        (request_for(tiny, shapes={"x": (1, 3, 9, 8)}), "x has shape 1,3,9,8"),
    ):
        with pytest.raises(MeasurementError, match=says) as caught:
            measure(request)
        assert "\n" not in str(caught.value)


def test_ctrl_c_keeps_what_was_measured(tiny: Path) -> None:
    endless = Policy(warmups=1, min_runs=10**9, min_time_s=10**9, max_time_s=10**9, max_runs=10**9)

    def press(phase: str, _done: float) -> None:
        # The second report of a phase comes a tenth of a second later: by then some runs are through.
        reports.append(phase)
        if reports.count("measuring") == 2:
            raise KeyboardInterrupt

    reports: list[str] = []
    measurement = measure(request_for(tiny, policy=endless), press)
    assert measurement.is_interrupted
    assert measurement.samples_ns
    assert not measurement.kernels


def test_a_model_is_measured_once_a_thread_count(tmp_path: Path) -> None:
    model = conv_model()
    network = onnx_reader.read(model, name="mine")
    found = list(
        measure_model(
            model, network, threads=(1, 2), settings=replace(PLAIN, policy=SHORT, profile_policy=SHORT)
        )
    )
    assert [m.runtime.intra_op_threads for m in found] == [1, 2]
    assert {(m.model_name, m.model_sha256) for m in found} == {("mine", network.sha256)}


def test_a_profile_made_elsewhere_becomes_a_measurement(tmp_path: Path) -> None:
    network = onnx_reader.read(conv_model())
    measurement = from_profile(saved(tmp_path, EVENTS), network.graph, network.sha256)
    assert measurement.samples_ns == (50_000, 60_000)
    assert "profile" in measurement.source
    assert Measurement.from_json(measurement.to_json()) == measurement
    with pytest.raises(MeasurementError, match="no whole run"):
        from_profile(saved(tmp_path, [event("c", 3, 0, 1)]), network.graph, network.sha256)


# The command.

QUICK = ["--seconds", "0", "--runs", "3", "--warmups", "1"]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["measure", *map(str, arguments)])


def test_the_command_writes_what_any_view_can_read_later(tiny: Path, tmp_path: Path) -> None:
    done = run(
        tiny,
        *QUICK,
        "--threads",
        "1,2",
        "-o",
        tmp_path / "m.json",
        "-o",
        tmp_path / "m.md",
        "--format",
        "csv",
    )
    assert done.exit_code == 0, done.output
    measurements = loads((tmp_path / "m.json").read_text())
    assert [m.runtime.intra_op_threads for m in measurements] == [1, 2]
    assert done.stdout.startswith("model,threads,index,kernel,")
    assert "| kernel" in (tmp_path / "m.md").read_text()


def test_the_table_says_what_ran_where_and_how_much_has_a_place(tiny: Path) -> None:
    done = run(tiny, *QUICK)
    assert done.exit_code == 0, done.output
    for part in ("tiny", "onnxruntime", "median of 3 runs", "few samples", "placed 100.0%", "conv act"):
        assert part in done.stdout
    assert json.loads(run(tiny, *QUICK, "--format", "json").stdout)["kind"] == "measurement"


def test_a_saved_measurement_is_shown_again(tiny: Path, tmp_path: Path) -> None:
    saved_as = tmp_path / "m.json"
    first = run(tiny, *QUICK, "-o", saved_as, "--format", "table")
    again = run(tiny, "--from", saved_as)
    assert again.exit_code == 0, again.output
    assert again.stdout == first.stdout


def test_a_profile_of_another_network_is_doubted(tiny: Path, tmp_path: Path) -> None:
    # EVENTS hold two reorders (layout, wherever) and a convolution; the network knows no Softmax.
    events = [*EVENTS, *(event("s", 10**6, 100 * i + 50, 99, "Softmax") for i in range(3))]
    done = run(tiny, "--from", saved(tmp_path, events))
    assert done.exit_code == 0, done.output
    assert "unplaced" in done.stdout
    assert "is this the network that was measured?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{tiny}", "--threads", "0"], 2, "not a list of thread counts"),
        (["{tiny}", "--input", "x"], 2, "not INPUT=FILE.npy"),
        (["{tiny}", "--input", "x=absent.npy"], 2, "no such file"),
        (["{tiny}", "-o", "x.html"], 2, "file suffix"),
        (["{tiny}", "--from", "{tiny}"], 2, "not an onnxruntime profile"),
        (["absent.onnx"], 2, "cannot read absent.onnx"),
        (["zoo:no_such_network"], 2, "unknown zoo network"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    tiny: Path, arguments: list[str], code: int, says: str
) -> None:
    done = run(*(argument.format(tiny=tiny) for argument in arguments))
    assert done.exit_code == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
