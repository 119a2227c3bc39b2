"""Conv, ConvTranspose, MatMul or Gemm, then Swish or Gelu: one kernel with a table behind it."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"Swish", "Gelu"})
match = behind(PRODUCTS)
