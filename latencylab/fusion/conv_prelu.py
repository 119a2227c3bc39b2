"""Conv, ConvTranspose, MatMul or Gemm, then PRelu: one kernel with a second slope a channel."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"PRelu"})
match = behind(PRODUCTS)
