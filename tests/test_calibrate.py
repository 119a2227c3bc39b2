"""`latencylab calibrate`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomlkit
from calibration_rows import COMMENTS, TRUTH, made, write_profile, write_rows
from click.testing import CliRunner, Result

from latencylab import device, fitting
from latencylab.cli import latencylab
from latencylab.device import overlay
from latencylab.errors import ConfigError, UnknownNameError
from latencylab.fitting import kernels, writing
from latencylab.fitting import plan as plans
from latencylab.importers import MeasuredKernel

EVIDENCE = Path(__file__).parents[1] / "evidence"


def run(*arguments: object) -> Result:
    environment = {"NO_COLOR": "1", "COLUMNS": "200"}
    return CliRunner(env=environment).invoke(latencylab, ["calibrate", *map(str, arguments)])


def failing(*arguments: object) -> tuple[int, str]:
    """Run what must fail: nothing on stdout, one line on stderr."""
    result = run(*arguments)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.exit_code, result.stderr


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return write_profile(tmp_path)


@pytest.fixture
def rows(tmp_path: Path, profile: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", made(profile))


NAMED = [option for path in TRUTH for option in ("--parameter", path)]


# --- printing ----------------------------------------------------------------------------------------------


def test_it_shows_before_fitted_left_out_and_every_value(profile: Path, rows: Path) -> None:
    result = run(profile, "--data", rows, "--parameter", "memory.dram.efficiency")
    assert result.exit_code == 0
    for word in ("before", "fitted", "left out", "sigma pct", "memory.dram.efficiency", "r4"):
        assert word in result.stdout
    assert "runs what no other network does" in result.stdout
    assert profile.read_text() == write_profile(profile.parent, "copy").read_text().replace("copy", "tiny")


def test_json_holds_the_same_and_nothing_else_is_on_stdout(profile: Path, rows: Path) -> None:
    result = run(profile, "--data", rows, *NAMED, "--format", "json", "--no-leave-out")
    data = json.loads(result.stdout)
    values = {p["parameter"]: p["value"] for p in data["parameters"]}
    assert values["memory.dram.efficiency"] == pytest.approx(TRUTH["memory.dram.efficiency"], rel=0.1)
    assert {a["stage"] for a in data["agreement"]} == {"before", "fitted"}
    fitted, before = (next(a for a in data["agreement"] if a["stage"] == s) for s in ("fitted", "before"))
    assert fitted["mape_pct"] < before["mape_pct"] / 3


def test_the_same_rows_print_the_same_bytes(profile: Path, rows: Path) -> None:
    few = ("--parameter", "overhead.inference_s")
    first, second = (run(profile, "--data", rows, *few).stdout_bytes for _ in range(2))
    assert first == second


# --- writing -----------------------------------------------------------------------------------------------


def test_an_overlay_extends_the_profile_by_what_was_fitted(tmp_path: Path, profile: Path, rows: Path) -> None:
    out = tmp_path / "mine.toml"
    assert run(profile, "--data", rows, *NAMED, "-o", out).exit_code == 0
    mine, original = device.load(out), device.load(profile)
    assert (mine.name, mine.title) == ("mine", "A tiny NPU, calibrated")
    efficiency = mine.parameters()["memory.dram.efficiency"]
    assert efficiency.provenance == "fitted"
    assert efficiency.source == "rows.csv (5 rows)"
    assert (efficiency.low, efficiency.high, efficiency.prior) == (0.2, 0.8, 0.5)
    assert efficiency.sigma_pct is not None
    assert efficiency.residual is not None
    assert efficiency.residual.startswith("mean error 0.")
    assert mine.accuracy.sigma_log.provenance == "fitted"
    assert "without it" in mine.accuracy.evidence
    changed = {k for k, v in mine.parameters().items() if v != original.parameters()[k]}
    assert changed == {*TRUTH, "accuracy.sigma_log"}


def test_fitting_the_fitted_profile_again_changes_nothing(tmp_path: Path, profile: Path, rows: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    few = (*NAMED, "--no-leave-out")
    assert run(profile, "--data", rows, *few, "-o", first).exit_code == 0
    again = write_rows(tmp_path / "again.csv", made(profile, device=str(first)))
    assert run(first, "--data", again, *few, "-o", second).exit_code == 0
    one, other = device.load(first).parameters(), device.load(second).parameters()
    for path in TRUTH:
        assert other[path].prior == one[path].prior
        assert other[path].value == pytest.approx(one[path].value, rel=1e-3)


def test_in_place_keeps_comments_order_and_everything_else(profile: Path, rows: Path) -> None:
    before = profile.read_text()
    assert run(profile, "--data", rows, *NAMED, "--in-place", "--no-leave-out").exit_code == 0
    after = profile.read_text()
    for table, comment in COMMENTS.items():
        assert f"{comment}\n{table}" in after
    assert list(tomlkit.parse(after)) == list(tomlkit.parse(before))
    old, new = tomlkit.parse(before).unwrap(), tomlkit.parse(after).unwrap()
    assert new["overhead"]["inference_s"]["provenance"] == "fitted"
    for tables in (old, new):
        del tables["memory"]["dram"]["efficiency"], tables["overhead"]
        del tables["engines"]["mac"]["launch_s"]
    assert old == new


def test_in_place_keeps_line_ends_and_the_byte_order_mark(profile: Path, rows: Path) -> None:
    content = b"\xef\xbb\xbf" + profile.read_bytes().replace(b"\n", b"\r\n")
    profile.write_bytes(content)
    few = ("--parameter", "overhead.inference_s", "--no-leave-out", "--in-place")
    assert run(profile, "--data", rows, *few).exit_code == 0
    written = profile.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\n") == written.count(b"\r\n") >= content.count(b"\n")
    for comment in COMMENTS.values():
        assert comment.encode() in written
    assert device.load(profile).overhead.inference_s.provenance == "fitted"


def test_an_edit_keeps_the_comment_behind_a_value() -> None:
    text = 'a = { value = 1, source = "x" } # why\n\n[b] # table\nc = 2\n'
    edits = [
        writing.Edit(Path(), ("a",), {"value": 3, "source": "y"}),
        writing.Edit(Path(), ("b", "d", "e"), {"value": 4}),
    ]
    edited = writing.edited(text, edits)
    assert edited.startswith('a = { value = 3, source = "y" } # why\n\n[b] # table\nc = 2\n')
    assert tomlkit.parse(edited).unwrap()["b"]["d"]["e"] == {"value": 4}


def test_a_value_goes_where_it_takes_effect(tmp_path: Path) -> None:
    """What all share goes into the family's file, a device's own into its own, a runtime's into its table."""
    family = write_profile(tmp_path, "_family")
    own = 'extends = "./_family.toml"\nname = "{0}"\ntitle = "{0}"\ndefault_runtime = "new"\n'
    runtimes = "[runtimes.new]\n[runtimes.old.overhead]\n"
    runtimes += (
        'inference_s = { value = 2e-5, provenance = "assumed", source = "x", low = 1e-6, high = 1e-3 }\n'
    )
    big, small = tmp_path / "big.toml", tmp_path / "small.toml"
    big.write_text(own.format("big") + runtimes)
    small.write_text(own.format("small") + runtimes)
    found = [(f"{path}:{runtime}", path) for path in (big, small) for runtime in ("new", "old")]
    measured = tuple(
        fitting.narrowed(row, id=f"{row.id}{name}") for name, path in found for row in made(path, device=name)
    )
    csv = write_rows(tmp_path / "rows.csv", measured)
    owners = ("memory.dram.efficiency", f"{big}/engines.mac.launch_s", ":old/overhead.inference_s")
    parameters = {"start": 1e-5, "low": 1e-6, "high": 1e-3}
    plan = {
        "title": "both",
        "rows": [csv.name],
        "devices": [str(big), str(small)],
        "parameters": {
            owners[0]: {"start": 0.5, "low": 0.2, "high": 0.8},
            owners[1]: parameters,
            owners[2]: parameters,
        },
    }
    (tmp_path / "plan.toml").write_text(tomlkit.dumps(plan))
    result = run("--plan", tmp_path / "plan.toml", "--in-place", "--no-leave-out")
    assert result.exit_code == 0, result.stderr
    texts = [tomlkit.parse(path.read_text()).unwrap() for path in (family, big, small)]
    assert texts[0]["memory"]["dram"]["efficiency"]["provenance"] == "fitted"
    assert texts[0]["overhead"]["inference_s"]["provenance"] == "assumed"
    assert "memory" not in texts[1]
    assert texts[1]["engines"]["mac"]["launch_s"]["provenance"] == "fitted"
    assert texts[1]["runtimes"]["old"]["overhead"]["inference_s"]["provenance"] == "fitted"
    assert "engines" not in texts[2]


