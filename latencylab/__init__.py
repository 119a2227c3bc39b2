"""latencylab: how long a network will take on a device, why, and what to change.

    import latencylab
    latencylab.estimate("model.onnx", device="dolphin_npu").latency_s

Public names load when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latencylab.advising import Advised, advise
    from latencylab.comparison import Comparison, compare
    from latencylab.device import DeviceProfile
    from latencylab.errors import LatencyLabError
    from latencylab.estimating import estimate
    from latencylab.gating import Verdict, gate
    from latencylab.graph import Graph, MetaNode, Node, Tensor
    from latencylab.ranking import Ranking, rank
    from latencylab.result import Estimate, KernelEstimate
    from latencylab.work import Work

__version__ = "0.1.0"

_HOMES = {
    "Advised": "advising",
    "Comparison": "comparison",
    "DeviceProfile": "device",
    "Estimate": "result",
    "Graph": "graph",
    "KernelEstimate": "result",
    "LatencyLabError": "errors",
    "MetaNode": "graph",
    "Node": "graph",
    "Ranking": "ranking",
    "Tensor": "graph",
    "Verdict": "gating",
    "Work": "work",
    "advise": "advising",
    "compare": "comparison",
    "estimate": "estimating",
    "gate": "gating",
    "rank": "ranking",
}

__all__ = [
    "Advised",
    "Comparison",
    "DeviceProfile",
    "Estimate",
    "Graph",
    "KernelEstimate",
    "LatencyLabError",
    "MetaNode",
    "Node",
    "Ranking",
    "Tensor",
    "Verdict",
    "Work",
    "__version__",
    "advise",
    "compare",
    "estimate",
    "gate",
    "rank",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module that holds it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"latencylab.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *_HOMES})
