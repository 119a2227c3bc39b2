"""The whole program on one screen: read, declare, fuse, lower, run, report."""

from __future__ import annotations

from dataclasses import replace
from math import exp, hypot, log
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from latencylab import __version__, dtypes, fusion, lowering, onnx_reader, ops, parameters, plugins, units
from latencylab import device as devices
from latencylab.engines import COST_MODEL_VERSION
from latencylab.errors import UnknownNameError
from latencylab.graph import total
from latencylab.result import DeviceInfo, Estimate, Fallback, InputInfo, MemoryInfo, ModelInfo, Unpriced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from onnx import ModelProto

    from latencylab.device import DeviceProfile
    from latencylab.device.schema import Engine
    from latencylab.fusion import Decomposition
    from latencylab.graph import Graph
    from latencylab.lowering import Program
    from latencylab.onnx_reader import Model
    from latencylab.result import KernelEstimate, Schedule

LAYOUTS: Final = ("nchw", "nhwc")
ZOO: Final = "zoo:"
# What a network is called that came as bytes, where commands and rankings need a name.
STDIN: Final = "stdin"
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
_NO_SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({})

# The engine model where a profile asks for one that is not installed.
_FALLBACK_ENGINE: Final = "roofline"
INTERVAL: Final = 0.9
# Half-width of a 90 % interval of a normal distribution, in standard deviations.
_SIGMAS: Final = 1.6449
# The time of an operator that nobody priced, or whose weights keep it from its engine, is known to a factor
# of 4 either way: one standard deviation.
_UNPRICED_SIGMA_LOG: Final = log(4)


def read(
    model: str | Path | bytes | ModelProto,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    name: str | None = None,
) -> Model:
    """Read a network once, to be priced for several devices."""
    if isinstance(model, str) and model.startswith(ZOO):
        name = name or model.removeprefix(ZOO)
    return onnx_reader.read(source_of(model), name=name, dims=dims or _NOTHING, shapes=shapes or _NO_SHAPES)


def source_of(model: str | Path | bytes | ModelProto) -> Path | bytes | ModelProto:
    """Return what the reader takes: a network of the zoo is built, without its weights."""
    if isinstance(model, str) and model.startswith(ZOO):
        from latencylab import zoo

        return zoo.build(model.removeprefix(ZOO), weights=False)
    return Path(model) if isinstance(model, str) else model


def shown(source: str | Path | bytes) -> str:
    """Return what to call a network in messages before it is read: its path, or its name in the zoo."""
    return STDIN if isinstance(source, bytes) else str(source).removeprefix(ZOO)


def price(
    network: Model,
    device: str | Path | DeviceProfile,
    engine: str | None = None,
    *,
    dtype: str | None = None,
    layout: str | None = None,
    strict: bool = False,
) -> Estimate:
    """Predict the latency of a network that `read` returned; options and errors as `latencylab.estimate`."""
    profile = load_device(device)
    if layout not in {None, *LAYOUTS}:
        raise UnknownNameError("layout", str(layout), LAYOUTS)
    engine, runner = engine_module(engine or profile.engine, is_asked=engine is not None)
    graph = declared(network.graph, profile, dtype)
    decomposition = fusion.decompose(graph, profile.fusion)
    program = lowering.lower(decomposition, profile, layout=layout, strict=strict)
    schedule: Schedule = runner.run(program, profile)
    return _assembled(network, decomposition, profile, engine, program, schedule)


def decompose(
    network: Model, device: str | Path | DeviceProfile, *, dtype: str | None = None
) -> Decomposition:
    """Fuse a network as a device would, without pricing it: what `--explain-fusion` prints."""
    profile = load_device(device)
    return fusion.decompose(declared(network.graph, profile, dtype), profile.fusion)


def load_device(device: str | Path | DeviceProfile) -> DeviceProfile:
    """Return a profile by name or path, or the profile itself."""
    return devices.load(device) if isinstance(device, str | Path) else device


def engine_module(name: str, *, is_asked: bool) -> tuple[str, ModuleType]:
    """Import an engine model; a missing one that only a profile prefers gives way to the roofline."""
    if not is_asked and name not in plugins.names("engines"):
        name = _FALLBACK_ENGINE
    return name, plugins.load("engines", name)


