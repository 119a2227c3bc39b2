"""The accuracy study of `make crosscheck`: calibrate this machine, then check it on networks it has not seen.

    python -m evidence.crosscheck.study [--calibrate] [--only PART...] [--most-gmacs N] [--clock cpu]

Networks are those of the zoo that upscale with at most 110 GMACs at 360x640: all of them in the first table,
in the others those of x3, without twins and spellings of other frameworks, which repeat them. The
calibration measures none of them. Measurements are kept in a cache folder, so that a study that was cut
short goes on; what a slow machine disturbed is measured again. Results, with host and date, lie beside
this file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import zoo
from latencylab.hosting.store import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.zoo import Entry

HERE = Path(__file__).parent
# Relative to the root, so that results do not say where the checkout lies.
HOST = Path("evidence/crosscheck/host.toml")
MOST_MACS = 110e9
# The fastest sample, at calibration and here: what else a machine does lengthens it the least.
STATISTIC = "min"
# Beyond this an inference at 540x960 takes seconds.
MOST_MACS_LARGE = 37e9
CALIBRATION = ("--force", "--minutes", "5", "--statistic", STATISTIC)
# Two inferences touch new memory: the first, then the one for which the library has planned its buffers.
WARM_UPS = "2"
# Times that what a slow machine disturbed is measured again.
RETRIES = "2"
_OTHERS = ("nv12", "pure_convolution")
_REPEATS = ("_tf_", "_twin_")


@dataclass(frozen=True)
class Part:
    """One table of the study: all networks under a size, or those of x3 that no other repeats."""

    name: str
    size: str
    most_macs: float = MOST_MACS
    dtype: str = "float32"
    threads: int = 1
    is_whole: bool = False
    device: Path | str = HOST


PARTS = (
    Part("float32", "height=360&width=640", is_whole=True),
    Part("float32_x3", "height=360&width=640"),
    Part("threads_2", "height=360&width=640", threads=2),
    Part("uint8", "height=360&width=640", dtype="uint8"),
    Part("float32_180x320", "height=180&width=320"),
    Part("float32_135x241", "height=135&width=241"),
    Part("float32_240x426", "height=240&width=426"),
    Part("float32_540x960", "height=540&width=960", MOST_MACS_LARGE),
)
SHIPPED = Part("float32_shipped", "height=360&width=640", is_whole=True, device="onnxruntime_cpu")


def networks(part: Part) -> tuple[str, ...]:
    """Names of a part's networks, the cheapest first; a family without x3 is there with x2."""
    entries = [e for e in zoo.catalogue() if e.macs <= part.most_macs and _is_upscaler(e.name)]
    chosen = entries if part.is_whole else list(_one_each(entries))
    return tuple(e.name for e in sorted(chosen, key=lambda e: e.macs))


def _is_upscaler(name: str) -> bool:
    return "_x" in name and not any(part in name for part in _OTHERS)


def _one_each(entries: Iterable[Entry]) -> Iterator[Entry]:
    own = [e for e in entries if not any(part in e.name for part in _REPEATS)]
    families = {_family(e.name) for e in own if e.name.endswith("_x3")}
    for entry in own:
        is_only = entry.name.endswith("_x2") and _family(entry.name) not in families
        if entry.name.endswith("_x3") or is_only:
            yield entry


def _family(name: str) -> str:
    return name.rpartition("_x")[0]


def latencylab(*arguments: str) -> None:
    """Run the command; what it says goes to the terminal."""
    command = [sys.executable, "-m", "latencylab", *arguments]
    sys.stderr.write(f"{' '.join(arguments[:1])} ... {' '.join(arguments[-6:])}\n")
    subprocess.run(command, cwd=HERE.parents[1], check=True)  # noqa: S603 - our own command


def check(part: Part, keep: Path, *, seconds: str, runs: str, clock: str) -> None:
    """Cross-check one part; its results are written beside this file."""
    models = [f"zoo:{name}?{part.size}" for name in networks(part)]
    sampling = ["--warmups", WARM_UPS, "--runs", runs, "--seconds", seconds, "--max-seconds", "8"]
    sampling += [
        "--statistic",
        STATISTIC,
        "--retries",
        RETRIES,
        "--clock",
        clock if part.threads == 1 else "wall",
    ]
    outputs = [text for suffix in ("md", "csv", "png") for text in ("-o", f"{HERE / part.name}.{suffix}")]
    options = ["--dtype", part.dtype, "--threads", str(part.threads), "--device", str(part.device)]
    latencylab(
        "crosscheck", *models, *options, "--keep", str(keep), *sampling, "--top", "3", "--force", *outputs
    )


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calibrate", action="store_true", help="measure this machine first")
    parser.add_argument("--only", nargs="*", default=[part.name for part in (*PARTS, SHIPPED)])
    parser.add_argument("--seconds", default="0.6", help="of sampling a network at least")
    parser.add_argument("--runs", default="5", help="of a network at least")
    parser.add_argument(
        "--clock", default="wall", help="cpu: processor time, on a machine that is never idle"
    )
    parser.add_argument("--most-gmacs", type=float, default=MOST_MACS / 1e9, help="leave larger ones out")
    options = parser.parse_args()
    if options.calibrate:
        latencylab("calibrate", "onnxruntime_cpu", "--measure", "-o", str(HOST), *CALIBRATION)
    for part in (*PARTS, SHIPPED):
        if part.name in options.only:
            limited = replace(part, most_macs=min(part.most_macs, 1e9 * options.most_gmacs))
            sampling = {"seconds": options.seconds, "runs": options.runs, "clock": options.clock}
            check(limited, cache_folder() / "crosscheck", **sampling)


if __name__ == "__main__":
    main()
