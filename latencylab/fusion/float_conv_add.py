"""As `conv_add`, in float only: onnxruntime's integer convolutions add no residual.

Source: onnxruntime/core/optimizer/conv_add_act_fusion.cc; seen in graphs that onnxruntime 1.31 optimized.
"""

from latencylab.fusion import conv_add
from latencylab.fusion._epilogue import in_float

ANCHORS = conv_add.ANCHORS
match = in_float(conv_add.match)
