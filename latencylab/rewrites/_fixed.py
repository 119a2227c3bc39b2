"""Weights that are known beforehand (copies, interpolation), in float or, in a quantized network, in int8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from latencylab.graph import Graph
    from latencylab.rewrites._draft import Draft

    Array = NDArray[Any]

_LARGEST = 127
"""Of int8: a weight of 1 becomes 127 with a scale of 1/127, so that zeros and ones stay what they are."""


def is_quantized(graph: Graph, name: str) -> bool:
    """Whether a float tensor stands for an integer one."""
    node = graph.producers.get(name)
    return node is not None and node.op_type == "DequantizeLinear"


def fixed_weight(
    draft: Draft, stem: str, shape: tuple[int, ...], compute: Callable[[], Array], *, source: str
) -> str:
    """Add the weight of a convolution that reads `source`; its values lie in -1..1."""
    if not is_quantized(draft.graph, source):
        return draft.weight(f"frozen.{stem}", shape, compute, like=source)
    scale = draft.weight(f"{stem}.scale", (), lambda: np.asarray(1 / _LARGEST), like=source)
    values = draft.weight(
        f"frozen.{stem}", shape, lambda: np.rint(compute() * _LARGEST), like=source, dtype="int8"
    )
    zero = draft.zero(f"{stem}.zero", "int8")
    dtype = draft.graph.tensors[source].dtype
    return draft.node(f"{stem}.float", "DequantizeLinear", (values, scale, zero), shape, dtype=dtype)
