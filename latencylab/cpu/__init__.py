"""A CPU under a library of kernels, as onnxruntime's CPU provider is.

`choice`: which of the library's convolution kernels a shape gets. `layouts`: where the library's blocked and
channels-last maps begin and end, and what converting costs a kernel. `passes`: how a convolution goes over
its maps. `traffic`: what a kernel moves. `duration`: how long it takes.
"""
