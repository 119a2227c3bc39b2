"""Start-up and memory of processes, each beside what it is compared with, in one run: `make bench`.

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
ROUNDS = 15
PROFILE = ["-m", "latencylab", "profile", "zoo:abpn_x3", "--format", "json"]


def main() -> None:
    figures = [*start_up(), *large_weights()]
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
