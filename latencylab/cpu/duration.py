"""How long a kernel takes on a general-purpose core: launch, arithmetic and traffic, partly overlapped.

A blocked convolution computes up to `blocks_at_once` output blocks for each pass over its input; a pass over
fewer has too few independent sums to keep the multipliers busy, so its efficiency has a name of its own
(`direct_1` to `direct_4`). What is not blocked is spread out (im2col) and multiplied as matrices. Everything
else costs cycles by the element. Names are those of `engines.*.core.efficiency` and `.cycles`:

    direct_n, pointwise_n, few_inputs_n, depthwise, gemm, ConvTranspose, integer, ...   share of the peak
    row_call       for each row, pass and input step of a blocked convolution
    accumulate     for each element written, each time an input step adds to it
    im2col, pack   for each element spread out, or only packed (a 1x1 window), before a matrix product
    col2im         for each product that a transposed convolution scatters
    requantize     for each element an integer convolution writes
    position_integer, tap_integer, tap_grouped_integer, ragged_integer
                   for each position of each group of an integer convolution, each tap of it, and the rest of
                   a row whose channels are no multiple of eight
    reduced_row    for each row that a reduction or a softmax works on
    activation     for each element of an activation computed as a convolution writes
    OPERATOR       for each element of the larger side of any other kernel (a pool: for each tap of each)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Final

from latencylab.cpu.choice import Variant, variant
from latencylab.npu import compute
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers, Machine, Worker

_BINARY: Final = frozenset({"Add", "Sub", "Mul", "Div", "Sum", "Min", "Max", "Pow", "PRelu", "Where"})
_POOLS: Final = frozenset({"MaxPool", "AveragePool"})
_COSTLY_ACTIVATIONS: Final = frozenset({"Sigmoid", "Tanh", "Gelu", "Swish", "HardSwish"})
_FLOATS: Final = frozenset({"float32", "float64"})
# Input channels that a 1x1 convolution sums up before it writes (mlas: MaximumInputChannelBatch).
_POINTWISE_BATCH: Final = 128
# Columns that an integer matrix product finishes at once; the rest of a row is finished one by one.
_INTEGER_COLUMNS: Final = 8


@dataclass(frozen=True, slots=True)
class Spent:
    """Picoseconds of a kernel: its arithmetic, its traffic, and what both take together."""

    compute_ps: int
    memory_ps: int
    body_ps: int


def of(meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine) -> Spent:
    """Time a kernel on a worker that has a core."""
    core = worker.core
    assert core is not None  # noqa: S101 - the caller asks only for such workers
    speed = worker.speed_of(operator_name(meta, core))
    compute_ps = worker.ps(cycles(meta, nest, worker, core) / speed)
    memory_ps = ceil(traffic_s(meta, core, machine) * PS_PER_S / speed)
    lesser = min(compute_ps, memory_ps)
    return Spent(compute_ps, memory_ps, max(compute_ps, memory_ps) + lesser - int(lesser * core.hidden))


def traffic_s(meta: MetaNode, core: CoreNumbers, machine: Machine) -> float:
    """Seconds to move the boundary through near cache, last-level cache and DRAM.

    A kernel that streams W bytes through a cache of C finds about C / W of them there.
    """
    size = meta.boundary_bytes
    if not size:
        return 0.0
    near = min(size, core.near_cache_bytes)
    last = max(0, min(size, machine.cache_bytes) - near)
    far = size - near - last
    seconds = near / core.near_cache_bytes_per_s + far / machine.dram_bytes_per_s
    return seconds + (last / machine.cache_bytes_per_s if last else 0.0)


def cycles(meta: MetaNode, nest: LoopNest | None, worker: Worker, core: CoreNumbers) -> float:
    """Cycles of one core for the arithmetic of a kernel, its epilogue included."""
    if meta.kind == "Conv" and nest is not None:
        return _convolution(meta, nest, worker, core) + _epilogue(meta, core)
    if nest is not None:
        return _product(meta, nest, worker, core)
    rate = element_rate(meta, core)
    if rate is None:
        return compute.vector_cycles(meta.work, worker, meta.dtype) * worker.count
    return rate * _elements(meta) + core.cycles.get("reduced_row", 0.0) * _rows(meta)


def operator_name(meta: MetaNode, core: CoreNumbers) -> str:
    """Name under which a profile lists the kernel: a convolution's variant, else its operator."""
    if meta.kind == "Conv":
        return variant(meta, core.blocked_channels).value
    if meta.kind == "LayoutConversion":
        return meta.node.op_type
    return meta.kind


