"""The JSON trace of an onnxruntime session with profiling enabled."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from latencylab import dtypes
from latencylab.errors import MeasurementError
from latencylab.importers._kernel import MeasuredKernel
from latencylab.timing.profile import parse_profile

if TYPE_CHECKING:
    from latencylab.measurement import KernelTime

TITLE: Final = "onnxruntime profile"
_MARK: Final = "_kernel_time"


def sniff(text: str) -> bool:
    """Whether it is a JSON list that mentions kernel times."""
    return text.lstrip().startswith("[") and _MARK in text


def read(text: str) -> tuple[MeasuredKernel, ...]:
    """Kernels in the order in which they first ran: the median over the runs, the first (cold) run left out.

    Raises MeasurementError for what is not such a trace, or tells of impossible times.
    """
    kernels = parse_profile(text, f"damaged {TITLE}").kernels
    for kernel in kernels:
        if min(kernel.samples_ns) < 0:
            raise MeasurementError(f"damaged {TITLE}: {kernel.name} took less than no time")
    return tuple(_kernel(index, kernel) for index, kernel in enumerate(kernels))


def _kernel(index: int, kernel: KernelTime) -> MeasuredKernel:
    return MeasuredKernel(
        index=index,
        name=kernel.name,
        op_type=kernel.op_type,
        engine=kernel.provider,
        time_s=kernel.median_ns * 1e-9,
        write_bytes=_written(kernel),
    )


def _written(kernel: KernelTime) -> int | None:
    """Bytes of the outputs, where their shapes and element types are told."""
    if not kernel.outputs or any(output.dtype not in dtypes.BITS for output in kernel.outputs):
        return None
    return sum(dtypes.size_bytes(prod(output.shape), output.dtype) for output in kernel.outputs)
