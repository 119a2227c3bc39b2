"""Conv, then DepthToSpace: one kernel, which scatters its channels as it writes."""

from latencylab.fusion._epilogue import CONVOLUTIONS, behind

ANCHORS = frozenset({"DepthToSpace"})
match = behind(CONVOLUTIONS)
