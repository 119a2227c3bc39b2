"""Calls on which onnx's inference does not report an error but ends the process (seen with onnx 1.23).

Found by giving every attribute of every node test every sort of wrong value; they are refused here instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.onnx_reader._order import Step

_INT32 = range(-(2**31), 2**31)


def check(step: Step, attributes: Mapping[str, Any]) -> None:
    """Raise ValueError for such a call."""
    axis = attributes.get("axis", 0)
    if isinstance(axis, int) and axis not in _INT32:
        raise ValueError(f"axis {axis} is out of range")
    if step.op_type == "GatherND" and attributes.get("batch_dims", 0) < 0:
        raise ValueError("batch_dims is negative")
    if step.op_type == "Split" and attributes.get("num_outputs", len(step.outputs)) != len(step.outputs):
        raise ValueError(f"num_outputs is not {len(step.outputs)}, the number of its outputs")
