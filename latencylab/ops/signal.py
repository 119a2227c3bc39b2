"""Fourier transforms: 5 n log2 n real operations for n complex points, the customary count of an FFT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import halvings, optional, present
from latencylab.ops._registry import costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor
    from latencylab.ops._registry import Inputs, Outputs


def _fft_ops(points: int) -> int:
    return 5 * points * halvings(points)


def _scalar(tensor: Tensor | None, default: int) -> int:
    return int(tensor.values[0]) if tensor is not None and tensor.values else default


@costs("DFT")
def dft(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """5 n log2 n arithmetic a transform."""
    data = present(inputs, 0)
    axis = _scalar(optional(inputs, 2), int(node.attributes.get("axis", -2)))
    stored = data.shape[axis]
    points = _scalar(optional(inputs, 1), stored)
    transforms = data.elements // max(1, stored * data.shape[-1])
    return Work(arithmetic_ops=_fft_ops(points) * transforms)


@costs("STFT")
def stft(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """N products with the window and 5 n log2 n arithmetic a frame of n points."""
    batch, frames, bins, _ = outputs[0].shape
    window = optional(inputs, 2)
    points = window.shape[0] if window is not None else _scalar(optional(inputs, 3), bins)
    return Work(arithmetic_ops=(points + _fft_ops(points)) * batch * frames)