def passes(channels: int, core: CoreNumbers) -> dict[int, int]:
    """How many passes over the input compute how many output blocks each: {4: 2, 1: 1} for nine blocks."""
    full, rest = divmod(-(-channels // core.blocked_channels), core.blocks_at_once)
    return {n: count for n, count in ((core.blocks_at_once, full), (rest, 1)) if n and count}


def element_rate(meta: MetaNode, core: CoreNumbers) -> float | None:
    """Cycles by the element, of the most specific name that the profile lists; None where it lists none."""
    found = (core.cycles.get(name) for name in names(meta))
    return next((rate for rate in found if rate is not None), None)


def names(meta: MetaNode) -> tuple[str, ...]:
    """Names under which a kernel without MACs may be listed, the most specific first."""
    base = meta.node.op_type if meta.kind == "LayoutConversion" else meta.kind
    detail = _detail(meta)
    narrow = "" if meta.dtype in _FLOATS else "_integer"
    # From the whole detail (DepthToSpace_CRD_3) to the operator alone.
    parts = detail.split("_") if detail else []
    details = ["_".join([base, *parts[:count]]) for count in range(len(parts), -1, -1)]
    return tuple(f"{name}{narrow}" for name in details)


def _detail(meta: MetaNode) -> str:
    attributes = meta.node.attributes
    if meta.kind in _BINARY:
        written = compute.written_elements(meta)
        return "broadcast" if any(t.elements < written for t in (*meta.inputs, *meta.weights)) else ""
    if meta.kind == "DepthToSpace":
        return f"{attributes.get('mode', 'DCR')}_{attributes.get('blocksize', '')}"
    if meta.kind == "Resize":
        return str(attributes.get("mode", "nearest"))
    return ""


def _elements(meta: MetaNode) -> int:
    read = max((t.elements for t in meta.inputs), default=0)
    written = compute.written_elements(meta)
    if meta.kind in _POOLS:
        return written * prod(meta.node.attributes.get("kernel_shape") or (1,))
    return max(read, written)


def _rows(meta: MetaNode) -> int:
    """Rows that a reduction or a softmax works on one after another; 0 for any other operator."""
    if meta.kind in {"ReduceMax", "ReduceSum", "ReduceMean", "ReduceMin"}:
        return compute.written_elements(meta)
    if meta.kind == "Softmax":
        shape = meta.inputs[0].shape
        return meta.inputs[0].elements // max(1, shape[int(meta.node.attributes.get("axis", -1))])
    return 0


def _epilogue(meta: MetaNode, core: CoreNumbers) -> float:
    written = compute.written_elements(meta)
    total = 0.0
    for step in meta.node.epilogue:
        if step.op_type in _COSTLY_ACTIVATIONS:
            total += core.cycles.get(step.op_type, 0.0) * written
        elif step.op_type not in {"Add", "Sum"}:
            total += core.cycles.get("activation", 0.0) * written
    return total


def _convolution(meta: MetaNode, nest: LoopNest, worker: Worker, core: CoreNumbers) -> float:
    kind = variant(meta, core.blocked_channels)
    rate = worker.macs_per_cycle(meta.dtype)
    if kind is Variant.DEPTHWISE:
        channels = compute.padded(nest.groups, core.blocked_channels)
        macs = channels * nest.taps * nest.positions
        calls = nest.rows * channels // core.blocked_channels
        return macs / (rate * core.efficiency_of(kind.value)) + calls * core.cycles.get("row_call", 0.0)
    if kind.is_blocked:
        return _blocked(nest, kind, rate, core)
    return _spread(meta, nest, kind, rate, core)


def _blocked(nest: LoopNest, kind: Variant, rate: float, core: CoreNumbers) -> float:
    """Passes over the input, each over whole blocks of input and output channels.

    Each input step (a channel of an image, a block of channels, a batch of them under a 1x1 window) adds to
    what the steps before it wrote.
    """
    block = core.blocked_channels
    inputs = nest.in_channels if kind is Variant.FEW_INPUTS else compute.padded(nest.in_channels, block)
    step = {Variant.FEW_INPUTS: 1, Variant.POINTWISE: _POINTWISE_BATCH}.get(kind, block)
    steps = -(-inputs // step)
    busy, calls = 0.0, 0
    for blocks, count in passes(nest.out_channels, core).items():
        macs = inputs * nest.taps * nest.positions * blocks * block * count
        busy += macs / (rate * core.efficiency_of(f"{kind.value}_{blocks}"))
        calls += count
    written = compute.padded(nest.out_channels, block) * nest.positions
    busy += written * steps * core.cycles.get("accumulate", 0.0)
    # A 1x1 window takes the rows of a map in one go.
    rows = 1 if kind is Variant.POINTWISE and not nest.is_strided else nest.rows
    return nest.groups * (busy + rows * calls * steps * core.cycles.get("row_call", 0.0))


def _spread(meta: MetaNode, nest: LoopNest, kind: Variant, rate: float, core: CoreNumbers) -> float:
    """A matrix product behind the spreading of the input."""
    suffix = "" if kind is Variant.GEMM else "_integer"
    busy = nest.macs / (rate * core.efficiency_of(kind.value))
    if kind is not Variant.INTEGER_DEPTHWISE:
        spread = nest.groups * nest.in_channels * nest.taps * nest.positions
        busy += spread * core.cycles.get(("im2col" if nest.taps > 1 else "pack") + suffix, 0.0)
    if suffix:
        busy += compute.written_elements(meta) * core.cycles.get("requantize", 0.0)
        busy += _gathers(nest, kind, core)
    return busy


def _gathers(nest: LoopNest, kind: Variant, core: CoreNumbers) -> float:
    """What an integer convolution spends on positions and taps, however few channels lie there.

    A dense one looks its taps up by pointers; a grouped one copies a few bytes for each tap of each group.
    """
    if kind is Variant.INTEGER_DEPTHWISE:
        return 0.0
    spots = nest.groups * nest.positions
    tap = "tap_integer" if nest.groups == 1 else "tap_grouped_integer"
    taps = nest.taps if nest.taps > 1 else 0
    per_spot = core.cycles.get("position_integer", 0.0) + taps * core.cycles.get(tap, 0.0)
    if nest.out_channels % _INTEGER_COLUMNS:
        per_spot += core.cycles.get("ragged_integer", 0.0)
    return spots * per_spot


def _product(meta: MetaNode, nest: LoopNest, worker: Worker, core: CoreNumbers) -> float:
    """A transposed convolution, whose products are scattered behind a matrix product; or a matrix product."""
    rate = worker.macs_per_cycle(meta.dtype)
    busy = nest.macs / (rate * core.efficiency_of(meta.kind)) if rate else 0.0
    if meta.kind == "ConvTranspose":
        busy += nest.groups * nest.out_channels * nest.taps * nest.positions * core.cycles.get("col2im", 0.0)
    return busy
