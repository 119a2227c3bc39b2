"""Which activations stay on chip between kernels: a scratchpad allocator with tensor lifetimes.

A map is kept from the kernel that writes it to the last that reads it if there is room all that while;
otherwise it is stored and read back by each reader. The long-skip penalty is an outcome of this, not a
constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.graph import Tensor
    from latencylab.lowering import Program
    from latencylab.npu.machine import Machine

# Half of the scratchpad holds tensors between kernels, half the tiles in flight: neither crowds the other.
RESIDENT_SHARE: Final = 0.5
# Rows of a map that a strip-fused reader needs beyond its own window: one being written, one being read.
_STRIP_ROWS: Final = 2


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A map between its writer and its last reader (indices of kernels), and what it occupies on chip."""

    tensor: Tensor
    first: int
    last: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """What stays on chip. resident: names of the storages. live_bytes: occupancy while each kernel runs."""

    kept: tuple[Lifetime, ...]
    resident: frozenset[str]
    live_bytes: tuple[int, ...]

    def occupants(self, kernel: int) -> tuple[str, ...]:
        """Names of the tensors that are kept on chip while a kernel runs."""
        return tuple(sorted(life.tensor.name for life in self.kept if life.first <= kernel <= life.last))


def capacity_bytes(machine: Machine) -> int:
    """On-chip bytes that activations may occupy between kernels: a part of the scratchpad, or the cache."""
    if machine.scratchpad_bytes:
        return int(machine.scratchpad_bytes * RESIDENT_SHARE)
    return machine.cache_bytes


def tile_budget_bytes(machine: Machine) -> int:
    """Scratchpad bytes for the tiles of the kernel that runs."""
    return machine.scratchpad_bytes - int(machine.scratchpad_bytes * RESIDENT_SHARE)


def allocations(program: Program, capacity_bytes: int, *, strips: bool) -> tuple[Allocation, ...]:
    """Allocations worth comparing, largest capacity first; none keeps only what another one keeps too.

    Room for a large map may displace smaller ones that together save more. So every power of two up to the
    capacity is tried: a grid that does not depend on it, so that more capacity only adds candidates.
    strips: a map read by nothing but the next kernel occupies only the strip of rows that kernel works on.
    """
    lives = lifetimes(program, strips=strips)
    smallest = min((life.size_bytes for life in lives), default=0)
    level_bytes = 1 << capacity_bytes.bit_length() >> 1
    found = [allocate(program, lives, level_bytes)]
    while len(found[-1].resident) < len(lives) and (level_bytes := level_bytes // 2) >= max(1, smallest):
        smaller = allocate(program, lives, level_bytes)
        if not any(smaller.resident <= other.resident for other in found):
            found.append(smaller)
    return tuple(found)


def allocate(program: Program, lives: Sequence[Lifetime], capacity_bytes: int) -> Allocation:
    """Decide which activations stay within `capacity_bytes`, short and small lives first."""
    live = np.zeros(len(program.kernels), dtype=np.int64)
    kept: list[Lifetime] = []
    for life in sorted(lives, key=lambda life: (life.last - life.first, life.size_bytes, life.first)):
        span = live[life.first : life.last + 1]
        if life.size_bytes <= capacity_bytes and int(span.max()) + life.size_bytes <= capacity_bytes:
            span += life.size_bytes
            kept.append(life)
    names = frozenset(program.storage.get(life.tensor.name, life.tensor.name) for life in kept)
    return Allocation(tuple(kept), names, tuple(live.tolist()))


def lifetimes(program: Program, *, strips: bool) -> list[Lifetime]:
    """Life of every intermediate storage; inputs and outputs of the network live in DRAM."""
    outside = {program.storage.get(name, name) for name in (*program.inputs, *program.outputs)}
    written: dict[str, tuple[Tensor, int]] = {}
    readers: dict[str, list[int]] = {}
    for index, kernel in enumerate(program.kernels):
        if not kernel.runs:
            continue
        for tensor in kernel.meta.inputs:
            readers.setdefault(program.storage.get(tensor.name, tensor.name), []).append(index)
        for tensor in kernel.meta.outputs:
            written[program.storage.get(tensor.name, tensor.name)] = (tensor, index)
    lives = []
    for name, (tensor, first) in written.items():
        reads = readers.get(name, [])
        if name in outside or not reads:
            continue
        size = _strip_bytes(tensor) if strips and _only_next(program, first, reads) else tensor.size_bytes
        lives.append(Lifetime(tensor, first, reads[-1], size))
    return lives


def _only_next(program: Program, writer: int, readers: list[int]) -> bool:
    """Whether the next kernel of the same engine is the only reader."""
    following = (i for i in range(writer + 1, len(program.kernels)) if program.kernels[i].runs)
    after = next(following, None)
    return readers == [after] and program.kernels[writer].engine == program.kernels[readers[0]].engine


def _strip_bytes(tensor: Tensor) -> int:
    if len(tensor.shape) != 4 or tensor.shape[2] <= _STRIP_ROWS:
        return tensor.size_bytes
    rows = tensor.shape[2]
    return -(-tensor.size_bytes * min(rows, _STRIP_ROWS + 3) // rows)


def rereads(program: Program) -> Mapping[int, tuple[bool, ...]]:
    """For each kernel, for each input, whether an earlier kernel has read the same storage."""
    seen: set[str] = set()
    result = {}
    for index, kernel in enumerate(program.kernels):
        if not kernel.runs:
            continue
        names = [program.storage.get(t.name, t.name) for t in kernel.meta.inputs]
        result[index] = tuple(name in seen for name in names)
        seen.update(names)
    return result
