"""Estimates as large as anybody's network, and as hostile as anybody's names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handmade import ESTIMATE, kernel

if TYPE_CHECKING:
    from latencylab.result import Estimate, KernelEstimate

KINDS = ("Conv", "Relu", "Add", "Mul", "DepthToSpace")
HOSTILE = (
    "</script><script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    "{{7*7}}${7*7}{a|b}",
    "javascript:window.hacked=1//\"'`",
    "<!--<script>",
    "\u2028\u202e\x1b[31m\ud800",
    "x" * 5000,
)


def large(count: int) -> Estimate:
    """An estimate of `count` kernels: a chain with short skips and long ones."""
    kernels = tuple(_one(i) for i in range(count))
    return replace(
        ESTIMATE,
        kernels=kernels,
        latency_s=kernels[-1].end_s,
        low_s=kernels[-1].end_s * 0.8,
        high_s=kernels[-1].end_s * 1.2,
        dram_read_bytes=sum(k.dram_read_bytes for k in kernels),
        dram_write_bytes=sum(k.dram_write_bytes for k in kernels),
        critical_path=tuple(range(count)),
    )


def _one(i: int) -> KernelEstimate:
    depends = {i - 1} if i else set()
    if i % 5 == 4:
        depends.add(i - 4)
    if i and i % 500 == 0:
        depends.add(i - 500)
    return kernel(
        f"block_{i // 5}.node_{i}",
        KINDS[i % 5],
        i * 0.01,
        0.005 + 0.005 * (i % 7) / 7,
        engine=("NN", "TP")[i % 2],
        depends_on=tuple(sorted(depends)),
        input_shapes=((1, 28, 360, 640),),
        output_shapes=((1, 28, 360, 640),),
        scratchpad_bytes=1000 * (i % 300),
    )


def hostile() -> Estimate:
    """An estimate in which everything a file can name bears a name that tries to break out."""
    kernels = tuple(
        replace(k, name=name, kind=name, engine=name, nodes=(name,), op_types=(name,), fused_by=(name,))
        for k, name in zip(ESTIMATE.kernels, HOSTILE, strict=False)
    )
    model = replace(
        ESTIMATE.model, name=HOSTILE[0], inputs=(replace(ESTIMATE.model.inputs[0], name=HOSTILE[1]),)
    )
    unpriced = tuple(replace(u, op_type=HOSTILE[2], nodes=HOSTILE) for u in ESTIMATE.unpriced)
    fallbacks = tuple(replace(f, kernel=HOSTILE[1], reason=HOSTILE[0]) for f in ESTIMATE.fallbacks)
    advice = tuple(replace(a, change=HOSTILE[0], nodes=HOSTILE) for a in ESTIMATE.advice)
    return replace(
        ESTIMATE,
        kernels=kernels,
        model=model,
        device=replace(ESTIMATE.device, title=HOSTILE[0], evidence=HOSTILE[1]),
        unpriced=unpriced,
        fallbacks=fallbacks,
        advice=advice,
        assumptions=HOSTILE,
    )
