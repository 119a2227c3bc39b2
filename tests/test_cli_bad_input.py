"""Bad input through the real command: one line on stderr, the exit code of its kind, nothing written."""

from __future__ import annotations

import json
import os
import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from command_line import failing, in_a_process, run
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx_text import model

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "\x1b[31m<script>alert(1)</script>\n\u202e" + "x" * 10_000


def conv(*dims: int | str | None, name: str = "c") -> ModelProto:
    """A convolution and its activation on an input of these dimensions."""
    proto = model(
        f"net (float[{','.join('1' * len(dims))}] x) => (float[a,b,c,d] y) {{ c = Conv(x, w) y = Relu(c) }}"
    )
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, dims))
    proto.graph.initializer.append(numpy_helper.from_array(np.full((4, 3, 3, 3), 0.5, np.float32), "w"))
    proto.graph.node[0].name = name
    return proto


def without_weights() -> ModelProto:
    proto = conv(1, 3, 8, 8)
    del proto.graph.initializer[:]
    return proto


def without_nodes() -> ModelProto:
    proto = conv(1, 3, 8, 8)
    del proto.graph.node[:]
    return proto


def stranger(declared: str) -> ModelProto:
    """An operator of an unknown domain between two known ends."""
    text = f"net (float[1,8] x) => (float[1,8] y) {declared} {{ m = mine.Mystery(x) y = Relu(m) }}"
    return model(text, imports=', "mine" : 1')


UNUSABLE = {
    "truncated": (conv(1, 3, 8, 8).SerializeToString()[:-40], "cut short or damaged"),
    "not onnx": (b"<html>no model</html>", "is not an ONNX model"),
    "no bytes": (b"", "is empty"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", "`git lfs pull`"),
    "empty graph": (without_nodes(), "the graph is empty"),
    "cycle": (
        model("net (float[4] x) => (float[4] y) { [one] a = Add(x, b) [two] b = Relu(a) y = Abs(b) }"),
        "a cycle through 'one', 'two'",
    ),
    "missing initializer": (without_weights(), "reads 'w', which nothing produces"),
    "zero": (conv(1, 3, 0, 8), "an empty dimension in 1x3x0x8"),
    "negative": (conv(1, 3, -5, 8), "unbound dimensions in x[1,3,?,8]"),
    "overflow": (conv(1, 3, 2**62, 2**62), "absurdly large"),
    "unbound": (conv("N", 3, "H", "W"), "--dim N=1 --dim H=360 --dim W=640"),
    "too small": (conv(1, 3, 2, 2), "is empty: inputs (1x3x2x2, 4x3x3x3) too small"),
    "unknown domain": (stranger(""), "unknown operator of domain 'mine'"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("source", ["file", "stdin"])
@pytest.mark.parametrize("case", UNUSABLE)
def test_a_model_that_cannot_be_analysed_is_refused_with_3(case: str, source: str, folder: Path) -> None:
    content, said = UNUSABLE[case]
    data = content if isinstance(content, bytes) else content.SerializeToString()
    before = []
    if source == "file":
        (folder / "net.onnx").write_bytes(data)
        before = [folder / "net.onnx"]
    where = "net.onnx" if source == "file" else "-"
    code, line = failing("profile", where, "-o", "page.html", stdin=data)
    assert code == 3
    assert said in line
    assert list(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["profile", "rank", "compare", "crosscheck"])
def test_of_several_networks_the_one_at_fault_is_named(command: str, folder: Path) -> None:
    """And before anything is measured: crosscheck reads all of them first."""
    (folder / "good.onnx").write_bytes(conv(1, 3, 64, 64).SerializeToString())
    (folder / "bad.onnx").write_bytes(UNUSABLE["cycle"][0].SerializeToString())  # type: ignore[union-attr]
    code, line = failing(command, "good.onnx", "bad.onnx")
    assert code == 3
    assert line.startswith("error: bad.onnx: the graph has a cycle")


@pytest.mark.parametrize("shape", [(1, 3, "H", "W"), (1, 3, None, 640), ("batch", 3, "height", "height")])
def test_the_option_to_paste_works_when_pasted(shape: tuple[int | str | None, ...], folder: Path) -> None:
    data = conv(*shape).SerializeToString()
    _, line = failing("profile", "-", stdin=data)
    options = re.search(r"--(?:dim|shape) .*", line)
    assert options, line
    result = run("profile", "-", *options[0].split(), "--format", "json", "-q", stdin=data)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["latency_ms"] > 0


def test_an_unknown_operator_whose_shapes_are_known_is_priced_loudly() -> None:
    data = stranger("<float[1,8] m>").SerializeToString()
    result = run("profile", "-", "--format", "json", stdin=data)
    assert result.exit_code == 0
    assert "Mystery" in result.stderr
    assert [item["op_type"] for item in json.loads(result.stdout)["unpriced"]] == ["Mystery"]
    code, line = failing("profile", "-", "--strict", stdin=data)
    assert (code, "Mystery x1" in line) == (3, True)


def test_a_chain_of_ten_thousand_nodes_is_just_long() -> None:
    count = 10_000
    nodes = [helper.make_node(("Relu", "Abs")[i % 2], [f"t{i}"], [f"t{i + 1}"]) for i in range(count)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8, 8, 8]) for n in ("t0", f"t{count}")]
    proto = helper.make_model(
        helper.make_graph(nodes, "chain", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 17)]
    )
    result = run(
        "profile", "-", "--format", "json", "-q", "--engine", "roofline", stdin=proto.SerializeToString()
    )
    assert result.exit_code == 0
    assert sum(len(meta["nodes"]) for meta in json.loads(result.stdout)["meta_nodes"]) == count


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_hostile_names_come_out_harmless(form: str, folder: Path) -> None:
    proto = conv(1, 3, 64, 64, name=HOSTILE)
    proto.graph.name = HOSTILE
    result = run("profile", "-", "--format", form, stdin=proto.SerializeToString())
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert "\u202e" not in result.stdout + result.stderr
    assert list(folder.iterdir()) == []


