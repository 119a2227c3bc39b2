"""Times a model with onnxruntime, in a process of its own; nothing else in latencylab imports onnxruntime.

`measure` is all a caller needs; the modules beside it say how: `process` starts the measuring process,
`worker` is what happens in it, `clock` decides when to stop, `session` is onnxruntime, `caution` says what to
beware of.
"""

from __future__ import annotations

from latencylab.timing.clock import Policy
from latencylab.timing.process import measure
from latencylab.timing.request import Request

__all__ = ["Policy", "Request", "measure"]
