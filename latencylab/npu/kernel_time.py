"""What is known of one kernel's time, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.cpu.reuse import Reuse
    from latencylab.npu.pipeline import TileRun
    from latencylab.tiling import TilePlan


@dataclass(frozen=True, slots=True)
class Residency:
    """What of a kernel's boundary never reaches DRAM, and the share of the DRAM rate for the rest.

    inputs, outputs: for each boundary activation whether it stays on chip. is_reread: for each input whether
    an earlier kernel has read it before (a skip), so that DRAM traffic for it is spill.
    """

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    is_reread: tuple[bool, ...]
    dram_share: float = 1.0
    reuse: Reuse | None = None


@dataclass(frozen=True, slots=True)
class KernelTime:
    """Picoseconds and DRAM bytes of one kernel.

    duration_ps = launch_ps + what compute and DMA take together; stall_ps is the part in which the engine
    waits. plan, tile, prologue_ps: how it is cut, what one tile takes, and the weights loaded before the
    first; a device with a cache does not tile.
    """

    duration_ps: int
    launch_ps: int
    compute_ps: int
    dma_ps: int
    weights_bytes: int
    activation_read_bytes: int
    activation_write_bytes: int
    spill_bytes: int
    plan: TilePlan | None = None
    tile: TileRun | None = None
    prologue_ps: int = 0

    @property
    def stall_ps(self) -> int:
        """Time the engine is neither starting nor computing."""
        return self.duration_ps - self.launch_ps - self.compute_ps

    @property
    def dram_read_bytes(self) -> int:
        """Everything read from DRAM."""
        return self.weights_bytes + self.activation_read_bytes + self.spill_bytes
