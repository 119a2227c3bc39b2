"""The DRAM traffic of a kernel that reads everything once: bytes, and the time they occupy its channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latencylab.npu import traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latencylab.graph import MetaNode, Tensor
    from latencylab.npu.kernel_time import Residency
    from latencylab.npu.machine import Machine


@dataclass(frozen=True, slots=True)
class Transfers:
    """Times in picoseconds at the kernel's share of the DRAM rate; what stays on chip is not in here.

    data: the first input, which tile plans may read several times. extra: the other inputs. merge: what
    copies of a few channels write besides their own bytes, to words that other copies write too: one copy
    waits for the other, so the engine is busy with it. skip_bytes: the part of read_bytes that an earlier
    kernel has read before. weight_bytes: as they lie packed in memory.
    """

    data_ps: int
    extra_ps: int
    weights_ps: int
    store_ps: int
    merge_ps: int
    data_bytes: int
    read_bytes: int
    write_bytes: int
    weight_bytes: int
    skip_bytes: int

    @property
    def all_ps(self) -> int:
        """Everything once."""
        return self.data_ps + self.extra_ps + self.weights_ps + self.store_ps


def of(meta: MetaNode, machine: Machine, residency: Residency) -> Transfers:
    """Transfers of a kernel, each at the rate of its access pattern."""
    share = residency.dram_share
    weight_bytes = machine.packed_bytes(meta.weight_bytes)
    data_ps = data_bytes = extra_ps = read_bytes = skip_bytes = 0
    for index, tensor in enumerate(meta.inputs):
        if residency.inputs[index]:
            continue
        size = traffic.moved_bytes(meta, tensor)
        time_ps = machine.transfer_ps(size, traffic.read_pattern(tensor), share)
        if index == 0:
            data_ps, data_bytes = time_ps, size
        else:
            extra_ps += time_ps
        read_bytes += size
        skip_bytes += size if residency.is_reread[index] else 0
    stored = [t for t, stays in zip(meta.outputs, residency.outputs, strict=True) if not stays]
    return Transfers(
        data_ps=data_ps,
        extra_ps=extra_ps,
        weights_ps=machine.transfer_ps(weight_bytes, "sequential", share),
        store_ps=sum(_store_ps(meta, t, machine, share) for t in stored),
        merge_ps=sum(_merge_ps(meta, t, machine, share) for t in stored),
        data_bytes=data_bytes,
        read_bytes=read_bytes,
        write_bytes=sum(t.size_bytes for t in stored),
        weight_bytes=weight_bytes,
        skip_bytes=skip_bytes,
    )


def streamed_bytes(
    meta: MetaNode, read: Sequence[Tensor], written: Sequence[Tensor], machine: Machine
) -> int:
    """Bytes of a plain stream that would occupy the DRAM channel as long as a kernel does.

    read, written: its activations that do not stay on chip. What a pattern wastes of a burst nobody else has.
    """
    streamed = float(meta.weight_bytes)
    for tensor in read:
        streamed += tensor.size_bytes / machine.patterns[traffic.read_pattern(tensor)]
    for tensor in written:
        stored_bytes = traffic.stored_bytes(meta, tensor, machine.word_bytes)
        streamed += stored_bytes / machine.patterns[traffic.write_pattern(meta, tensor)]
    return round(streamed)


def _store_ps(meta: MetaNode, tensor: Tensor, machine: Machine, share: float) -> int:
    """Time to write an activation once."""
    return machine.transfer_ps(tensor.size_bytes, traffic.write_pattern(meta, tensor), share)


def _merge_ps(meta: MetaNode, tensor: Tensor, machine: Machine, share: float) -> int:
    """Time to write what other pieces of the same words hold."""
    size = traffic.stored_bytes(meta, tensor, machine.word_bytes) - tensor.size_bytes
    return machine.transfer_ps(size, traffic.write_pattern(meta, tensor), share)
