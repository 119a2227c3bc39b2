"""Kernels as latencylab predicts them and as onnxruntime writes them, in words that can be compared."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnxruntime

from latencylab import device, fusion, lowering, pipeline
from latencylab.cpu.choice import variant
from latencylab.hosting import facts
from latencylab.timing.host import describe

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile
    from latencylab.graph import MetaNode

_BLOCKED = "com.microsoft.nchwc"
_SAME = {"QuickGelu": "Swish", "FusedMatMul": "MatMul", "Upsample": "Resize"}
_VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"})


def written(model: onnx.ModelProto) -> Counter[str]:
    """Kernels of the graph that onnxruntime optimized, by operator, layout and what is fused behind."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "optimized.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(path).graph.node
    return Counter(_of_node(node) for node in nodes if node.op_type not in _VIEWS)


def _of_node(node: onnx.NodeProto) -> str:
    op_type = re.sub(r"^(QLinear|Fused|Nhwc)(?=[A-Z])", "", node.op_type)
    text = _SAME.get(op_type, op_type)
    if text != "Conv":
        return text
    if node.op_type.startswith("QLinear"):
        return "integer Conv"
    text = f"blocked {text}" if node.domain == _BLOCKED else text
    if len(node.input) > 3 and node.input[3]:
        text += "+Add"
    return "+".join([text, *(a.s.decode() for a in node.attribute if a.name == "activation")])


def of_this_host() -> DeviceProfile:
    """The shipped profile with the blocks of this machine's instruction set."""
    return device.load("onnxruntime_cpu").with_values(facts.of(describe()))


def predicted(model: onnx.ModelProto, profile: DeviceProfile | None = None) -> Counter[str]:
    """Kernels that latencylab predicts, in the same words."""
    profile = profile or of_this_host()
    network = pipeline.read(model, name="network")
    graph = pipeline.declared(network.graph, profile, None)
    program = lowering.lower(fusion.decompose(graph, profile.fusion), profile)
    kernels = [kernel.meta for kernel in program.kernels if kernel.runs]
    blocked = {
        t.name for meta in kernels if _of_meta(meta, profile).startswith("blocked") for t in meta.outputs
    }
    # Behind a blocked convolution a normalization becomes a convolution with a window of one.
    normal = [m for m in kernels if m.kind == "BatchNormalization" and m.inputs[0].name in blocked]
    found = Counter(_of_meta(meta, profile) for meta in kernels)
    return found - Counter({"BatchNormalization": len(normal)}) + Counter({"blocked Conv": len(normal)})


def _of_meta(meta: MetaNode, profile: DeviceProfile) -> str:
    assert profile.core is not None
    if meta.kind == "LayoutConversion":
        return meta.node.op_type
    if meta.kind != "Conv":
        return meta.kind
    if meta.dtype != "float32":
        return "integer Conv"
    blocked = "blocked " if variant(meta, profile.core.blocked_channels.value).is_blocked else ""
    return "+".join([f"{blocked}Conv", *(step.op_type for step in meta.node.epilogue)])


def agreement(model: onnx.ModelProto) -> tuple[int, int, Counter[str], Counter[str]]:
    """Kernels that agree, kernels of the longer list, and what only we or only onnxruntime have."""
    ours, theirs = predicted(model), written(model)
    common = (ours & theirs).total()
    return common, max(ours.total(), theirs.total()), ours - theirs, theirs - ours
