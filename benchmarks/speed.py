"""Start-up, memory and speed, each beside what it is compared with, in one run: `make bench`.

Prints one line a figure with its limit; the exit code is 1 if a limit is exceeded. Times are medians; the two
sides of a pair alternate, so that a machine that slows down slows both.
"""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
ROUNDS = 15
PROFILE = ["-m", "latencylab", "profile", "zoo:abpn_x3", "--format", "json"]


def main() -> None:
    figures = [*start_up(), *warm(), *large_weights()]
    for name, value, limit, unit in figures:
        verdict = "ok" if value <= limit else "OVER"
        print(f"{name:<58} {value:8.2f} {unit:<6} limit {limit:g}  {verdict}")
    sys.exit(any(value > limit for _, value, limit, _ in figures))


def start_up() -> list[tuple[str, float, float, str]]:
    help_ratio = ratio(["-m", "latencylab", "--help"], ["-c", "import click"])
    cold_ratio = ratio(PROFILE, ["-c", "import onnx, numpy, click"])
    return [
        ("--help / import click", help_ratio, 1.6, "x"),
        ("profile zoo:abpn_x3 --format json / import onnx, numpy, click", cold_ratio, 2.0, "x"),
        ("peak memory of that profile", peak_mb(PROFILE), 75, "MB"),
    ]


def ratio(ours: list[str], theirs: list[str]) -> float:
    """Median time of a command over that of another, the two run in turn."""
    times = [(timed(ours), timed(theirs)) for _ in range(ROUNDS + 1)][1:]
    print(*(f"{statistics.median(side) * 1e3:.0f} ms" for side in zip(*times, strict=True)), file=sys.stderr)
    return statistics.median(a for a, _ in times) / statistics.median(b for _, b in times)


def timed(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=installed(), check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


@cache
def installed() -> dict[str, str]:
    """Byte code is kept, as where a package is installed; the first run of each command writes it."""
    folder = tempfile.mkdtemp(prefix="speed-")
    atexit.register(shutil.rmtree, folder)
    return os.environ | {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}


def peak_mb(arguments: list[str]) -> float:
    """Largest resident set of a command."""
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=installed(), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, arguments
    return usage.ru_maxrss / 1e3 * (1 if sys.platform != "darwin" else 1e-3)


def warm() -> list[tuple[str, float, float, str]]:
    with tempfile.TemporaryDirectory() as folder:
        abpn = written(Path(folder) / "abpn.onnx", "abpn_x3")
        rcan = written(Path(folder) / "rcan.onnx", "rcan_x3")
        chains = [chain(Path(folder) / f"chain{n}.onnx", n) for n in (2_000, 20_000)]
        bound_ms, abpn_ms, rcan_ms = (
            milliseconds(abpn, 200, "roofline"),
            milliseconds(abpn, 50),
            milliseconds(rcan, 5),
        )
        edsr_ms = milliseconds(written(Path(folder) / "edsr.onnx", "edsr_x3"), 3)
        short_ms, long_ms = (milliseconds(path, 3) for path in chains)
    return [
        ("warm roofline of abpn_x3 from its file", bound_ms, 3, "ms"),
        ("warm simulation of abpn_x3 from its file", abpn_ms, 15, "ms"),
        ("warm simulation of edsr_x3 from its file", edsr_ms, 300, "ms"),
        ("warm simulation of rcan_x3 from its file", rcan_ms, 1000, "ms"),
        ("warm estimate of rcan_x3, per node / abpn's per node", (rcan_ms / 2000) / (abpn_ms / 19), 2, "x"),
        ("20,000 nodes / (10 x 2,000 nodes)", long_ms / (10 * short_ms), 1.3, "x"),
    ]


def milliseconds(path: Path, rounds: int, engine: str = "simulator") -> float:
    from latencylab import pipeline

    profile = pipeline.load_device("dolphin_npu")
    pipeline.estimate(path, profile, engine)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        pipeline.estimate(path, profile, engine)
        times.append(time.perf_counter() - start)
    print(f"{path.stem} {engine}: {statistics.median(times) * 1e3:.2f} ms", file=sys.stderr)
    return statistics.median(times) * 1e3


def written(path: Path, name: str) -> Path:
    from latencylab import zoo

    # The weights would only measure how fast a file is hashed.
    path.write_bytes(zoo.build(name, weights=False).SerializeToString())
    return path


def chain(path: Path, count: int) -> Path:
    """A chain of alternating convolutions and activations with one shared weight."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node(*(("Relu", [f"t{i}"]) if i % 2 else ("Conv", [f"t{i}", "w"])), [f"t{i + 1}"])
        for i in range(count)
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 16, 16]) for name in ("t0", f"t{count}")
    ]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [8, 8, 1, 1], [0.0] * 64)
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], [weight])
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


def large_weights() -> list[tuple[str, float, float, str]]:
    """A model whose weight file has 2 GB (sparse on disk) beside the same graph with small weights."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (external(Path(folder) / f"{n}.onnx", n) for n in (16, 22_400))
        command = ["-m", "latencylab", "profile", "--format", "json"]
        return [
            (
                "peak memory with 2 GB of external weights / with 1 KB",
                peak_mb([*command, str(large)]) / peak_mb([*command, str(small)]),
                1.05,
                "x",
            )
        ]


def external(path: Path, size: int) -> Path:
    from onnx import TensorProto, helper

    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size, size])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=f"{path.stem}.bin")
    with path.with_suffix(".bin").open("wb") as file:
        file.truncate(4 * size * size)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name in ("x", "y")]
    path.write_bytes(
        helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], [weight])).SerializeToString()
    )
    return path


if __name__ == "__main__":
    main()
