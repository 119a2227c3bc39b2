"""How long a kernel takes on a general-purpose core: launch, arithmetic and traffic.

Arithmetic and traffic follow one another, but for convolutions of blocked maps, which hide part of it.

A blocked convolution computes up to `blocks_at_once` output blocks for each pass over its input; a pass over
fewer has too few independent sums to keep the multipliers busy, so its efficiency has a name of its own
(`direct_1` to `direct_4`). What is not blocked is spread out (im2col) and multiplied as matrices; an integer
product finishes up to `columns_at_once` vectors of channels for each pass over its rows. Everything else
costs cycles by the element. Names are those of `engines.*.core.efficiency` and `.cycles`:

    direct_n, pointwise_n, few_inputs_n, integer_n, depthwise, gemm, ConvTranspose, ...   share of the peak
    row_call       for each row, pass and input step of a blocked convolution
    accumulate     for each element written, each time an input step adds to it
    im2col, pack   for each element spread out, or only packed (a 1x1 window), before a matrix product
    crossing       for each element that is moved to a plane that begins within a line, or multiplied into one
    col2im         for each product that a transposed convolution scatters
    requantize     for each element an integer convolution writes
    position_integer, tap_integer, tap_grouped_integer
                   for each position of each group of an integer convolution, and each run of bytes that is
                   copied for it: a row of the window, or each tap where a group reads some of the channels
    ragged_integer for each step over the channels left behind whole sixteens: four of them, or one
    reduced_row, softmax_row   for each row that a reduction, or a softmax, works on
    Transpose_rest_integer     for each byte of the channels left behind whole eights of a Transpose
    concat_run     for each run of channels that a Concat on channels last copies
    activation     for each element of an activation that takes a pass behind a convolution (no ReLU of a
                   blocked one: it is computed in registers)
    ReduceMean_last            for each element of a map whose channels lie last: summed along a stride
    OPERATOR       for each element of the larger side of any other kernel (a pool: for each tap of each)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Final

from latencylab.cpu import passes, streams, traffic
from latencylab.cpu.choice import Variant, variant
from latencylab.cpu.layouts import CHANNELS_LAST, TRANSPOSE
from latencylab.npu import compute
from latencylab.units import PS_PER_S

if TYPE_CHECKING:
    from latencylab.cpu.reuse import Reuse
    from latencylab.graph import MetaNode
    from latencylab.loops import LoopNest
    from latencylab.npu.machine import CoreNumbers, Machine, Worker

_BINARY: Final = frozenset({"Add", "Sub", "Mul", "Div", "Sum", "Min", "Max", "Pow", "PRelu", "Where"})
_POOLS: Final = frozenset({"MaxPool", "AveragePool"})
_COSTLY_ACTIVATIONS: Final = frozenset({"Sigmoid", "Tanh", "Gelu", "Swish", "HardSwish"})
_IN_REGISTERS: Final = frozenset({"Relu"})
_FLOATS: Final = frozenset({"float32", "float64"})
_FLOAT_BYTES: Final = 4
# Kernels that move planes as they are.
_PLANE_WISE: Final = frozenset({"LayoutConversion", "Concat", "Split", "Slice"})
# Channels that a requantization takes at once, then for what is left; the last ones go one by one (mlas).
_REQUANTIZED: Final = 16
_REQUANTIZED_REST: Final = 4
# Channels of bytes that are transposed at once; the ones left go one by one (mlas transpose.cpp).
_TRANSPOSED: Final = 8
# Rows of an integer matrix product are filled up to a multiple of this many bytes.
_INTEGER_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class Spent:
    """Picoseconds of a kernel: its arithmetic, its traffic, and what both take together."""

    compute_ps: int
    memory_ps: int
    body_ps: int


def of(meta: MetaNode, nest: LoopNest | None, worker: Worker, machine: Machine, reuse: Reuse) -> Spent:
    """Time a kernel on a worker that has a core."""
    core = worker.core
    assert core is not None  # noqa: S101 - the caller asks only for such workers
    speed = worker.speed_of(operator_name(meta, core))
    compute_ps = worker.ps(cycles(meta, nest, worker, core) / speed)
    memory_ps = ceil(traffic.seconds(meta, nest, core, machine, reuse) * PS_PER_S / speed)
    hidden_ps = int(min(compute_ps, memory_ps) * core.hidden) if _hides(meta, core) else 0
    return Spent(compute_ps, memory_ps, compute_ps + memory_ps - hidden_ps)


def _hides(meta: MetaNode, core: CoreNumbers) -> bool:
    """Whether traffic runs behind arithmetic: on blocks it computes long on what it has loaded."""
    return meta.kind == "Conv" and variant(meta, core.blocked_channels) in {Variant.DIRECT, Variant.POINTWISE}


def cycles(meta: MetaNode, nest: LoopNest | None, worker: Worker, core: CoreNumbers) -> float:
    """Cycles of one core for the arithmetic of a kernel, its epilogue included."""
    if meta.kind == "Conv" and nest is not None:
        return _convolution(meta, nest, worker, core) + _epilogue(meta, core)
    if nest is not None:
        return _product(meta, nest, worker, core)
    rate = element_rate(meta, core)
    if rate is None:
        return compute.vector_cycles(meta.work, worker, meta.dtype) * worker.count
    crossing = _crossing_elements(meta) * core.cycles.get("crossing", 0.0)
    return rate * _elements(meta) + _pieces(meta, core) + crossing


def _pieces(meta: MetaNode, core: CoreNumbers) -> float:
    """What a kernel without MACs spends on rows, runs and leftovers, besides on elements."""
    if meta.kind == "LayoutConversion" and meta.dtype not in _FLOATS:
        extra = core.cycles.get("Transpose_rest_integer", 0.0)
        return extra * _leftover_elements(meta) if meta.node.op_type == TRANSPOSE else 0.0
    if meta.kind == "Concat" and CHANNELS_LAST in meta.node.attributes:
        channels = meta.outputs[0].shape[1]
        runs = len(meta.inputs) * meta.outputs[0].elements // channels
        return runs * core.cycles.get("concat_run", 0.0)
    per_row = core.cycles.get("softmax_row" if meta.kind == "Softmax" else "reduced_row", 0.0)
    return per_row * _rows(meta)


def _crossing_elements(meta: MetaNode) -> int:
    """Elements of whole planes that are moved, where not every plane begins with a line."""
    if meta.kind not in _PLANE_WISE or meta.dtype not in _FLOATS or CHANNELS_LAST in meta.node.attributes:
        return 0
    planes = (t for t in meta.outputs if len(t.shape) == 4 and _is_ragged(prod(t.shape[2:])))
    return sum(t.elements for t in planes)


def _is_ragged(elements: int) -> bool:
    """Whether so many floats do not fill whole lines, so that what follows them begins within one."""
    return elements * _FLOAT_BYTES % streams.LINE_BYTES != 0


def _leftover_elements(meta: MetaNode) -> int:
    """Elements that a Transpose of bytes moves one by one: of channels behind whole eights."""
    (tensor,) = meta.inputs
    channels = tensor.shape[1]
    return tensor.elements // channels * (channels % _TRANSPOSED)


def operator_name(meta: MetaNode, core: CoreNumbers) -> str:
    """Name under which a profile lists the kernel: a convolution's variant, else its operator."""
    if meta.kind == "Conv":
        return variant(meta, core.blocked_channels).value
    if meta.kind == "LayoutConversion":
        return meta.node.op_type
    return meta.kind


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
    return "last" if meta.kind == "ReduceMean" and CHANNELS_LAST in attributes else ""


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
    """Activations behind a convolution: a blocked kernel has a ReLU in its registers, others take a pass."""
    written = compute.written_elements(meta)
    within = _IN_REGISTERS if variant(meta, core.blocked_channels).is_blocked else frozenset()
    total = 0.0
    for step in meta.node.epilogue:
        if step.op_type in _COSTLY_ACTIVATIONS:
            total += core.cycles.get(step.op_type, 0.0) * written
        elif step.op_type not in {"Add", "Sum"} | within:
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
    return _spread(nest, kind, rate, core)