def test_accuracy_is_the_devices_own_for_its_default_runtime(tmp_path: Path) -> None:
    text = 'default_runtime = "new"\n[runtimes.new]\n[runtimes.old]\n[runtimes.hidden.accuracy]\nrows = 1\n'
    path = tmp_path / "own.toml"
    path.write_text(text)
    layers = overlay.chain(path, lambda *_: path)
    assert writing._accuracy_prefix(layers, "new") == ()
    assert writing._accuracy_prefix(layers, "old") == ("runtimes", "old")
    path.write_text(text.replace('"new"', '"hidden"'))
    layers = overlay.chain(path, lambda *_: path)
    assert writing._accuracy_prefix(layers, "hidden") == ("runtimes", "hidden")


def test_a_file_that_calibrate_did_not_write_is_kept(tmp_path: Path, profile: Path, rows: Path) -> None:
    out = tmp_path / "notes.toml"
    out.write_text("mine = 1\n")
    arguments = (
        profile,
        "--data",
        rows,
        "--parameter",
        "memory.dram.efficiency",
        "--no-leave-out",
        "-o",
        out,
    )
    code, line = failing(*arguments)
    assert code == 2
    assert "--force overwrites it" in line
    assert run(*arguments, "--force").exit_code == 0
    assert run(*arguments).exit_code == 0


