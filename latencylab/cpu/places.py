"""Where a program's maps lie in memory, as onnxruntime plans them: one block for all that an inference makes.

Each map takes the smallest gap that is free while it lives, or the place of a map that its kernel is the last
to read, where the kernel may write over it. The ends of the network lie outside.

Source: onnxruntime/core/framework/mem_pattern_planner.h; MayInplace in the definitions of its CPU kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab.npu import memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from latencylab.graph import MetaNode, Tensor
    from latencylab.lowering import Program

_BLOCK: Final = "block"
# Kernels that may write over their input where nothing else reads it.
_IN_PLACE: Final = frozenset(
    {"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Softplus", "Softmax"}
)


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes from `start` to `end` of a space: the planned block, or memory of its own under a name."""

    space: str
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """Bytes it has."""
        return self.end - self.start

    def without(self, taken: Region) -> Iterator[Region]:
        """Yield what is left of this region beside another one."""
        if self.space != taken.space or taken.end <= self.start or self.end <= taken.start:
            yield self
            return
        if self.start < taken.start:
            yield Region(self.space, self.start, taken.start)
        if taken.end < self.end:
            yield Region(self.space, taken.end, self.end)


class Places:
    """The regions of a program's maps."""

    def __init__(self, program: Program) -> None:
        self._storage = program.storage
        self._at: dict[str, Region] = {}
        self._live: dict[str, Region] = {}
        lives = {self._name(life.tensor): life for life in memory.lifetimes(program, strips=False)}
        self._last_use = {name: life.last for name, life in lives.items()}
        ending: dict[int, list[str]] = {}
        for index, kernel in enumerate(program.kernels):
            for tensor in kernel.meta.outputs if kernel.runs else ():
                name = self._name(tensor)
                if name in lives:
                    self._put(name, lives[name].size_bytes, kernel.meta, index)
                    ending.setdefault(lives[name].last, []).append(name)
            for name in ending.pop(index, ()):
                self._live.pop(name, None)

    def of(self, tensors: Iterable[Tensor]) -> tuple[Region, ...]:
        """Regions of tensors."""
        return tuple(self._region(tensor) for tensor in tensors)

    def _region(self, tensor: Tensor) -> Region:
        name = self._name(tensor)
        return self._at.get(name) or Region(name, 0, tensor.size_bytes)

    def _name(self, tensor: Tensor) -> str:
        return self._storage.get(tensor.name, tensor.name)

    def _put(self, name: str, size_bytes: int, meta: MetaNode, index: int) -> None:
        """Place a map over what its kernel reads last, else in a gap."""
        for tensor in _overwritable(meta):
            old = self._name(tensor)
            if self._last_use.get(old) == index and old in self._live and tensor.size_bytes == size_bytes:
                self._live[name] = self._at[name] = self._live.pop(old)
                return
        start = _gap(self._live.values(), size_bytes)
        self._live[name] = self._at[name] = Region(_BLOCK, start, start + size_bytes)


def _overwritable(meta: MetaNode) -> tuple[Tensor, ...]:
    """Maps that a kernel may write its result over: a residual inside a convolution, or its only input."""
    if meta.kind == "Conv":
        is_sum = any(step.op_type in {"Add", "Sum"} for step in meta.node.epilogue)
        return meta.inputs[1:] if is_sum else ()
    return meta.inputs[:1] if meta.kind in _IN_PLACE else ()


def _gap(live: Iterable[Region], size_bytes: int) -> int:
    """Start of the smallest gap between live regions that holds so much; behind the last where none does."""
    best, least, end = None, 0, 0
    for region in sorted(live, key=lambda r: r.start):
        rest = region.start - end - size_bytes
        if rest >= 0 and (best is None or rest < least):
            best, least = end, rest
        end = max(end, region.end)
    return end if best is None else best
