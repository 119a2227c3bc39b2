"""The machine that the simulator runs: engines, tiles, scratchpad, DMA, schedule, in integer picoseconds."""