def _blocked(nest: LoopNest, kind: Variant, rate: float, core: CoreNumbers) -> float:
    """Passes over the input, each over whole blocks of input and output channels.

    Each input step (a channel of an image, a block of channels, a batch of them under a 1x1 window) adds to
    what the steps before it wrote.
    """
    block = core.blocked_channels
    inputs = passes.input_channels(nest, kind, core)
    steps = passes.input_steps(nest, kind, core)
    busy, calls = 0.0, 0
    for blocks, count in passes.of(nest.out_channels, core).items():
        macs = inputs * nest.taps * nest.positions * blocks * block * count
        busy += macs / (rate * core.efficiency_of(f"{kind.value}_{blocks}"))
        calls += count
    written = compute.padded(nest.out_channels, block) * nest.positions
    busy += written * steps * core.cycles.get("accumulate", 0.0)
    # A 1x1 window takes the rows of a map in one go.
    rows = 1 if kind is Variant.POINTWISE and not nest.is_strided else nest.rows
    return nest.groups * (busy + rows * calls * steps * core.cycles.get("row_call", 0.0))


def _spread(nest: LoopNest, kind: Variant, rate: float, core: CoreNumbers) -> float:
    """A matrix product behind the spreading of the input."""
    if kind is Variant.INTEGER:
        return _integer_product(nest, rate, core) + _gathers(nest, core) + _requantized(nest, core)
    busy = nest.macs / (rate * core.efficiency_of(kind.value))
    if kind is Variant.INTEGER_DEPTHWISE:
        return busy + _requantized(nest, core)
    return busy + _spread_elements(nest) * core.cycles.get("im2col" if nest.taps > 1 else "pack", 0.0)


