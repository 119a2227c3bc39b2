"""Annotated ONNX: the model that was profiled, with its times as metadata of nodes, as Netron shows them.

A meta-node's time stands on the first of its nodes; the others say what they are fused into, so that the
times of a file add up. With several devices, each has notes of its own. Netron shows the first dozen letters
of a key, hence `latencylab.ms`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latencylab.errors import ResultError
from latencylab.printable import printable
from latencylab.reporters import DEFAULT_VIEW, View
from latencylab.reporters import _rows as rows
from latencylab.units import MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto

    from latencylab.result import Estimate, KernelEstimate

suffix = ".onnx"
marker = b"latencylab.ms"

_ZOO = "zoo:"
_PREFIX = "latencylab."


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:
    """Render the profiled model with notes.

    Raises ResultError if the view does not say which model that is.
    """
    from latencylab.onnx_reader.annotation import annotated

    if view.model is None or len({estimate.model.sha256 for estimate in estimates}) != 1:
        raise ResultError("times are written into one model: latencylab profile MODEL -o FILE.onnx")
    nodes: dict[str, dict[str, str]] = {}
    about: dict[str, str] = {}
    for estimate in estimates:
        prefix = f"{_PREFIX}{rows.device_name(estimate)}." if len(estimates) > 1 else _PREFIX
        for name, notes in _by_node(estimate):
            nodes.setdefault(name, {}).update({prefix + key: value for key, value in notes.items()})
        about |= {prefix + key: value for key, value in _about(estimate).items()}
    return annotated(_source(view.model), nodes, about)


def _source(model: str | bytes) -> Path | bytes | ModelProto:
    if isinstance(model, str) and model.startswith(_ZOO):
        from latencylab import zoo

        return zoo.build(model.removeprefix(_ZOO))
    return Path(model) if isinstance(model, str) else model


def _by_node(estimate: Estimate) -> Iterator[tuple[str, dict[str, str]]]:
    whole_s = rows.busy_s(estimate)
    for kernel in estimate.kernels:
        for i, name in enumerate(kernel.nodes):
            yield name, {"fused_into": printable(kernel.name)} if i else _timed(kernel, whole_s)


def _timed(kernel: KernelEstimate, whole_s: float) -> dict[str, str]:
    share = 100 * kernel.latency_s / whole_s if whole_s else 0.0
    return {
        "ms": f"{kernel.latency_s * MS_PER_S:.6f}",
        "share": f"{share:.1f} %",
        "meta_node": printable(kernel.name),
        "kind": printable(kernel.kind),
        "engine": printable(kernel.engine),
        "bound": kernel.bound.value,
        "dram_bytes": str(kernel.dram_bytes),
        "why": printable(kernel.reason),
    }


def _about(estimate: Estimate) -> dict[str, str]:
    return {
        "ms": f"{estimate.latency_s * MS_PER_S:.6f}",
        "interval_ms": rows.interval_ms(estimate),
        "device": rows.device_name(estimate),
        "version": estimate.latencylab_version,
    }