def test_hostile_names_in_a_refusal_are_escaped_and_shortened() -> None:
    proto = conv(1, 3, 2, 2, name=HOSTILE)
    proto.graph.node[0].op_type = "Frobnicate"
    code, line = failing("profile", "-", stdin=proto.SerializeToString())
    assert code == 3
    assert line.rstrip("\n").isprintable()
    assert len(line) < 1100


class TestPlacesThatHoldNoModel:
    def test_directory(self, folder: Path) -> None:
        code, line = failing("profile", str(folder))
        assert (code, "Is a directory" in line) == (2, True)

    def test_missing(self, folder: Path) -> None:
        code, line = failing("profile", str(folder / "none.onnx"))
        assert (code, "No such file" in line) == (2, True)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_unreadable(self, folder: Path) -> None:
        (folder / "locked.onnx").touch(mode=0)
        code, line = failing("profile", "locked.onnx")
        assert (code, "Permission denied" in line) == (2, True)

    def test_a_device_that_never_ends(self) -> None:
        code, line = failing("profile", "/dev/zero")
        assert (code, "not a file" in line) == (2, True)

    def test_a_pipe_nobody_writes_to_is_an_empty_file(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        code, line = failing("profile", "pipe")
        assert (code, "is empty" in line) == (3, True)


def test_a_pipe_somebody_writes_to_is_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    data = conv(1, 3, 64, 64).SerializeToString()
    holder = os.open(folder / "pipe", os.O_RDWR)  # holds the pipe open until the model is in it
    os.write(holder, data)
    threading.Timer(0.2, os.close, [holder]).start()
    assert run("profile", "pipe", "--format", "json", "-q").exit_code == 0


@pytest.mark.parametrize("data", [b"nothing of the kind", conv(1, 3, "H", "W").SerializeToString()])
def test_the_process_itself_says_one_line_and_its_code(data: bytes) -> None:
    done = in_a_process("profile", "-", input=data)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"error: ")
