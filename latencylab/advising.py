"""What to change: every rewrite's proposals, re-estimated by the same engine, ranked by the time they save.

Nothing here is a rule of thumb: a saving is the difference of two estimates under the same options.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from latencylab import fusion, pipeline, plugins, rewrites
from latencylab.errors import TilingError
from latencylab.result import Advice
from latencylab.rewrites import ORDER, Change, changed_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from onnx import ModelProto

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.onnx_reader import Model
    from latencylab.result import Estimate
    from latencylab.rewrites._applying import Applied
    from latencylab.rewrites._change import Preserves

# Spellings that exporters choose; the rules see one operator for each.
IDIOMS: Final = (
    "reshape_transpose_reshape",
    "channel_replicate",
    "minmax_clip",
    "pad_conv",
)
# Below a thousandth of the latency a change is not worth a sentence.
SMALLEST_SHARE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A change and the latency with it; saves_s may be negative."""

    change: Change
    latency_s: float
    saves_s: float


@dataclass(frozen=True, slots=True)
class Advised:
    """All proposals, the most worthwhile first, and the best of them together.

    base: the network as it is. combined: changes that build on one another, in the order in which they are
    made; combined_s: the latency with all of them.
    """

    base: Estimate
    what_ifs: tuple[WhatIf, ...]
    combined: tuple[Change, ...]
    combined_s: float

    @property
    def latency_s(self) -> float:
        """Latency of the network as it is."""
        return self.base.latency_s

    def by(self, rule: str) -> tuple[WhatIf, ...]:
        """The proposals of one rule."""
        return tuple(w for w in self.what_ifs if w.change.rule == rule)

    @property
    def worthwhile(self) -> tuple[WhatIf, ...]:
        """The proposals that save time."""
        return tuple(w for w in self.what_ifs if w.saves_s > SMALLEST_SHARE * self.latency_s)


class Pricing:
    """The options that all estimates of one piece of advice share."""

    def __init__(self, network: Model, profile: DeviceProfile, base: Estimate, dtype: str | None) -> None:
        self.network = network
        self.profile = profile
        self.layout = base.device.layout
        self._engine = base.engine
        self._dtype = dtype

    def latency_s(self, graph: Graph, layout: str) -> float:
        """Estimate a changed graph."""
        changed = replace(self.network, graph=graph)
        return pipeline.price(changed, self.profile, self._engine, dtype=self._dtype, layout=layout).latency_s


def advise(  # noqa: PLR0913 - every option of the command, by keyword
    model: str | Path | bytes | ModelProto,
    device: str | Path | DeviceProfile = "dolphin_npu",
    engine: str | None = None,
    *,
    rules: Iterable[str] | None = None,
    preserving: Sequence[Preserves] = ORDER,
    dtype: str | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    layout: str | None = None,
    strict: bool = False,
    name: str | None = None,
) -> Advised:
    """Say what to change in a network, ranked by the time it saves on a device.

    rules: names of the rewrites (default: all). preserving: which kinds of change to consider.
    Everything else is as `estimate` takes it.

    Raises UnknownNameError for a rewrite nobody wrote, and the errors of `estimate`.
    """
    network, profile = pipeline.read(model, dims=dims, shapes=shapes, name=name), pipeline.load_device(device)
    base = pipeline.price(network, profile, engine, dtype=dtype, layout=layout, strict=strict)
    return weighed(network, profile, base, dtype=dtype, rules=rules, preserving=preserving)