def declared(graph: Graph, profile: DeviceProfile, dtype: str | None) -> Graph:
    """Return the graph in its deployment type; its assumptions say what was declared."""
    if dtype is not None and dtype not in dtypes.DEPLOYABLE:
        raise UnknownNameError("dtype", dtype, dtypes.DEPLOYABLE)
    target = dtype or profile.deployment_dtype
    result = fusion.declare_dtype(graph, target)
    said = _declaration(graph, profile, dtype, is_quantized=result is graph)
    return replace(result, assumptions=(*graph.assumptions, *said))


def _declaration(
    graph: Graph, profile: DeviceProfile, dtype: str | None, *, is_quantized: bool
) -> tuple[str, ...]:
    if is_quantized:
        return (f"the file is quantized and priced as it is; dtype {dtype} is ignored",) if dtype else ()
    target = dtype or profile.deployment_dtype
    found = sorted({tensor.dtype for tensor in graph.tensors.values() if dtypes.is_float(tensor.dtype)})
    if not found or found == [target]:
        return ()
    why = "as asked" if dtype else f"the deployment type of {profile.name}"
    literal = "" if dtype else f" (--dtype {found[0]} prices it as it is)"
    return (f"priced in {target}, {why}; the file holds {', '.join(found)}{literal}",)


def _assembled(
    network: Model,
    decomposition: Decomposition,
    profile: DeviceProfile,
    engine: str,
    program: Program,
    schedule: Schedule,
) -> Estimate:
    kernels = schedule.kernels
    spread = exp(_SIGMAS * _sigma_log(kernels, profile, _vague(program, profile)))
    return Estimate(
        model=_model_info(network, decomposition),
        device=_device_info(profile, program.layout),
        engine=engine,
        dtype=_main_dtype(kernels, profile),
        latency_s=schedule.latency_s,
        low_s=schedule.latency_s / spread,
        high_s=schedule.latency_s * spread,
        interval=INTERVAL,
        kernels=kernels,
        engines=schedule.engines,
        dram_read_bytes=sum(kernel.dram_read_bytes for kernel in kernels),
        dram_write_bytes=sum(kernel.dram_write_bytes for kernel in kernels),
        peak_scratchpad_bytes=schedule.peak_scratchpad_bytes,
        scratchpad_at_peak=schedule.scratchpad_at_peak,
        unpriced=_unpriced(decomposition),
        fallbacks=_fallbacks(kernels, profile),
        assumptions=(
            *decomposition.graph.assumptions,
            *program.assumptions,
            _layout_sentence(profile, program.layout),
            _interval_sentence(profile),
        ),
        critical_path=schedule.critical_path,
        latencylab_version=__version__,
        cost_model_version=COST_MODEL_VERSION,
    )


def _model_info(network: Model, decomposition: Decomposition) -> ModelInfo:
    count = parameters.count(network.graph)
    work = total(node.work for node in decomposition.meta_nodes)
    tensors = (network.graph.tensors[name] for name in network.graph.inputs)
    inputs = tuple(InputInfo(tensor.name, tensor.shape, tensor.dtype) for tensor in tensors)
    return ModelInfo(
        network.graph.name, network.sha256, count.trainable, count.frozen, work.macs, work.binary_macs, inputs
    )


def _device_info(profile: DeviceProfile, layout: str) -> DeviceInfo:
    runtime, accuracy = profile.runtime, profile.accuracy
    return DeviceInfo(
        name=profile.name,
        title=profile.title,
        sha256=profile.sha256,
        runtime=runtime.name,
        runtime_version=runtime.version,
        layout=layout,
        memories=_memories(profile),
        sigma_log=accuracy.sigma_log.value,
        residual_correlation=accuracy.residual_correlation.value,
        evidence=accuracy.evidence,
        evidence_rows=accuracy.rows,
    )


