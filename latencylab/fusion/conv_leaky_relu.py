"""Conv, ConvTranspose, MatMul or Gemm, then LeakyRelu: one kernel with a second slope."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"LeakyRelu"})
match = behind(PRODUCTS)
