"""Single kernels of a general-purpose core, for the tests of `latencylab.cpu`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import device, fusion, lowering, pipeline
from latencylab.npu import machine
from latencylab.zoo._builder import Net

if TYPE_CHECKING:
    from onnx import ModelProto

    from latencylab.graph import MetaNode
    from latencylab.lowering import Program
    from latencylab.npu.machine import CoreNumbers

PROFILE = device.load("onnxruntime_cpu")  # blocks of 8 channels, four at once
ROWS, COLUMNS = 32, 48
MAP = ROWS * COLUMNS
BLOCK_BYTES = 8 * MAP * 4


def core() -> CoreNumbers:
    (worker,) = machine.of(PROFILE).workers.values()
    assert worker.core is not None
    return worker.core


def program(model: ModelProto) -> Program:
    """Kernels of a network."""
    network = pipeline.read(model, name="one")
    graph = pipeline.declared(network.graph, PROFILE, None)
    return lowering.lower(fusion.decompose(graph, PROFILE.fusion), PROFILE)


def kernel(model: ModelProto, kind: str) -> MetaNode:
    """The only kernel of a kind in a network of one layer."""
    (found,) = [k.meta for k in program(model).kernels if k.meta.kind == kind]
    return found


def convolution(inputs: int, outputs: int, window: int = 3, **options: int) -> MetaNode:
    net = Net("one", weights=False)
    x = net.input("x", (1, inputs, ROWS, COLUMNS))
    return kernel(net.model(net.conv(x, outputs, window, **options)), "Conv")
