"""Conv, ConvTranspose, MatMul or Gemm, then Relu: one kernel, clamping as it writes."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"Relu"})
match = behind(PRODUCTS)