def test_the_profile_itself_is_no_place_for_its_overlay(profile: Path, rows: Path) -> None:
    named = ("--parameter", "memory.dram.efficiency", "--no-leave-out")
    code, line = failing(profile, "--data", rows, *named, "-o", profile, "--force")
    assert (code, "--in-place" in line) == (2, True)


# --- refusing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"latency_ms": "nan"}, "latency_ms: found 'nan', expected a number above zero"),
        ({"latency_ms": "0"}, "latency_ms: found '0'"),
        ({"latency_ms": "5000"}, "row r1: 5000 ms measured, about 1.1"),
        ({"model": "zoo:nope_x3"}, "row r1: unknown zoo network"),
        ({"device": "other"}, ""),
    ],
)
def test_a_bad_row_is_one_line(tmp_path: Path, profile: Path, cells: dict[str, object], said: str) -> None:
    path = write_rows(tmp_path / "rows.csv", made(profile), r1=cells)
    arguments = (profile, "--data", path, "--parameter", "memory.dram.efficiency", "--no-leave-out")
    if not said:
        result = run(*arguments, "-v")
        assert (result.exit_code, "left aside, of other devices: 1 row\n" in result.stderr) == (0, True)
        return
    code, line = failing(*arguments)
    assert (code, said in line) == (2, True), line


