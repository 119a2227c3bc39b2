"""Conv or Gemm, then an activation that onnxruntime computes as it writes, in float only.

Source: onnxruntime/core/optimizer/conv_activation_fusion.cc and gemm_activation_fusion.cc.
"""

from latencylab.fusion._epilogue import behind, in_float

ANCHORS = frozenset({"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid"})
match = in_float(behind(frozenset({"Conv", "Gemm"})))
