"""Regressions: whether a latency is where the baseline says, within margins in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import units
from latencylab.comparison import explain
from latencylab.errors import ResultError
from latencylab.gating.baseline import Entry
from latencylab.gating.pricing import Case
from latencylab.gating.verdict import Check, Culprit, Place, Status
from latencylab.printable import listed
from latencylab.units import MS_PER_S, PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from latencylab.comparison import Change, Difference
    from latencylab.gating.config import Compare, Margins
    from latencylab.gating.loading import Settings
    from latencylab.result import Estimate

_MS_PER_PS = MS_PER_S / PS_PER_S
_SHOWN_STALE = 3


def check_regressions(
    compare: Compare, entries: Mapping[str, Entry], found: Mapping[Case, Estimate], settings: Settings
) -> Iterator[Check]:
    """Compare every estimate with the baseline's.

    Raises ResultError if an entry was made with another device profile or cost model: such numbers say
    nothing about the network.
    """
    _refuse_stale(entries, found, compare, settings)
    for case, estimate in found.items():
        entry = entries.get(str(case))
        if entry is None:
            yield _missing(compare, case, settings)
        else:
            yield _compared(compare.latency, case, entry, Entry.of(estimate), settings)
    known = {str(case) for case in found}
    for name in sorted(entries.keys() - known):
        yield _gone(compare, name, settings)


def _refuse_stale(
    entries: Mapping[str, Entry], found: Mapping[Case, Estimate], compare: Compare, settings: Settings
) -> None:
    reasons: dict[str, list[str]] = {}
    for case, estimate in found.items():
        entry = entries.get(str(case))
        reason = _staleness(entry, Entry.of(estimate), case) if entry else ""
        if reason:
            reasons.setdefault(reason, []).append(str(case))
    if reasons:
        told = "; ".join(f"{reason} ({listed(names, _SHOWN_STALE)})" for reason, names in reasons.items())
        raise ResultError(
            f"{compare.baseline} is stale, nothing was compared: {told}; run: {settings.update_command}"
        )


def _staleness(old: Entry, new: Entry, case: Case) -> str:
    """Why two numbers cannot be compared; a changed network is what the gate is for, and no reason."""
    if old.cost_model_version != new.cost_model_version:
        return f"the cost model went from version {old.cost_model_version} to {new.cost_model_version}"
    if old.device_sha256 != new.device_sha256:
        return f"the profile of {case.device} changed ({old.device_sha256[:8]} → {new.device_sha256[:8]})"
    if old.model_sha256 == new.model_sha256 and old != new:
        return "the same network, profile and cost model gave other numbers: the file was edited by hand"
    return ""


def _compared(margins: Margins, case: Case, old: Entry, new: Entry, settings: Settings) -> Check:
    difference = explain(old.parts, old.latency_ps, new.parts, new.latency_ps)
    before, after = old.latency_ps * _MS_PER_PS, new.latency_ps * _MS_PER_PS
    change_pct = 100 * difference.difference_ps / old.latency_ps if old.latency_ps else float("inf")
    is_slower = change_pct > margins.max_increase_pct and after - before > margins.min_increase_ms
    is_stale = -change_pct > margins.stale_if_faster_pct
    key, status = "max_increase_pct", _status(margins, is_slower=is_slower, is_stale=is_stale)
    text = f"latency {_ms(before)} → {_ms(after)} ms ({change_pct:+.2f} %)"
    culprits: tuple[Culprit, ...] = ()
    if is_slower:
        text += f" is more than {margins.max_increase_pct:g} % slower than the baseline"
        culprits = _blamed(difference)
    elif is_stale:
        key = "stale_if_faster_pct"
        text += (
            f" is more than {margins.stale_if_faster_pct:g} % faster: the baseline no longer guards it; "
            f"run: {settings.update_command}"
        )
    elif old.model_sha256 != new.model_sha256:
        text += ", the network changed"
    place = _place(settings, "latency", key)
    return Check(
        "comparison",
        "latency",
        case,
        status,
        text,
        place,
        after,
        before,
        culprits=culprits,
        differences=difference.terms,
    )


def _status(margins: Margins, *, is_slower: bool, is_stale: bool) -> Status:
    if margins.level == "off" and margins.stale_level == "off":
        return "off"
    level: Status = margins.level if is_slower else margins.stale_level if is_stale else "ok"
    return "ok" if level == "off" else level


def _blamed(difference: Difference) -> tuple[Culprit, ...]:
    """Name the meta-nodes that grew most; if none did, what the schedule makes of them."""
    worst = tuple(Culprit(change.name, change.part.kind, _growth(change)) for change in difference.worst())
    if worst:
        return worst
    terms = sorted(difference.schedule, key=lambda term: -term.difference_ps)
    return tuple(Culprit(t.name, "schedule", f"{_signed(t.difference_ps)} ms") for t in terms[:1])


def _growth(change: Change) -> str:
    return f"{change.verb}, {_signed(change.difference_ps)} ms"


def _missing(compare: Compare, case: Case, settings: Settings) -> Check:
    text = f"is not in {compare.baseline}; run: {settings.update_command}"
    return Check("comparison", "missing", case, compare.missing, text, _place(settings, "baseline"))


def _gone(compare: Compare, name: str, settings: Settings) -> Check:
    model, _, device = name.partition(" on ")
    text = f"is in {compare.baseline}, but no budget names it any more; run: {settings.update_command}"
    return Check("comparison", "gone", Case(model, device), compare.gone, text, _place(settings, "baseline"))


def _place(settings: Settings, *key: str) -> Place:
    return Place(settings.shown_path, settings.line_of("compare", *key), settings.dotted("compare", *key))


def _ms(value: float) -> str:
    return units.significant(value, 4)


def _signed(value_ps: int) -> str:
    sign = "+" if value_ps >= 0 else "-"
    return f"{sign}{units.significant(abs(value_ps) * _MS_PER_PS)}"
