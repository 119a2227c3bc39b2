"""Predicted kernels against those onnxruntime writes: reorders, blocking, residuals, Transposes."""

from __future__ import annotations

import platform
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import pytest
from kernel_sequences import agreement, predicted, written
from onnx import TensorProto, helper, numpy_helper
from test_align import quantized

from latencylab import zoo

# The blocked kernels, and channels last for integers, are those of x86-64.
pytestmark = pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="not an x86-64")

SMALL = "height=24&width=32"
FLOAT = (
    *("abpn_x3", "bam_x2", "bbcu_l_x2", "bicubicpp_x3", "carn_m_x2", "e2fif_x2", "ecbsr_m4c16_x3"),
    *("edge_sr_max_y_x3", "edge_sr_tm_y_x3", "espcn_x3", "etds_s_x3", "fsrcnn_x3", "imdn_rtc_x2", "imdn_x2"),
    *("lapsrn_y_x2", "ncnet_x3", "plain_concat_skip_x3", "pureconv24_x3", "quicksrnet_large_x3", "rfdn_x2"),
    *("rlfn_ntire_x2", "sesr_m5_y_x2", "srcnn_x2", "vdsr_x2", "wdsr_a_x2", "xlsr_x3", "xcat_x3"),
)
INTEGER = (
    *("abpn_x3", "xlsr_x3", "fsrcnn_x3", "espcn_x3", "ecbsr_m4c16_x3", "etds_s_x3", "sesr_m5_y_x2"),
    *("plain_concat_skip_x3", "quicksrnet_small_x3", "bicubicpp_x3", "ncnet_x3", "imdn_rtc_x2"),
)


def _summed(models: dict[str, onnx.ModelProto]) -> float:
    """Share of kernels that agree over all models, printed with what differs."""
    common = every = 0
    for name, model in models.items():
        same, count, ours, theirs = agreement(model)
        common, every = common + same, every + count
        if same < count:
            differs = f"only predicted {dict(ours)}, only onnxruntime {dict(theirs)}"
            print(f"{name}: {same} of {count}; {differs}")  # noqa: T201 - the agreement is to be seen
    print(f"{common} of {every} kernels agree: {common / every:.1%}")  # noqa: T201
    return common / every


def test_float_kernels_are_those_onnxruntime_writes() -> None:
    assert _summed({name: zoo.build(f"{name}?{SMALL}") for name in FLOAT}) >= 0.99


def test_integer_kernels_are_those_onnxruntime_writes() -> None:
    with TemporaryDirectory() as folder:
        models = {n: quantized(zoo.build(f"{n}?{SMALL}"), "QDQ", Path(folder)) for n in INTEGER}
    assert _summed(models) >= 0.95


def _convolution(channels: tuple[int, int], groups: int, kernel: int = 3) -> onnx.ModelProto:
    into, out = channels
    weight = numpy_helper.from_array(_random(out, into // groups, kernel, kernel), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=groups, pads=[kernel // 2] * 4)
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 8, 8])
        for n, c in (("x", into), ("y", out))
    ]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _random(*shape: int) -> object:
    import numpy as np

    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize(
    ("channels", "groups"),
    [
        *(((3, 8), 1), ((7, 30), 1), ((8, 3), 1), ((9, 12), 1), ((26, 24), 1), ((28, 27), 1)),  # dense
        *(((28, 28), 28), ((58, 58), 58), ((6, 6), 6), ((12, 12), 12)),  # depthwise
        *(((32, 32), 8), ((64, 64), 4), ((28, 28), 4), ((16, 32), 2), ((8, 16), 2)),  # grouped
    ],
)
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_shape_gets_the_kernel_onnxruntime_picks(
    channels: tuple[int, int], groups: int, kernel: int
) -> None:
    model = _convolution(channels, groups, kernel)
    assert predicted(model) == written(model)