def apply(
    model: str | Path | bytes,
    changes: Sequence[Change],
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Applied:
    """Make changes that preserve the function exactly, one after the other: a model, verified by onnxruntime.

    model, dims, shapes: what `advise` was given. changes: its `combined`, or one of its `what_ifs`; those
    that only concern the deployment leave the file as it is.

    Raises LatencyLabError where the outputs differ on random input, or a change claims less than exactness,
    and ModelError where the weights are not to be had.
    """
    from latencylab.rewrites import (
        _applying,
    )  # it runs onnxruntime, which advice without a file does not need

    written = [change for change in changes if change.added]
    return _applying.applied(_applying.load(model), written, dims=dims, shapes=shapes)


def weighed(
    network: Model,
    profile: DeviceProfile,
    base: Estimate | None = None,
    *,
    dtype: str | None = None,
    rules: Iterable[str] | None = None,
    preserving: Sequence[Preserves] = ORDER,
) -> Advised:
    """Try every rule's changes on a network that `pipeline.read` returned; arguments and errors as `advise`.

    base: the network's estimate, from `pipeline.price` with the same dtype (default: the profile's options).
    """
    base = base or pipeline.price(network, profile, dtype=dtype)
    pricing = Pricing(network, profile, base, dtype)
    names = tuple(rules) if rules is not None else plugins.names("rewrites")
    state = _State(network.graph, pricing.layout, base.latency_s)
    found = _what_ifs(pricing, state, names, preserving)
    result = Advised(base, found, (), base.latency_s)
    combined, combined_s = _combined(pricing, result, state, preserving)
    return replace(result, combined=combined, combined_s=combined_s)


def with_advice(
    base: Estimate, network: Model, profile: DeviceProfile, *, dtype: str | None = None
) -> Estimate:
    """Return the estimate with what to change; arguments as `weighed`."""
    return replace(base, advice=as_advice(weighed(network, profile, base, dtype=dtype)))


def as_advice(advised: Advised) -> tuple[Advice, ...]:
    """Return what an Estimate carries: changes that save time, and what the best of them save together."""
    lines = [Advice(sentence(w.change), w.saves_s, w.change.nodes) for w in advised.worthwhile]
    if len(advised.combined) > 1:
        nodes = dict.fromkeys(name for change in advised.combined for name in change.nodes)
        steps = ", then ".join(dict.fromkeys(change.rule for change in advised.combined))
        lines.append(Advice(f"together: {steps}", advised.latency_s - advised.combined_s, tuple(nodes)))
    return tuple(lines)


def sentence(change: Change) -> str:
    """Say what to do and what it does to the network's function."""
    said: Mapping[str, str] = {
        "exact": "exact" + (f" if {change.given}" if change.given else ""),
        "approximate": "approximate",
        "retrain": "needs retraining",
    }
    return f"{change.text} [{said[change.preserves]}]"


@dataclass(frozen=True, slots=True)
class _State:
    """A network as it is after some changes, the layout it is deployed in, and its latency."""

    graph: Graph
    layout: str
    latency_s: float

    def after(self, what_if: WhatIf) -> _State:
        """Make a change."""
        change = what_if.change
        return _State(changed_graph(self.graph, change), change.layout or self.layout, what_if.latency_s)


def _what_ifs(
    pricing: Pricing, state: _State, rules: Iterable[str], preserving: Sequence[Preserves]
) -> tuple[WhatIf, ...]:
    """Price what rules propose for a network, the most worthwhile first."""
    found = [
        WhatIf(change, after_s, state.latency_s - after_s)
        for change in _proposals(pricing, state, rules)
        if change.preserves in preserving and (after_s := _latency_s(pricing, state, change)) is not None
    ]
    return tuple(sorted(found, key=lambda w: (-w.saves_s, w.change.rule, w.change.text)))


def _proposals(pricing: Pricing, state: _State, rules: Iterable[str]) -> list[Change]:
    """The changes that rules propose for a network, those that change nothing here left out."""
    loaded = [rewrites.load(rule) for rule in rules]
    recognised = fusion.decompose(state.graph, IDIOMS).graph
    proposed = (change for rule in loaded for change in rule.propose(recognised, pricing.profile))
    return [change for change in proposed if change.added or change.layout not in {None, state.layout}]


def _latency_s(pricing: Pricing, state: _State, change: Change) -> float | None:
    """Latency with a change; None where no tile of the changed network fits the device."""
    try:
        return pricing.latency_s(changed_graph(state.graph, change), change.layout or state.layout)
    except TilingError:
        return None


def _combined(
    pricing: Pricing, advised: Advised, state: _State, preserving: Sequence[Preserves]
) -> tuple[tuple[Change, ...], float]:
    """Make changes greedily, the best rule first and its best change first.

    A change is written for the network it was proposed for: after each one its rule proposes anew. A rule
    that saves nothing by itself may do so once another one was applied.
    """
    known = {node.name for node in state.graph.nodes} | set(state.graph.tensors)
    least_s = SMALLEST_SHARE * advised.latency_s
    chosen: list[Change] = []
    for rule in dict.fromkeys(what_if.change.rule for what_if in advised.what_ifs):
        found = _what_ifs(pricing, state, (rule,), preserving) if chosen else advised.by(rule)
        while (best := _best(found, least_s)) is not None:
            state = state.after(best)
            # What earlier changes added is not in the file.
            own = tuple(name for name in best.change.nodes if name in known)
            chosen.append(replace(best.change, nodes=own))
            found = _what_ifs(pricing, state, (rule,), preserving)
    return tuple(chosen), state.latency_s


def _best(found: Iterable[WhatIf], least_s: float) -> WhatIf | None:
    """The first that saves enough and leaves the network its capacity."""
    return next((w for w in found if w.saves_s > least_s and not w.change.is_smaller), None)
