"""A machine that does exactly what a profile says: measurements without a stopwatch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from test_measurement import HOST, MEASUREMENT, RUNTIME

from latencylab import onnx_reader, pipeline, zoo
from latencylab.errors import MeasurementError
from latencylab.hosting.points import program_of
from latencylab.measurement import KernelTime, MeasuredTensor, Measurement, OptimizedNode

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode
    from latencylab.hosting.design import Bench
    from latencylab.onnx_reader import Model

_ACTIVATIONS = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid"}


def measurement(network: Model, truth: DeviceProfile, threads: int = 1) -> Measurement:
    """What onnxruntime would have measured if the truth were this profile."""
    estimate = pipeline.price(network, truth)
    kernels, nodes = [], []
    for index, (kernel, estimated) in enumerate(
        zip(program_of(network, truth).kernels, estimate.kernels, strict=True)
    ):
        if kernel.runs:
            node = _written(kernel.meta, index)
            shape = MeasuredTensor(kernel.meta.outputs[0].shape, kernel.meta.outputs[0].dtype)
            times_ns = (round(1e9 * estimated.latency_s),) * 3
            kernels.append(KernelTime(node.name, node.op_type, index, "CPU", (shape,), times_ns))
            nodes.append(node)
    total_ns = round(1e9 * estimate.latency_s)
    return replace(
        MEASUREMENT,
        model_name=network.graph.name,
        model_sha256=network.sha256,
        host=HOST,
        runtime=replace(RUNTIME, intra_op_threads=threads),
        samples_ns=(total_ns, total_ns, 2 * total_ns),
        kernels=tuple(kernels),
        optimized_nodes=tuple(nodes),
        warnings=(),
    )


def _written(meta: MetaNode, index: int) -> OptimizedNode:
    """A kernel as onnxruntime would spell it: reorders lose their names, a sum is a fourth input."""
    node = meta.node
    inputs = list(node.inputs)
    attributes = {k: v for k, v in node.attributes.items() if isinstance(v, int | float | str)}
    for step in node.epilogue:
        if step.op_type in _ACTIVATIONS:
            attributes["activation"] = step.op_type
        else:
            own = {output for s in (node, *node.epilogue) for output in s.outputs}
            inputs += [name for name in step.inputs if name not in own]
    name = f"reorder_{index}" if meta.kind == "LayoutConversion" else node.name
    outputs = tuple(t.name for t in meta.outputs)
    return OptimizedNode(name, node.op_type, "", tuple(inputs), outputs, attributes)


class SyntheticBencher:
    """Measures by asking the truth; refuses integers; may be interrupted after some networks."""

    def __init__(self, truths: dict[int, DeviceProfile], interrupted_after: int | None = None) -> None:
        self.truths, self.interrupted_after = truths, interrupted_after
        self.measured: list[str] = []

    def bench(self, bench: Bench) -> tuple[Model, Measurement]:
        if len(self.measured) == self.interrupted_after:
            raise KeyboardInterrupt
        if bench.dtype != "float32":
            raise MeasurementError("this machine knows no integers")
        self.measured.append(bench.name)
        network = self.read(bench)
        return network, measurement(network, self.truths[bench.threads], bench.threads)

    def read(self, bench: Bench) -> Model:
        return onnx_reader.read(bench.model(), name=bench.name)

    def network(self, name: str, threads: int, _dtype: str) -> tuple[Model, Measurement]:
        network = onnx_reader.read(zoo.build(name, weights=False), name=name)
        return network, measurement(network, self.truths[threads], threads)