def _spread_elements(nest: LoopNest) -> int:
    return nest.groups * nest.in_channels * nest.taps * nest.positions


def _integer_product(nest: LoopNest, rate: float, core: CoreNumbers) -> float:
    """Passes over rows of bytes, each over whole vectors of output channels."""
    depth = compute.padded(nest.in_channels * nest.taps, _INTEGER_DEPTH)
    width, busy = core.blocked_channels, 0.0
    for vectors, count in passes.shared_out(nest.out_channels, width, core.columns_at_once).items():
        macs = depth * nest.positions * vectors * width * count
        busy += macs / (rate * core.efficiency_of(f"{Variant.INTEGER.value}_{vectors}"))
    return nest.groups * busy


def _gathers(nest: LoopNest, core: CoreNumbers) -> float:
    """What an integer convolution copies into rows: by the byte, the run of bytes and the row."""
    per_row = core.cycles.get("position_integer", 0.0)
    if nest.taps > 1:
        is_dense = nest.groups == 1
        runs = nest.kernel_rows if is_dense else nest.taps
        per_row += runs * core.cycles.get("tap_integer" if is_dense else "tap_grouped_integer", 0.0)
    per_byte = core.cycles.get("im2col_integer" if nest.taps > 1 else "pack_integer", 0.0)
    return _spread_elements(nest) * per_byte + nest.groups * nest.positions * per_row


def _requantized(nest: LoopNest, core: CoreNumbers) -> float:
    """Sums narrowed row by row: sixteen channels at a time, then four, then one."""
    whole, rest = divmod(nest.groups * nest.out_channels, _REQUANTIZED)
    steps = rest // _REQUANTIZED_REST + rest % _REQUANTIZED_REST
    vectors = whole * _REQUANTIZED * core.cycles.get("requantize", 0.0)
    return nest.positions * (vectors + steps * core.cycles.get("ragged_integer", 0.0))


def _product(meta: MetaNode, nest: LoopNest, worker: Worker, core: CoreNumbers) -> float:
    """A transposed convolution, whose products are scattered behind a matrix product; or a matrix product."""
    rate = worker.macs_per_cycle(meta.dtype)
    busy = nest.macs / (rate * core.efficiency_of(meta.kind)) if rate else 0.0
    if meta.kind == "ConvTranspose":
        crossing = core.cycles.get("crossing", 0.0) if _is_ragged(nest.positions) else 0.0
        products = nest.groups * nest.out_channels * nest.taps * nest.positions
        busy += products * (core.cycles.get("col2im", 0.0) + crossing)
    return busy