def test_a_model_that_cannot_be_analysed_ends_with_3(tmp_path: Path, profile: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x00no model")
    path = write_rows(tmp_path / "rows.csv", made(profile), r1={"model": "bad.onnx"})
    code, line = failing(profile, "--data", path)
    assert (code, "row r1: " in line) == (3, True)


def test_too_few_rows_for_the_parameters(tmp_path: Path) -> None:
    free = {"low": 1e-9, "high": 1.0, "value": 1e-5, "provenance": "assumed", "source": "x"}
    profile = write_profile(tmp_path, overhead={"inference_s": free})
    path = write_rows(tmp_path / "rows.csv", made(profile, {})[:1])
    named = ("--parameter", "overhead.inference_s", "--parameter", "engines.mac.launch_s")
    code, line = failing(profile, "--data", path, *named)
    assert (code, "1 row and 0 informative priors cannot determine 2 parameters" in line) == (2, True), line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("PROFILE",), "name a PROFILE and its rows by --data"),
        (("--data", "ROWS"), "name a PROFILE and its rows by --data"),
        (("PROFILE", "--data", "none.csv"), "cannot read rows 'none.csv'"),
        (("none_npu", "--data", "ROWS"), "unknown device 'none_npu'"),
        (("PROFILE", "--data", "ROWS", "--parameter", "memory.dram.efficency"), "did you mean"),
        (("PROFILE", "--data", "ROWS", "--parameter", "engines.mac.count"), "states no bounds"),
        (("mobile_cpu", "--data", "ROWS"), "no row is of mobile_cpu"),
        (("PROFILE", "--data", "ROWS", "-o", "x.txt"), "ends in .toml"),
        (("PROFILE", "--data", "ROWS", "-o", "x.toml", "--in-place"), "not both"),
        (("PROFILE", "x", "--data", "ROWS", "-o", "x.toml"), "several are changed by --in-place"),
        (("PROFILE", "--plan", "x.toml"), "use it alone"),
        (("--plan", "none.toml"), "cannot read plan"),
    ],
)
def test_a_wrong_command_is_one_line(
    profile: Path, rows: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = {"PROFILE": str(profile), "ROWS": str(rows)}
    code, line = failing(*(given.get(word, word) for word in arguments))
    assert (code, said in line) == (2, True), line


def test_rows_are_named_as_they_are_found_from_where_the_command_ran(
    tmp_path: Path, profile: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    out = tmp_path / "mine.toml"
    assert run(profile, "--data", rows, *NAMED, "--no-leave-out", "-o", out).exit_code == 0
    assert device.load(out).memory.dram.efficiency.source == f"{tmp_path.name}/rows.csv (5 rows)"


# --- plans -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", device.names())
def test_a_shipped_fitted_value_names_the_files_it_rests_on(name: str) -> None:
    for runtime in device.runtimes(name) or (None,):
        for path, value in device.load(name, runtime).parameters().items():
            if value.provenance == "fitted":
                files = value.source.rpartition(" (")[0].split(", ")
                assert [file for file in files if not (EVIDENCE.parent / file).is_file()] == [], path


@pytest.mark.parametrize("path", sorted((EVIDENCE / "fits").glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_plans_name_rows_and_parameters_that_exist(path: Path) -> None:
    plan = plans.read_plan(path)
    rows = plans.rows_of_plan(plan, path)
    parameters = plans.parameters_of_plan(plan, rows)
    fitting.require_determined([row for row in rows if row.role == fitting.FIT], parameters)
    assert len({row.device for row in rows if row.role == fitting.FIT}) >= len(plan.devices)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 1", "title: Input should be a valid string"),
        ('titel = "x"', "titel: unknown key, did you mean 'title'?"),
        ('[parameters]\n"a" = { start = 1.0, low = 2.0, high = 3.0 }', "expected low <= start <= high"),
        ('[parameters]\n"a" = { start = 1.0, low = 0.5, hihg = 3.0 }', "unknown key, did you mean 'high'?"),
        ("title =", "not valid TOML"),
    ],
)
def test_a_faulty_plan_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        plans.read_plan(path)
    assert said in str(caught.value)


def test_a_plan_gives_rows_their_roles(tmp_path: Path, profile: Path, rows: Path) -> None:
    text = f'title = "x"\nrows = ["{rows.name}"]\ndevices = ["{profile}"]\n'
    parameter = '[parameters]\n"{}" = {{ start = 0.5, low = 0.2, high = 0.8 }}\n'
    path = tmp_path / "plan.toml"
    path.write_text(f'{text}report = ["r[0-2]"]\n{parameter.format("memory.dram.efficiency")}')
    plan = plans.read_plan(path)
    assert [row.role for row in plans.rows_of_plan(plan, path)] == ["report"] * 3 + ["fit"] * 2
    path.write_text(f'{text}report = ["x*"]\n{parameter.format("memory.dram.efficency")}')
    plan = plans.read_plan(path)
    with pytest.raises(ConfigError, match="no row's id matches 'x\\*'"):
        plans.rows_of_plan(plan, path)
    with pytest.raises(UnknownNameError, match=r"did you mean 'memory\.dram\.efficiency'"):
        plans.parameters_of_plan(plan, fitting.read_rows(rows))


# --- other tools' profiles ---------------------------------------------------------------------------------


def kernel(index: int, op_type: str, time_s: float = 1e-4, floor_s: float = 0.0) -> MeasuredKernel:
    return MeasuredKernel(index, f"{op_type}_{index}", op_type, "nn", time_s, floor_s)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("ConvolutionReluPoolingLayer2", "Conv"),
        ("CONV_2D", "Conv"),
        ("QLinearConv", "Conv"),
        ("TRANSPOSE_CONV", "ConvTranspose"),
        ("TensorTranspose", "Transpose"),
        ("TensorTranspose", "LayoutConversion"),
        ("LOGISTIC", "Sigmoid"),
        ("MEAN", "ReduceMean"),
        ("FullyConnectedReluLayer", "Gemm"),
        ("Softmax2Layer", "Softmax"),
        ("AVERAGE_POOL_2D", "GlobalAveragePool"),
        ("DEPTH_TO_SPACE", "DepthToSpace"),
        ("MINIMUM", "Clip"),
        ("CONCATENATION", "ChannelReplicate"),
    ],
)
def test_a_tools_word_and_a_kind_are_of_one_family(word: str, kind: str) -> None:
    assert kernels.family(word) == kernels.family(kind)


