"""Add, Sub or Mul, then Relu or Clip: one element-wise kernel, which clamps as it writes."""

from latencylab.fusion._epilogue import behind

ANCHORS = frozenset({"Relu", "Clip"})
match = behind(frozenset({"Add", "Sub", "Mul"}))
