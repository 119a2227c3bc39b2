"""A small estimate written by hand, with one of everything a reporter must show."""

from __future__ import annotations

from latencylab.result import (
    Advice,
    Bound,
    DeviceInfo,
    EngineUse,
    Estimate,
    Fallback,
    InputInfo,
    KernelEstimate,
    ModelInfo,
    Unpriced,
)
from latencylab.work import Work

PIXELS = 360 * 640


def kernel(name: str, kind: str, start_ms: float, latency_ms: float, **changes: object) -> KernelEstimate:
    """A kernel on the NN engine that spends its time on memory, with anything changed."""
    fields = {
        "op_types": (kind,),
        "nodes": (name,),
        "engine": "NN",
        "dtype": "uint8",
        "reason": f"NN runs {kind} in uint8",
        "compute_s": latency_ms / 2e3,
        "memory_s": latency_ms / 1e3,
        "overhead_s": 5e-6,
        "bound": Bound.MEMORY,
        "utilization": 0.25,
        "work": Work(arithmetic_ops=PIXELS),
        "read_bytes": 28 * PIXELS,
        "write_bytes": 28 * PIXELS,
        "dram_read_bytes": 28 * PIXELS,
        "dram_write_bytes": 28 * PIXELS,
        "dram_bytes_by_cause": {"activations": 56 * PIXELS},
    }
    return KernelEstimate(
        name=name,
        kind=kind,
        start_s=start_ms / 1e3,
        latency_s=latency_ms / 1e3,
        **(fields | changes),  # type: ignore[arg-type]
    )


KERNELS = (
    kernel("to_native", "Transpose", 0.0, 0.5, nodes=(), is_layout=True, engine="TP", bound=Bound.LAYOUT),
    kernel(
        "conv_1",
        "Conv",
        0.5,
        3.0,
        op_types=("Conv", "Relu"),
        nodes=("conv_1", "relu_1"),
        bound=Bound.COMPUTE,
        work=Work(macs=28 * 28 * 9 * PIXELS),
        utilization=0.64,
        depends_on=(0,),
    ),
    kernel("anchor", "ChannelReplicate", 0.5, 2.0, engine="TP", depends_on=(0,)),
    kernel("add", "Add", 3.5, 5.25, depends_on=(1, 2)),
    kernel("mystery", "Mystery", 8.75, 1.0, is_priced=False, depends_on=(3,)),
    kernel("shuffle", "DepthToSpace", 9.75, 10.25, engine="CPU", bound=Bound.HOST, depends_on=(4,)),
)

ESTIMATE = Estimate(
    model=ModelInfo(
        "tiny_x3", "ab" * 32, 7056, 81, 28 * 28 * 9 * PIXELS, 0, (InputInfo("x", (1, 3, 360, 640), "uint8"),)
    ),
    device=DeviceInfo("dolphin_npu", "Synaptics VS680", "cd" * 32, "synap", "3.1", "nchw"),
    engine="roofline",
    dtype="uint8",
    latency_s=0.020,
    low_s=0.0179,
    high_s=0.0256,
    kernels=KERNELS,
    engines=(
        EngineUse("NN", 0.00925, 0.0, 0.01075),
        EngineUse("TP", 0.0025, 0.0, 0.0175),
        EngineUse("CPU", 0.01025, 0.0, 0.00975),
    ),
    dram_read_bytes=6 * 28 * PIXELS,
    dram_write_bytes=6 * 28 * PIXELS,
    peak_scratchpad_bytes=524_288,
    latencylab_version="0.0",
    cost_model_version="1",
    unpriced=(Unpriced("Mystery", 1, ("mystery",)),),
    fallbacks=(Fallback("shuffle", "CPU", "no engine of the NPU runs DepthToSpace in uint8", 0.0004),),
    assumptions=("priced in uint8, the deployment type of dolphin_npu; the file holds float32",),
    critical_path=(0, 1, 3, 4, 5),
    advice=(Advice("replace the last Add by a folded convolution", 0.0041, ("add",)),),
)
