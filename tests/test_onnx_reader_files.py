"""Where models come from: files small and large, weights beside them, pipes, bytes; and what names them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx_text import model

from latencylab.errors import ModelError
from latencylab.onnx_reader import _source, read
from latencylab.onnx_reader._strip import KEPT_BYTES, without_weights

if TYPE_CHECKING:
    from pathlib import Path

RELU = model("net (float[1,4] x) => (float[1,4] y) { y = Relu(x) }").SerializeToString()


def with_weights(*weights: TensorProto) -> ModelProto:
    """A chain of MatMuls by these square weights."""
    names = ["x", *(f"y{index}" for index in range(len(weights)))]
    nodes = [
        helper.make_node("MatMul", [source, weight.name], [target])
        for source, target, weight in zip(names, names[1:], weights, strict=False)
    ]
    width = weights[0].dims[0]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width]) for name in (names[0], names[-1])
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def external(name: str, width: int, location: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[width, width])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


class TestHash:
    def test_a_file_and_its_bytes_have_the_files_hash(self, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(RELU)
        assert read(path).sha256 == read(RELU).sha256 == hashlib.sha256(RELU).hexdigest()

    def test_a_model_in_memory_is_hashed_without_its_weights_values(self) -> None:
        zeros, ones = (
            read(with_weights(numpy_helper.from_array(np.full((8, 8), v, np.float32), "w"))).sha256
            for v in (0, 1)
        )
        wider = read(with_weights(numpy_helper.from_array(np.zeros((9, 9), np.float32), "w"))).sha256
        assert zeros == ones != wider


class TestExternalWeights:
    def test_they_need_not_exist(self, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(with_weights(external("w", 4096, "nowhere.bin")).SerializeToString())
        weight = read(path).graph.tensors["w"]
        assert (weight.size_bytes, weight.values) == (4 * 4096**2, None)

    def test_two_gigabytes_beside_the_graph_cost_no_memory(self, tmp_path: Path) -> None:
        width = 2**15  # 4 GiB of float32, of which the file system stores nothing
        (tmp_path / "w.bin").touch()
        os.truncate(tmp_path / "w.bin", 4 * width**2)
        path = tmp_path / "m.onnx"
        path.write_bytes(with_weights(external("w", width, "w.bin")).SerializeToString())
        small = tmp_path / "small.onnx"
        small.write_bytes(RELU)
        assert _peak_kib(path) < _peak_kib(small) + 8 * 1024

    def test_where_a_path_leads_out_of_the_folder_nothing_is_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(with_weights(external("w", 8, "../../../../etc/passwd")).SerializeToString())
        assert read(path).graph.tensors["w"].values is None

    def test_a_shape_that_lies_outside_is_missed_in_words(self) -> None:
        proto = model("net (float[1,8] x) => (float[a,b] y) { y = Reshape(x, s) }")
        shape = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2])
        shape.data_location = TensorProto.EXTERNAL
        shape.external_data.add(key="location", value="all.bin")
        proto.graph.initializer.append(shape)
        with pytest.raises(ModelError, match=r"the content of 's' lies in a file of its own.*size_threshold"):
            read(proto)


class TestLargeFiles:
    WEIGHTS = tuple(numpy_helper.from_array(np.zeros((700, 700), np.float32), f"w{i}") for i in range(16))

    def test_weights_are_left_in_the_file(self, tmp_path: Path) -> None:
        """64 MB and more of weights, and the reader takes a few."""
        path = tmp_path / "m.onnx"
        weights = [
            numpy_helper.from_array(np.zeros((2048, 2048), np.float32), f"w{i}") for i in range(6)
        ]  # 100 MB in all
        path.write_bytes(with_weights(*weights).SerializeToString())
        small = tmp_path / "small.onnx"
        small.write_bytes(RELU)
        assert path.stat().st_size > 100e6
        assert _peak_kib(path) < _peak_kib(small) + 16 * 1024

    def test_beyond_two_gibibytes_where_protobuf_gives_up(self, tmp_path: Path) -> None:
        """One sparse file, written by hand because protobuf will not."""
        path = tmp_path / "m.onnx"
        width = 24_000
        content_bytes = 4 * width**2  # 2.3 GB
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[width, width]).SerializeToString()
        tensor += bytes([9 << 3 | 2]) + _varint(content_bytes)
        bare = with_weights(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[width, width]))
        del bare.graph.initializer[:]
        graph = (
            bare.graph.SerializeToString()
            + bytes([5 << 3 | 2])
            + _varint(len(tensor) + content_bytes)
            + tensor
        )
        bare.ClearField("graph")
        start = bare.SerializeToString() + bytes([7 << 3 | 2]) + _varint(len(graph) + content_bytes) + graph
        path.write_bytes(start)
        os.truncate(path, len(start) + content_bytes)
        assert path.stat().st_size > 2**31
        assert read(path).graph.tensors["w"].size_bytes == content_bytes

    def test_it_is_the_same_model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data = with_weights(*self.WEIGHTS).SerializeToString()
        path = tmp_path / "m.onnx"
        path.write_bytes(data)
        assert len(data) > _source.LARGE_BYTES
        stripped, from_bytes = read(path, name="m"), read(data, name="m")
        monkeypatch.setattr(_source, "LARGE_BYTES", 2**30)
        assert stripped == from_bytes == read(path, name="m")

    def test_binary_weights_keep_their_signs(self) -> None:
        signs = numpy_helper.from_array(np.resize(np.array([-1, 1, 1], np.float32), (300, 300)), "w")
        bare = ModelProto.FromString(
            without_weights(memoryview(with_weights(signs).SerializeToString()), "m")
        )
        assert read(bare).graph.tensors["w"].is_sign

    def test_content_in_typed_fields_attributes_and_subgraphs_is_left_out_too(self) -> None:
        values = [0.25] * KEPT_BYTES
        typed = helper.make_tensor("w", TensorProto.FLOAT, [256, 256], values)
        proto = with_weights(typed)
        branch = helper.make_graph(
            [helper.make_node("Constant", [], ["t"], value=typed)],
            "b",
            [],
            [helper.make_empty_tensor_value_info("t")],
        )
        proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
        proto.graph.node.append(helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch))
        proto.graph.output.append(helper.make_empty_tensor_value_info("z"))
        data = proto.SerializeToString()
        bare = without_weights(memoryview(data), "m")
        assert len(bare) < 0.01 * len(data)
        assert read(ModelProto.FromString(bare)).graph == read(proto).graph

    def test_a_cut_one_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(with_weights(*self.WEIGHTS).SerializeToString()[:-1000])
        with pytest.raises(ModelError, match=r"m.onnx is not an ONNX model, or is cut short or damaged"):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
class TestPipes:
    def test_a_pipe_is_read_to_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        holder = os.open(path, os.O_RDWR)  # so that neither end has to wait for the other
        os.write(holder, RELU)
        reading = threading.Timer(0.05, os.close, [holder])
        reading.start()
        assert read(path).graph.nodes[0].op_type == "Relu"
        reading.join()

    def test_a_pipe_nobody_writes_to_does_not_hang(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with pytest.raises(ModelError, match="pipe is empty"):
            read(path)


def _varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def _peak_kib(path: Path) -> int:
    """Peak memory of a process that reads this model, file-backed pages included."""
    script = (
        "import sys, resource, pathlib; from latencylab.onnx_reader import read;"
        "read(pathlib.Path(sys.argv[1]));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", script, str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