def _memories(profile: DeviceProfile) -> tuple[MemoryInfo, ...]:
    """Return the levels with a known rate, the slowest first; an engine's port is what it reads on chip."""
    memory = profile.memory
    found = [MemoryInfo("DRAM", memory.dram.bytes_per_s)]
    if memory.cache:
        found.append(MemoryInfo("cache", memory.cache.bytes_per_s.value, memory.cache.size_bytes.value))
    size_bytes = memory.scratchpad.size_bytes.value if memory.scratchpad else None
    for name, engine in profile.engines.items():
        if engine.port_bytes_per_cycle:
            rate = engine.port_bytes_per_cycle.value * engine.clock_hz.value
            found.append(MemoryInfo(f"scratchpad of {name}", rate, size_bytes))
    return tuple(sorted(found, key=lambda level: level.bytes_per_s))


def _main_dtype(kernels: tuple[KernelEstimate, ...], profile: DeviceProfile) -> str:
    """Find the element type in which most time is spent; without kernels, the deployment type."""
    spent_s: dict[str, float] = {}
    for kernel in kernels:
        spent_s[kernel.dtype] = spent_s.get(kernel.dtype, 0.0) + kernel.latency_s
    return max(spent_s, key=lambda dtype: spent_s[dtype]) if spent_s else profile.deployment_dtype


def _vague(program: Program, profile: DeviceProfile) -> dict[str, float]:
    """Return, by name, the standard deviation of log(time) of kernels that run where no measured one did."""
    unseen = {
        name: sigma for name, engine in profile.engines.items() if (sigma := _assumed_sigma_log(engine))
    }
    found = {k.meta.name: unseen[k.engine] for k in program.kernels if k.is_fallback and k.engine in unseen}
    return found | {k.meta.name: _UNPRICED_SIGMA_LOG for k in program.kernels if k.is_displaced}


def _assumed_sigma_log(engine: Engine) -> float:
    """Return how vague an efficiency is by its bounds, a 90 % interval; 0 where any of it is evidence."""
    if any(share.provenance != "assumed" for share in engine.efficiency.values()):
        return 0.0
    ranges = [log(s.high / s.low) for s in engine.efficiency.values() if s.high and s.low]
    return max(ranges, default=0.0) / (2 * _SIGMAS)


def _sigma_log(
    kernels: tuple[KernelEstimate, ...], profile: DeviceProfile, vague: Mapping[str, float]
) -> float:
    """Return the standard deviation of log(latency): the profile's, wider with the share known vaguely."""
    whole_s = sum(kernel.latency_s for kernel in kernels)
    sigmas_s = sum(
        k.latency_s * (vague.get(k.name, 0.0) if k.is_priced else _UNPRICED_SIGMA_LOG) for k in kernels
    )
    return hypot(profile.accuracy.sigma_log.value, sigmas_s / whole_s if whole_s else 0.0)


def _unpriced(decomposition: Decomposition) -> tuple[Unpriced, ...]:
    """List the operators nobody priced, those inside loops and branches included."""
    nodes: dict[str, list[str]] = {}
    for meta in decomposition.meta_nodes:
        if not meta.is_priced:
            for step in (meta.node, *meta.node.epilogue):
                for hole in ops.unpriced(step):
                    nodes.setdefault(hole.op_type, []).append(hole.name)
    return tuple(Unpriced(op_type, len(names), tuple(names)) for op_type, names in sorted(nodes.items()))


def _fallbacks(kernels: tuple[KernelEstimate, ...], profile: DeviceProfile) -> tuple[Fallback, ...]:
    """Kernels on the host CPU of a device that has something faster."""
    engines = profile.engines
    if all(engine.role == "host" for engine in engines.values()):
        return ()
    return tuple(
        Fallback(kernel.name, kernel.engine, kernel.reason, kernel.handover_s + kernel.overhead_s)
        for kernel in kernels
        if kernel.engine in engines and engines[kernel.engine].role == "host" and not kernel.is_layout
    )


def _interval_sentence(profile: DeviceProfile) -> str:
    rows = units.counted(profile.accuracy.rows, "row")
    return f"the interval rests on {profile.accuracy.evidence} ({rows})"


def _layout_sentence(profile: DeviceProfile, layout: str) -> str:
    default = "the runtime's default" if layout == profile.deployment_layout else "as asked"
    return f"the network's ends are {layout} ({default}); the device works in {profile.native_layout}"
