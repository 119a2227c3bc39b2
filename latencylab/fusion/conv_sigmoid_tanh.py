"""Conv, ConvTranspose, MatMul or Gemm, then Sigmoid or Tanh: one kernel with a table behind it."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"Sigmoid", "Tanh"})
match = behind(PRODUCTS)
