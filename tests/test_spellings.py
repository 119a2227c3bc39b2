"""One network, many spellings: the shipped devices see the same kernels and tell the same latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from latencylab import estimate, zoo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from latencylab.result import Estimate, KernelEstimate

DEVICES = ("dolphin_npu", "dimensity8100_npu")
NETWORKS = ("abpn_x3", "xlsr_x3", "espcn_x3", "quicksrnet_small_x3", "etds_s_x3")
SIZE = "?height=24&width=32"
CONVERSIONS = {"QuantizeLinear", "DequantizeLinear"}
# What onnxruntime's quantizer has no QOperator form for, a last Clip among it.
ISLANDS = {
    "abpn_x3": {"Clip"},
    "xlsr_x3": {"Clip"},
    "espcn_x3": {"Tanh"},
    "quicksrnet_small_x3": set(),
    "etds_s_x3": set(),
}


class OneImage(CalibrationDataReader):
    """Calibrates on a single random image."""

    def __init__(self, model: onnx.ModelProto) -> None:
        (image,) = model.graph.input
        shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
        self.feeds = iter([{image.name: np.random.default_rng(0).random(shape, np.float32)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, QuantFormat], Path]:
    """Every network in both quantized forms, made by onnxruntime."""
    folder = tmp_path_factory.mktemp("quantized")
    found = {}
    for name in NETWORKS:
        model = zoo.build(name + SIZE)
        onnx.save(model, folder / "float.onnx")
        for form in QuantFormat:
            path = found[name, form] = folder / f"{name}_{form}.onnx"
            types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
            quantize_static(folder / "float.onnx", path, OneImage(model), quant_format=form, **types)
    return found


def described(kernels: Sequence[KernelEstimate]) -> list[tuple[object, ...]]:
    """What a kernel is and moves: names aside, which quantizers make up."""
    return sorted((k.kind, k.engine, k.work.macs, k.read_bytes, k.write_bytes) for k in kernels)


def network_kernels(found: Estimate) -> list[KernelEstimate]:
    return [kernel for kernel in found.kernels if not kernel.is_layout]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_declared_and_qdq_agree(
    name: str, device: str, quantized: dict[tuple[str, QuantFormat], Path]
) -> None:
    declared = estimate(f"zoo:{name}{SIZE}", device, dtype="uint8")
    annotated = estimate(quantized[name, QuantFormat.QDQ], device)
    assert described(network_kernels(annotated)) == described(network_kernels(declared))
    assert annotated.latency_s == pytest.approx(declared.latency_s, rel=0.01)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_qoperator_differs_by_its_islands_only(
    name: str, device: str, quantized: dict[tuple[str, QuantFormat], Path]
) -> None:
    declared = estimate(f"zoo:{name}{SIZE}", device, dtype="uint8")
    spelled = estimate(quantized[name, QuantFormat.QOperator], device)
    real = [kernel for kernel in network_kernels(spelled) if kernel.kind not in CONVERSIONS]
    floats = [kernel for kernel in real if kernel.dtype == "float32"]
    assert {kernel.kind for kernel in floats} == ISLANDS[name]
    assert all(kernel.latency_s > 0 for kernel in floats)
    ours = described([kernel for kernel in real if kernel.dtype != "float32"])
    kept = [kernel for kernel in network_kernels(declared) if kernel.kind not in ISLANDS[name]]
    assert [row[:3] for row in ours] == [row[:3] for row in described(kept)]
    if not ISLANDS[name]:
        assert spelled.latency_s == pytest.approx(declared.latency_s, rel=0.01)


@pytest.mark.parametrize("spelling", ["torchscript", "dynamo"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["abpn_x3", "espcn_x3", "ecbsr_m4c16_x3", "xlsr_x3", "imdn_x3"])
def test_exporters_spellings_are_the_same_kernels(name: str, device: str, spelling: str) -> None:
    clean = estimate(f"zoo:{name}{SIZE}", device)
    spelled = estimate(f"zoo:{name}{SIZE}&spelling={spelling}", device)
    assert described(spelled.kernels) == described(clean.kernels)
    assert spelled.latency_s == pytest.approx(clean.latency_s, rel=1e-6)
