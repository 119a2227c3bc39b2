"""Times a model with onnxruntime, in a process of its own; nothing else in latencylab imports onnxruntime.

    network = pipeline.read("zoo:abpn_x3")
    for measurement in measure_model("zoo:abpn_x3", network, threads=(1, 2)): ...

The modules beside it say how: `process` starts the measuring process, `worker` is what happens in it, `clock`
decides when to stop, `session` is onnxruntime, `caution` says what to beware of.
"""

from __future__ import annotations

from latencylab.timing.clock import Policy
from latencylab.timing.foreign import from_file, from_profile
from latencylab.timing.process import measure
from latencylab.timing.request import Request
from latencylab.timing.study import measure_model

__all__ = ["Policy", "Request", "from_file", "from_profile", "measure", "measure_model"]
