"""Conv, ConvTranspose, MatMul or Gemm, then HardSigmoid or HardSwish: one kernel, piecewise linear."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"HardSigmoid", "HardSwish"})
match = behind(PRODUCTS)
