"""What a calibration measures: a set that touches every coefficient, and candidates to refine it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab.zoo import _microbenchmarks as micro

if TYPE_CHECKING:
    from onnx import ModelProto

FLOAT: Final = "float32"
INTEGER: Final = "uint8"

_SMALL: Final = (90, 160)
_MIDDLE: Final = (180, 320)
_LARGE: Final = (360, 640)
# Maps of 60 to 350 MB: what no cache holds any of.
_HUGE: Final = (720, 1280)
# Maps of 8 to 15 MB: the last cache holds some of them, and not others.
_BETWEEN: Final = (260, 460)
_ODD: Final = (135, 241)
# At the largest size only what takes well under a second an inference.
_ALSO_LARGE: Final = (
    *("pointwise", "elementwise", "shuffles", "few_inputs", "pieces", "signed", "pooled", "reduced", "wide"),
    "transposed",
)
_ALSO_BETWEEN: Final = ("pieces", "elementwise", "shuffles", "pooled", "residual", "few_inputs")
# Rows that do not begin where lines do.
_ALSO_ODD: Final = ("transposed", "pieces", "elementwise", "few_inputs", "unblocked", "pointwise")
_ALSO_HUGE: Final = ("pointwise", "elementwise", "pieces", "shuffles")
# What two threads gain where DRAM carries everything is not what they gain in the caches.
_THREADED_LARGE: Final = ("shuffles", "elementwise", "pieces", "signed", "narrow", "reduced")
# What quantized networks hold; the other writers' kernels stay float there.
_QUANTIZED: Final = (
    *("narrow", "wide", "pointwise", "large_window", "grouped", "strided", "residual", "elementwise"),
    *(
        "blocked_elementwise",
        "shuffles",
        "pieces",
        "few_inputs",
        "activated",
        "reduced",
        "pooled",
        "resamplings",
    ),
)
# Buffers of these outgrow the caches as maps do.
_QUANTIZED_LARGER: Final = ("narrow", "wide", "pointwise", "few_inputs", "residual", "shuffles")
_QUANTIZED_LARGE: Final = ("narrow", "wide")
_THREADED: Final = (
    *("narrow", "wide", "pointwise", "few_inputs", "large_window", "grouped", "unblocked", "transposed"),
    *(
        "elementwise",
        "blocked_elementwise",
        "shuffles",
        "resamplings",
        "pieces",
        "pooled",
        "residual",
        "activated",
        "signed",
    ),
)

# Networks that take no part in the fit: the error before and after is shown on them.
LEFT_OUT: Final = ("abpn_x3", "xlsr_x3", "espcn_x3", "ecbsr_m4c16_x3", "imdn_rtc_x2", "fsrcnn_x3")
LEFT_OUT_SIZE: Final = "height=180&width=320"


@dataclass(frozen=True, slots=True, order=True)
class Bench:
    """One designed network to measure."""

    writer: str
    height: int
    width: int
    wide: int = 1
    dtype: str = FLOAT
    threads: int = 1

    @property
    def name(self) -> str:
        """File name of its measurement, and what progress shows."""
        return f"{self.writer}_{self.height}x{self.width}_w{self.wide}_{self.dtype}_t{self.threads}"

    def model(self) -> ModelProto:
        """Write the network, in float: a uint8 one is quantized where it is measured."""
        return micro.build(self.writer, self.height, self.width, self.wide)


def initial(cores: int) -> tuple[Bench, ...]:
    """Return what is measured first, in an order in which a calibration cut short is of use already."""
    single = [Bench(writer, *_MIDDLE) for writer in micro.WRITERS]
    small = [Bench(writer, *_SMALL) for writer in micro.WRITERS]
    large = [Bench(writer, *_LARGE) for writer in _ALSO_LARGE]
    large += [Bench(writer, *_BETWEEN) for writer in _ALSO_BETWEEN]
    large += [Bench(writer, *_ODD) for writer in _ALSO_ODD]
    large += [Bench(writer, *_HUGE) for writer in _ALSO_HUGE]
    integer = [Bench(writer, *_SMALL, dtype=INTEGER) for writer in _QUANTIZED]
    integer += [Bench(writer, *_MIDDLE, dtype=INTEGER) for writer in _QUANTIZED_LARGER]
    integer += [Bench(writer, *_LARGE, dtype=INTEGER) for writer in _QUANTIZED_LARGE]
    double = [Bench(writer, *_MIDDLE, threads=2) for writer in _THREADED] if cores > 1 else []
    double += [Bench(writer, *_LARGE, threads=2) for writer in _THREADED_LARGE] if cores > 1 else []
    integer_double = [
        Bench(writer, *_MIDDLE, dtype=INTEGER, threads=2) for writer in ("narrow", "pointwise", "elementwise")
    ]
    return (*small, *single, *large, *integer, *double, *(integer_double if cores > 1 else ()))


def candidates(cores: int) -> tuple[Bench, ...]:
    """Return what may be measured on top, where the error turns out to be largest."""
    sizes = ((_ODD, 1), (_MIDDLE, 2), (_LARGE, 1))
    float_ = [Bench(w, *size, wide) for size, wide in sizes for w in micro.WRITERS]
    integer = [Bench(w, *_LARGE, dtype=INTEGER) for w in _QUANTIZED]
    integer += [Bench(w, *_MIDDLE, dtype=INTEGER) for w in _QUANTIZED]
    double = [Bench(w, *_SMALL, threads=2) for w in _THREADED] if cores > 1 else []
    known = set(initial(cores))
    return tuple(bench for bench in (*float_, *integer, *double) if bench not in known)
