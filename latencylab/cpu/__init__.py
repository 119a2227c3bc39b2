"""A general-purpose core under a library of kernels, as onnxruntime's CPU provider is.

`choice`: which of the library's convolution kernels a shape gets. `layouts`: where the library's blocked and
channels-last maps begin and end, and what converting costs a kernel. `duration`: how long a kernel takes.
"""
