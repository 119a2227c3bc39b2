"""Conv, ConvTranspose, MatMul or Gemm, then Clip (Relu6 among them): one kernel, clamping as it writes."""

from latencylab.fusion._epilogue import PRODUCTS, behind

ANCHORS = frozenset({"Clip"})
match = behind(PRODUCTS)
