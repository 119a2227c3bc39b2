"""A result of 20,000 meta-nodes in every format: time and memory, each in a process of its own.

Prints one line a format with its limits; the exit code is 1 if one is exceeded. The time is that of rendering
a result read from its file, without the interpreter's start but with the format's own imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
COUNT = 20_000
MOST_S = 5.0
MOST_MB = 300

RENDER = """
import json, sys, time
from pathlib import Path
from latencylab import reporters
from latencylab.reporters import View
from latencylab.result import Estimate
name, folder = sys.argv[1], Path(sys.argv[2])
estimate = Estimate.from_json((folder / "result.json").read_bytes())
view = View(model=(folder / "model.onnx").read_bytes())
start = time.perf_counter()
size = len(reporters.load(name).render(estimate, view=view))
took_s = time.perf_counter() - start
# getrusage begins with the size of the process that started this one; the file of the process does not.
status = Path("/proc/self/status").read_text()
peak_kb = int(status.split("VmHWM:")[1].split()[0])
print(json.dumps({"took_s": took_s, "peak_mb": peak_kb / 1e3, "size_mb": size / 1e6}))
"""


def main() -> None:
    from latencylab import reporters

    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        write_input(Path(folder))
        for name in reporters.formats():
            figures[name] = figure = measured(name, folder)
            is_over = figure["took_s"] > MOST_S or figure["peak_mb"] > MOST_MB
            figure["over"] = is_over
            limits = f"limits {MOST_S:g} s, {MOST_MB} MB: {'OVER' if is_over else 'ok'}"
            took = f"{figure['took_s']:6.2f} s {figure['peak_mb']:6.0f} MB"
            print(f"{name:<12} {took}, {limits}; writes {figure['size_mb']:.2f} MB")
    sys.exit(any(figure["over"] for figure in figures.values()))


def write_input(folder: Path) -> None:
    """A large result, and a model with nodes of its names."""
    from large_results import large
    from onnx import TensorProto, helper

    estimate = large(COUNT)
    (folder / "result.json").write_text(estimate.to_json())
    nodes = [
        helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"], name=kernel.name)
        for i, kernel in enumerate(estimate.kernels)
    ]
    ends = [helper.make_tensor_value_info(f"t{i}", TensorProto.FLOAT, [1]) for i in (0, len(nodes))]
    model = helper.make_model(helper.make_graph(nodes, "large", ends[:1], ends[1:]))
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def measured(name: str, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", RENDER, name, folder], cwd=ROOT, check=True, capture_output=True, text=True
    )
    figure: dict[str, float] = json.loads(done.stdout)
    return figure


if __name__ == "__main__":
    main()
