"""Another tool's per-kernel profile as rows: measured kernels joined to meta-nodes by order and kind.

Both run in the same order, so the longest common stretches of kinds are the same kernels. Where a stretch of
one kind is longer on one side, nobody knows which is which: the whole stretch is left unmatched, and said so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from latencylab import fusion, importers, lowering, pipeline, units
from latencylab.errors import ConfigError
from latencylab.fitting.rows import FIT, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from latencylab.importers import MeasuredKernel
    from latencylab.lowering import Kernel, Program

_SHOWN: Final = 5

# Tools' words in letters alone -> family; the first that occurs decides ("ConvolutionReluPoolingLayer2").
_FAMILIES: Final = (
    # Ours, before the "conv" inside it is found.
    ("transpose", ("layoutconversion",)),
    ("convtranspose", ("convtranspose", "transposeconv", "deconv")),
    ("conv", ("conv",)),
    ("gemm", ("fullyconnected", "gemm", "fcl", "innerproduct")),
    ("matmul", ("matmul", "matrixmul")),
    ("pool", ("pool",)),
    ("depthtospace", ("depthtospace", "depth2space")),
    ("spacetodepth", ("spacetodepth", "space2depth")),
    ("transpose", ("transpose", "permute", "reorder")),
    ("concat", ("concat", "channelreplicate")),
    ("resize", ("resize", "upsample")),
    ("sigmoid", ("sigmoid", "logistic")),
    ("mean", ("mean",)),
    ("softmax", ("softmax",)),
    ("prelu", ("prelu",)),
    ("leakyrelu", ("leaky",)),
    ("clip", ("clip", "relu6", "minimum")),
    ("relu", ("relu",)),
    ("add", ("add",)),
    ("sub", ("sub",)),
    ("mul", ("mul",)),
    ("div", ("div",)),
    ("reshape", ("reshape", "squeeze", "flatten")),
    ("slice", ("slice",)),
    ("split", ("split",)),
    ("pad", ("pad",)),
    ("quantize", ("quantize", "dataconvert")),
)


@dataclass(frozen=True, slots=True)
class Joined:
    """rows: one a kernel that was placed and took more than the profiler's floor.

    unmatched: measured kernels without a meta-node. missing: names of meta-nodes that nothing measured.
    at_floor: placed, but no slower than the profiler itself: they say nothing.
    """

    rows: tuple[Row, ...]
    unmatched: tuple[MeasuredKernel, ...]
    missing: tuple[str, ...]
    at_floor: tuple[MeasuredKernel, ...]

    def complaints(self) -> Iterator[str]:
        """What could not be used, in words."""
        measured = len(self.rows) + len(self.at_floor) + len(self.unmatched)
        if self.unmatched:
            words = ", ".join(f"{m.name} ({m.time_s * 1e3:.3g} ms)" for m in self.unmatched[:_SHOWN])
            more = ", ..." if len(self.unmatched) > _SHOWN else ""
            kernels = units.counted(measured, "kernel")
            yield f"no meta-node for {len(self.unmatched)} of {kernels}: {words}{more}"
        if self.missing:
            words = ", ".join(self.missing[:_SHOWN])
            more = ", ..." if len(self.missing) > _SHOWN else ""
            yield f"not measured: {units.counted(len(self.missing), 'meta-node')}, {words}{more}"
        if self.at_floor:
            kernels = units.counted(len(self.at_floor), "kernel")
            yield f"no slower than the profiler's floor, left aside: {kernels}"


def read_profile(path: Path, model: str, device: str) -> Joined:
    """Rows of a profile file.

    Raises InputFileError, MeasurementError or ModelError for what cannot be read, ConfigError without a row.
    """
    measured = importers.read_file(path)
    network, profile = pipeline.read(model), pipeline.load_device(device)
    graph = pipeline.declared(network.graph, profile, None)
    program = lowering.lower(fusion.decompose(graph, profile.fusion), profile)
    joined = join(measured, program, model=model, device=device, source=path.name)
    if not joined.rows:
        reasons = "; ".join(joined.complaints())
        raise ConfigError(f"{path}: no kernel of it can be placed in {model}: {reasons}")
    return joined


def family(word: str) -> str:
    """What kind of kernel a tool's word, or a meta-node's kind, stands for."""
    letters = re.sub(r"[^a-z0-9]", "", word.lower())
    for name, words in _FAMILIES:
        if any(part in letters for part in words):
            return name
    return letters


def join(
    measured: Sequence[MeasuredKernel], program: Program, *, model: str, device: str, source: str
) -> Joined:
    """Rows of a profile of `model` on `device`; source: the profile's file, which names the rows."""
    kernels = [kernel for kernel in program.kernels if kernel.runs]
    pairs = _pairs([family(m.op_type) for m in measured], [family(k.meta.kind) for k in kernels])
    placed = [(measured[i], kernels[j]) for i, j in pairs]
    matched, found = {i for i, _ in pairs}, {j for _, j in pairs}
    return Joined(
        rows=tuple(_row(m, k, model, device, source) for m, k in placed if m.net_s > 0),
        unmatched=tuple(m for i, m in enumerate(measured) if i not in matched),
        missing=tuple(k.meta.name for j, k in enumerate(kernels) if j not in found),
        at_floor=tuple(m for m, _ in placed if m.net_s <= 0),
    )


def _row(measured: MeasuredKernel, kernel: Kernel, model: str, device: str, source: str) -> Row:
    return Row(
        id=f"{source}#{measured.index}",
        model=model,
        minus="",
        device=device,
        layout="",
        dtype="",
        latency_ms=measured.net_s * 1e3,
        weight=1.0,
        role=FIT,
        overrides=(),
        status="seen",
        source=source,
        meta_node=kernel.meta.name,
        note=measured.op_type,
    )


def _pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of the same kernel on both sides, ambiguous stretches left out."""
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    pairs = [(block.a + k, block.b + k) for block in blocks for k in range(block.size)]
    doubtful_left = _doubtful(left, {i for i, _ in pairs})
    doubtful_right = _doubtful(right, {j for _, j in pairs})
    return [(i, j) for i, j in pairs if i not in doubtful_left and j not in doubtful_right]


def _doubtful(families: Sequence[str], matched: set[int]) -> set[int]:
    """Positions in a stretch of one family of which some member found no partner."""
    doubtful: set[int] = set()
    first = 0
    for i in range(1, len(families) + 1):
        if i == len(families) or families[i] != families[first]:
            stretch = set(range(first, i))
            doubtful |= stretch if stretch - matched else set()
            first = i
    return doubtful