def joined(profile: Path, words: list[MeasuredKernel]) -> kernels.Joined:
    row = made(profile, {})[0]
    program = fitting.Predictor([row]).program(row)
    return kernels.join(words, program, model=row.model, device=str(profile), source="p.txt")


def test_kernels_are_joined_in_order_and_kind(profile: Path) -> None:
    row = made(profile, {})[0]
    program = fitting.Predictor([row]).program(row)
    running = [k for k in program.kernels if k.runs]
    found = joined(profile, [kernel(i, k.meta.kind) for i, k in enumerate(running)])
    assert [r.meta_node for r in found.rows] == [k.meta.name for k in running]
    assert [r.id for r in found.rows][:2] == ["p.txt#0", "p.txt#1"]
    assert (found.unmatched, found.missing, found.at_floor) == ((), (), ())


def test_a_stretch_of_another_length_is_left_unmatched_and_said(profile: Path) -> None:
    row = made(profile, {})[0]
    kinds = [k.meta.kind for k in fitting.Predictor([row]).program(row).kernels if k.runs]
    without = [kind for i, kind in enumerate(kinds) if i != kinds.index("Conv")]
    found = joined(profile, [kernel(i, word) for i, word in enumerate(["Mystery", *without])])
    assert {r.note for r in found.rows} == set(kinds) - {"Conv"}
    assert {m.op_type for m in found.unmatched} == {"Mystery", "Conv"}
    assert len(found.missing) == kinds.count("Conv")
    said = list(found.complaints())
    assert said[0].startswith(f"no meta-node for {kinds.count('Conv')} of {len(kinds)} kernels: Mystery_0")
    assert "not measured: " in said[1]


def test_a_kernel_at_the_profilers_floor_says_nothing(profile: Path) -> None:
    row = made(profile, {})[0]
    kinds = [k.meta.kind for k in fitting.Predictor([row]).program(row).kernels if k.runs]
    found = joined(profile, [kernel(i, word, 51e-6, 51e-6) for i, word in enumerate(kinds)])
    assert (found.rows, len(found.at_floor)) == ((), len(kinds))


def synap(profile: Path, tmp_path: Path, scale: float = 1.0) -> Path:
    """A SyNAP profile of the second network: what the profile predicts, and 51 us a layer."""
    row = made(profile, {})[1]
    predictor = fitting.Predictor([row])
    names = [k.meta.name for k in predictor.program(row).kernels if k.runs]
    words = [k.meta.kind for k in predictor.program(row).kernels if k.runs]
    times = fitting.Predictor([fitting.narrowed(row, id=n, meta_node=n) for n in names]).predict_ms(TRUTH)
    lines = [f"pid: 1, nid: 1, inference_count: 1, layers: {len(names)}"]
    lines.append("| lyr | cycle | time_us | byte_rd | byte_wr | ot | name |")
    lines += [
        f"| {i} | 1 | {round(51 + 1e3 * scale * ms)} | 1 | 1 | NN | {word} |"
        for i, (word, ms) in enumerate(zip(words, times, strict=True))
    ]
    path = tmp_path / "network_profile.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_synap_profile_calibrates_beside_its_model(profile: Path, tmp_path: Path) -> None:
    path = synap(profile, tmp_path)
    model = made(profile, {})[1].model
    named = ("--parameter", "memory.dram.efficiency", "--parameter", "engines.mac.launch_s")
    result = run(profile, "--data", path, "--model", model, *named, "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert "no network could be told from others" in result.stderr
    values = {p["parameter"]: p["value"] for p in json.loads(result.stdout)["parameters"]}
    assert values["memory.dram.efficiency"] == pytest.approx(TRUTH["memory.dram.efficiency"], rel=0.1)


def test_a_profile_without_its_model_is_refused(profile: Path, tmp_path: Path) -> None:
    path = synap(profile, tmp_path)
    code, line = failing(profile, "--data", path)
    assert (code, "its network by --model" in line) == (2, True)
    code, line = failing(profile, "--data", path, "--model", "zoo:metanode_resize_nearest")
    assert (code, "no kernel of it can be placed" in line) == (2, True), line
