"""What no single table of a profile shows: engines that cannot do what is asked of them, shares above 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from latencylab import dtypes, units
from latencylab.device.faults import Fault
from latencylab.device.words import ANY, FREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from latencylab.device.schema import DeviceProfile, Engine

_TYPES = frozenset(dtypes.BITS)
# Of several types the first of these is told.
_COMMON = ("float32", "uint8", "int8", "float16")
# Operators whose arithmetic is multiply-accumulates; any other one needs lanes, or a measured rate.
_MULTIPLYING = frozenset(
    {"Conv", "ConvTranspose", "ConvInteger", "DeformConv", "CausalConvWithState", "QLinearConv"}
    | {"Gemm", "QGemm", "MatMul", "MatMulInteger", "MatMulNBits", "QLinearMatMul", "Einsum"}
    | {"RNN", "GRU", "LSTM", "Attention", "MultiHeadAttention", "QAttention"}
)


def contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    """List every contradiction of a profile whose tables are each in order."""
    yield from _engine_contradictions(profile)
    yield from _operator_contradictions(profile)
    yield from _memory_contradictions(profile)
    rules = [rule.id for rule in profile.rules]
    for rule in dict.fromkeys(rule for rule in rules if rules.count(rule) > 1):
        yield Fault(("rules",), f"found {rule!r} more than once")
    hosts = [name for name, engine in profile.engines.items() if engine.role == "host"]
    if len(hosts) > 1:
        yield Fault(("engines",), f"found hosts {', '.join(hosts)}, expected at most one")


def _memory_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    reserved = sum(e.dram_share.value for e in profile.engines.values() if e.dram_share is not None)
    # Shares such as 0.1 do not add up exactly.
    if reserved > 1 + 1e-9:
        yield Fault(("engines",), f"found dram_share adding up to {reserved:g}, expected at most 1")
    if profile.device_class == "npu" and profile.memory.scratchpad is None:
        yield Fault(("memory", "scratchpad"), "missing, an NPU computes out of its scratchpad")


def _engine_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    if not profile.engines:
        yield Fault(("engines",), "found none, expected at least one")
    if FREE in profile.engines:
        yield Fault(
            ("engines", FREE), "an engine may not be called free: that word declares an operator costless"
        )
    for name, engine in profile.engines.items():
        has_macs = any(v.value for v in engine.macs_per_cycle.values())
        has_lanes = any(v.value for v in engine.lanes.values())
        if engine.role == "matrix" and not has_macs:
            yield Fault(("engines", name, "macs_per_cycle"), "missing, a matrix engine multiplies")
        if engine.role in {"vector", "host"} and not has_lanes:
            text = f"missing, a {engine.role} engine computes element by element"
            yield Fault(("engines", name, "lanes"), text)
        if has_lanes and engine.cycles_per_op is None:
            yield Fault(("engines", name, "cycles_per_op"), "missing, lanes need the cycles of an operation")


def _operator_contradictions(profile: DeviceProfile) -> Iterator[Fault]:
    if ANY not in profile.operators.get(ANY, {}):
        yield Fault(("operators", ANY, ANY), "missing, every operator must run somewhere")
    able = {name: _Ability.of(engine) for name, engine in profile.engines.items()}
    for op_type, types in profile.operators.items():
        if FREE in types.values() and not profile.free_reasons.get(op_type):
            yield Fault(("free_reasons", op_type), "missing, a free operator states why it costs nothing")
        is_costed = op_type not in profile.views and op_type not in _MULTIPLYING
        for dtype, name in types.items():
            if name in able:
                # "*" stands for every type that the operator does not name.
                asked = _TYPES - types.keys() if dtype == ANY else {dtype}
                text = able[name].refusal(op_type, asked, needs_lanes=is_costed)
                if text:
                    yield Fault(("operators", op_type, dtype), f"found {name!r}, which {text}")


class _Ability(NamedTuple):
    """Element types an engine can work on, those it has lanes for, and operators whose rate it states."""

    types: frozenset[str]
    lanes: frozenset[str]
    rated: frozenset[str]

    @classmethod
    def of(cls, engine: Engine) -> _Ability:
        return cls(
            frozenset(dtype for dtype in _TYPES if engine.computes(dtype)),
            frozenset(dtype for dtype in _TYPES if engine.unit_lanes(dtype)),
            frozenset(engine.element_cycles),
        )

    def refusal(self, op_type: str, asked: Set[str], *, needs_lanes: bool) -> str:
        """Say why it cannot run an operator on one of these types; "" where it can run it on all."""
        if missing := asked - self.types:
            return f"has neither MACs nor lanes for {_counted(missing)}"
        if needs_lanes and op_type not in self.rated and (missing := asked - self.lanes):
            return f"has no lanes for {_counted(missing)}: it would cost nothing"
        return ""


def _counted(types: Set[str]) -> str:
    first = next(dtype for dtype in (*_COMMON, *sorted(types)) if dtype in types)
    return first if len(types) == 1 else f"{first} and {units.counted(len(types) - 1, 'other type')}"
