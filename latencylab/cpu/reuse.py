"""How much a processor has touched since: what its caches still hold of what a kernel reads and writes.

A map that was written just now lies in the caches, one of twenty kernels ago does not, and nor does the memory that a
result goes to where nobody has used it for as long. onnxruntime plans the maps of a network as one block: each takes the
smallest gap that is free while it lives. Kernels' own buffers (`streams.py`) lie beside it, all at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab import loops
from latencylab.cpu import streams
from latencylab.cpu.traffic import Piece, Reuse
from latencylab.npu import memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from latencylab.graph import MetaNode, Tensor
    from latencylab.lowering import Kernel, Program
    from latencylab.npu.machine import CoreNumbers

# Kernels that are looked back over: what was touched before them is taken as touched there.
_LOOK_BACK: Final = 512
# Kernels that may write over their input where nothing else reads it.
_IN_PLACE: Final = frozenset(
    {"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Softplus", "Softmax"}
)


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes of an address space: the planned block, the buffers, or what lies outside under a name."""

    space: str
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """Bytes it has."""
        return self.end - self.start


def of(program: Program, core: CoreNumbers) -> tuple[Reuse | None, ...]:
    """Return for each kernel that runs what it touches again, as one inference follows another."""
    placed = _Places(program)
    running = [i for i, kernel in enumerate(program.kernels) if kernel.runs]
    reads = [placed.all(program.kernels[i].meta.inputs) for i in running]
    writes = [placed.all(program.kernels[i].meta.outputs) for i in running]
    buffers = [_buffers(program.kernels[i].meta, core) for i in running]
    history = _History([[*r, *w, *b] for r, w, b in zip(reads, writes, buffers, strict=True)])
    found: list[Reuse | None] = [None] * len(program.kernels)
    for turn, index in enumerate(running):
        fresh = [region for region in writes[turn] if region not in reads[turn]]
        over = [region for region in writes[turn] if region in reads[turn]]
        found[index] = Reuse(
            read=history.all_pieces(reads[turn], turn),
            written=history.all_pieces(fresh, turn),
            overwritten=history.all_pieces(over, turn),
        )
    return tuple(found)


def _buffers(meta: MetaNode, core: CoreNumbers) -> list[Region]:
    size = streams.buffer_bytes(meta, loops.of(meta), core)
    return [Region("buffers", 0, size)] if size else []


class _Places:
    """Where maps lie: those between kernels in a planned block, the ends of the network outside."""

    def __init__(self, program: Program) -> None:
        self._storage = program.storage
        self._at: dict[str, Region] = {}
        self._live: dict[str, Region] = {}
        lives = {self._name(life.tensor): life for life in memory.lifetimes(program, strips=False)}
        self._ends = {name: life.last for name, life in lives.items()}
        for index, kernel in enumerate(program.kernels):
            for tensor in kernel.meta.outputs if kernel.runs else ():
                if self._name(tensor) in lives:
                    self._put(self._name(tensor), lives[self._name(tensor)].size_bytes, kernel.meta, index)
            for name in [name for name in self._live if self._ends[name] <= index]:
                del self._live[name]

    def _put(self, name: str, size_bytes: int, meta: MetaNode, index: int) -> None:
        """Place a map where it is written over what the kernel reads last, else in a gap."""
        for tensor in _overwritable(meta):
            old = self._name(tensor)
            if self._ends.get(old) == index and old in self._live and tensor.size_bytes == size_bytes:
                self._live[name] = self._at[name] = self._live.pop(old)
                return
        start = _gap(self._live.values(), size_bytes)
        self._live[name] = self._at[name] = Region("maps", start, start + size_bytes)

    def _name(self, tensor: Tensor) -> str:
        return self._storage.get(tensor.name, tensor.name)

    def all(self, tensors: Iterable[Tensor]) -> list[Region]:
        """Regions of tensors."""
        return [self._of(t) for t in tensors]

    def _of(self, tensor: Tensor) -> Region:
        name = self._name(tensor)
        return self._at.get(name) or Region(name, 0, tensor.size_bytes)


def _overwritable(meta: MetaNode) -> tuple[Tensor, ...]:
    """Maps that the library's kernel may write its result over."""
    if meta.kind == "Conv":
        is_sum = any(step.op_type in {"Add", "Sum"} for step in meta.node.epilogue)
        return meta.inputs[1:] if is_sum else ()
    return meta.inputs[:1] if meta.kind in _IN_PLACE else ()


def _gap(live: Iterable[Region], size: int) -> int:
    """Start of the smallest gap between live regions that holds so much; behind the last where none does."""
    best, least, end = None, 0, 0
    for region in sorted(live, key=lambda r: r.start):
        rest = region.start - end - size
        if rest >= 0 and (best is None or rest < least):
            best, least = end, rest
        end = max(end, region.end)
    return end if best is None else best


class _History:
    """What each kernel touches, over and over."""

    def __init__(self, touched: Sequence[Sequence[Region]]) -> None:
        self._touched = touched
        self._bytes = [sum(r.size_bytes for r in set(regions)) for regions in touched]

    def all_pieces(self, regions: Iterable[Region], turn: int) -> tuple[Piece, ...]:
        """Cut regions by who touched them last."""
        return tuple(piece for region in regions for piece in self._pieces(region, turn))

    def _pieces(self, region: Region, turn: int) -> Iterator[Piece]:
        """Cut a region by who touched it last; what nobody has is as old as all that was looked over."""
        left = [region]
        passed = self._bytes[turn] // 2
        seen: set[Region] = set()
        for back in range(1, min(len(self._touched), _LOOK_BACK) + 1):
            before = (turn - back) % len(self._touched)
            covered = sum(r.size_bytes for r in left)
            for touched in self._touched[before]:
                left = [rest for some in left for rest in _without(some, touched)]
            covered -= sum(r.size_bytes for r in left)
            if covered:
                yield Piece(covered, passed + self._bytes[before] // 2)
            if not left:
                return
            new = set(self._touched[before]) - seen
            seen |= new
            passed += sum(r.size_bytes for r in new)
        yield Piece(sum(r.size_bytes for r in left), passed)


def _without(region: Region, taken: Region) -> Iterator[Region]:
    if region.space != taken.space or taken.end <= region.start or region.end <= taken.start:
        yield region
        return
    if region.start < taken.start:
        yield Region(region.space, region.start, taken.start)
    if taken.end < region.end:
        yield Region(region.space, taken.end, region.end)
