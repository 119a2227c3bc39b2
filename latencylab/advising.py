"""What to change: every rewrite's proposals, re-estimated by the same engine, ranked by the time they save.

Nothing here is a rule of thumb: a saving is the difference of two estimates under the same options.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from latencylab import fusion, pipeline, plugins, rewrites
from latencylab.errors import TilingError
from latencylab.result import Advice
from latencylab.rewrites import Change, changed_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from latencylab.device import DeviceProfile
    from latencylab.graph import Graph
    from latencylab.onnx_reader import Model
    from latencylab.result import Estimate

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

    combined: changes that build on one another, in the order in which they are made; combined_s: the latency
    with all of them.
    """

    latency_s: float
    what_ifs: tuple[WhatIf, ...]
    combined: tuple[Change, ...]
    combined_s: float

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


def advise(
    network: Model,
    profile: DeviceProfile,
    base: Estimate | None = None,
    *,
    dtype: str | None = None,
    rules: Iterable[str] | None = None,
    preserving: Sequence[str] = ("exact", "approximate", "retrain"),
) -> Advised:
    """Try every rule's changes on a network.

    base: the network's estimate, from `pipeline.price` with the same dtype (default: the profile's options).
    rules: names of the rewrites (default: all). preserving: which kinds of change to consider.
    Raises UnknownNameError for a rewrite nobody wrote.
    """
    base = base or pipeline.price(network, profile, dtype=dtype)
    pricing = Pricing(network, profile, base, dtype)
    names = tuple(rules) if rules is not None else plugins.names("rewrites")
    proposed = _proposals(pricing, network.graph, names, pricing.layout, preserving)
    found = [
        WhatIf(change, after_s, base.latency_s - after_s)
        for change in proposed
        if (after_s := _latency_s(pricing, network.graph, change, pricing.layout)) is not None
    ]
    found.sort(key=lambda what_if: (-what_if.saves_s, what_if.change.rule, what_if.change.text))
    result = Advised(base.latency_s, tuple(found), (), base.latency_s)
    combined, combined_s = _combined(pricing, result, preserving)
    return replace(result, combined=combined, combined_s=combined_s)


def with_advice(
    base: Estimate, network: Model, profile: DeviceProfile, *, dtype: str | None = None
) -> Estimate:
    """Return the estimate with what to change; arguments as `advise`."""
    return replace(base, advice=as_advice(advise(network, profile, base, dtype=dtype)))


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


def _proposals(
    pricing: Pricing, graph: Graph, rules: Iterable[str], layout: str, preserving: Sequence[str]
) -> list[Change]:
    """The changes that rules propose for a graph, those that change nothing here left out."""
    loaded = [rewrites.load(rule) for rule in rules]
    recognised = fusion.decompose(graph, IDIOMS).graph
    return [
        change
        for rule in loaded
        for change in rule.propose(recognised, pricing.profile)
        if change.preserves in preserving and (change.added or change.layout not in {None, layout})
    ]


def _latency_s(pricing: Pricing, graph: Graph, change: Change, layout: str) -> float | None:
    """Latency with a change; None where no tile of the changed network fits the device."""
    try:
        return pricing.latency_s(changed_graph(graph, change), change.layout or layout)
    except TilingError:
        return None


def _combined(
    pricing: Pricing, advised: Advised, preserving: Sequence[str]
) -> tuple[tuple[Change, ...], float]:
    """Make changes greedily, the best rule first; each rule proposes anew for the changed network."""
    graph, layout, latency_s = pricing.network.graph, pricing.layout, advised.latency_s
    chosen: list[Change] = []
    for rule in dict.fromkeys(what_if.change.rule for what_if in advised.worthwhile):
        for change in _proposals(pricing, graph, (rule,), layout, preserving):
            after_s = None if change.is_smaller else _latency_s(pricing, graph, change, layout)
            if after_s is not None and latency_s - after_s > SMALLEST_SHARE * advised.latency_s:
                graph, layout, latency_s = changed_graph(graph, change), change.layout or layout, after_s
                chosen.append(change)
    return tuple(chosen), latency_s
