"""Where the candidates of one device stand: order, ties, Pareto front, and MACs that mislead."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Final

from latencylab.comparison import explain, parts, picoseconds
from latencylab.ranking.candidate import Inversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from latencylab.comparison import Change
    from latencylab.ranking.candidate import Candidate
    from latencylab.ranking.ties import Judge

# A network this much smaller ought to be faster, if MACs decided.
_HALF: Final = 0.5
_CAUSES: Final = 3


def placed(candidates: Sequence[Candidate], judge: Judge) -> tuple[Candidate, ...]:
    """Rank the candidates of one device, the best first: by score where they have one, else by latency."""
    scored = [c for c in candidates if c.score is not None]
    ranked = scored or list(candidates)
    unranked = [c for c in candidates if scored and c.score is None]
    ordered = sorted(ranked, key=lambda c: (-_merit(c), c.name))
    result = [_ranked(candidate, ordered, judge) for candidate in ordered]
    result += sorted(unranked, key=lambda c: (c.latency_ms, c.name))
    return tuple(_dominated(candidate, candidates, judge) for candidate in result)


def _merit(candidate: Candidate) -> float:
    """Logarithm of what candidates are ordered by; an error of the latency is as large an error of it."""
    if candidate.score is not None:
        return log(candidate.score)
    return -log(candidate.latency_ms)


def _ranked(candidate: Candidate, others: Sequence[Candidate], judge: Judge) -> Candidate:
    """Count who is told to be better; who is neither better nor worse is a tie."""
    better, tied = 0, []
    for other in others:
        if other is candidate:
            continue
        ahead = _merit(other) - _merit(candidate)
        if judge.is_told(ahead, other.estimate, candidate.estimate):
            better += 1
        elif not judge.is_told(-ahead, candidate.estimate, other.estimate):
            tied.append((abs(ahead), other.name))
    return replace(candidate, rank=better + 1, tied_with=tuple(name for _, name in sorted(tied)))


def _dominated(candidate: Candidate, others: Sequence[Candidate], judge: Judge) -> Candidate:
    found = [other for other in others if other is not candidate and _dominates(other, candidate)]
    if not found:
        return candidate
    best = max(found, key=lambda other: (other.quality_db or 0.0, -other.latency_ms, other.name))
    is_told = _is_told_slower(candidate, best, judge)
    return replace(candidate, dominated_by=best.name, is_dominance_told=is_told)


def _dominates(one: Candidate, other: Candidate) -> bool:
    """At least as good and at least as fast, and not the same in both."""
    if one.quality_db is None or other.quality_db is None or one.name == other.name:
        return False
    as_good = one.quality_db >= other.quality_db and one.latency_ms <= other.latency_ms
    return as_good and (one.quality_db, one.latency_ms) != (other.quality_db, other.latency_ms)


def inversions(candidates: Sequence[Candidate], judge: Judge) -> Iterator[Inversion]:
    """Networks with at most half the MACs of a faster one: the most striking pair of each.

    A pair that the model can tell apart says more than one it cannot, and of several the largest network.
    Comparing meta-node by meta-node says which of them the time goes to.
    """
    for slower in candidates:
        macs = slower.estimate.model.macs
        faster = [
            other
            for other in candidates
            if macs <= _HALF * other.estimate.model.macs and slower.latency_ms > other.latency_ms
        ]
        if faster:
            told = [other for other in faster if _is_told_slower(slower, other, judge)]
            other = max(told or faster, key=lambda c: (c.estimate.model.macs, c.name))
            yield Inversion(slower, other, _causes(slower, other), is_told=bool(told))


def _is_told_slower(slower: Candidate, faster: Candidate, judge: Judge) -> bool:
    ahead = log(slower.latency_ms / faster.latency_ms)
    return judge.is_told(ahead, faster.estimate, slower.estimate)


def _causes(slower: Candidate, faster: Candidate) -> tuple[Change, ...]:
    base, head = faster.estimate, slower.estimate
    difference = explain(parts(base), picoseconds(base.latency_s), parts(head), picoseconds(head.latency_s))
    return difference.worst(_CAUSES)
