"""Ranking: networks on devices, by challenge score or latency, with ties named and the Pareto front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from latencylab import __version__, pipeline
from latencylab.binding import dealt
from latencylab.errors import ConfigError, LatencyLabError, UnknownNameError, naming
from latencylab.ranking.candidate import Candidate, Inversion, Ranking
from latencylab.ranking.entrant import entrants
from latencylab.ranking.placing import inversions, placed
from latencylab.ranking.quality import check_plausible, quality_of, read_quality
from latencylab.ranking.score import score, solve_log2_c
from latencylab.ranking.ties import CONFIDENCE, Judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.binding import Dims, Shapes
    from latencylab.device import DeviceProfile
    from latencylab.onnx_reader import Model
    from latencylab.ranking.entrant import Entrant, Source
    from latencylab.result import Estimate

__all__ = ["Candidate", "Inversion", "Ranking", "rank", "read_quality"]

# What the best of a device scores where no reference is named.
_BEST_SCORE: Final = 100.0


def rank(  # noqa: PLR0913 - every option of the command, by keyword
    models: Sequence[Source],
    devices: Sequence[str | Path | DeviceProfile] = ("dolphin_npu",),
    *,
    quality: Mapping[str, float] | str | Path | None = None,
    reference: tuple[str, float] | None = None,
    confidence: float = CONFIDENCE,
    residual_correlation: float | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    **pricing: Any,
) -> Ranking:
    """Order networks on each device.

    models: paths, "zoo:NAME", or the bytes of one file, called "stdin". devices: as `estimate` takes them.
    quality: dB by model name, or a CSV with the columns `model` and `psnr_db`.
    reference: (model, published score): fixes the score's constant C, device by device; without it, the best
        scores 100.
    confidence: probability from which an order is told, and not a tie. residual_correlation: of the errors of
        two networks that spend their time alike; None: what the device's profile states (docs/ranking.md).
    dims, shapes, pricing: as `estimate` takes them; each network takes of the first two what fits it.

    Raises ConfigError for an unusable quality file, UnknownNameError for a reference that is not ranked, and
    the errors of `estimate`.
    """
    qualities = read_quality(quality) if isinstance(quality, str | Path) else dict(quality or {})
    check_plausible(qualities)
    judge = Judge(confidence, residual_correlation)
    profiles = [pipeline.load_device(device) for device in devices]
    entered = entrants(models)
    bound = dealt([entrant.source for entrant in entered], dims, shapes)
    networks = [_read(entrant, *own) for entrant, own in zip(entered, bound, strict=True)]
    candidates: list[Candidate] = []
    found: list[Inversion] = []
    for profile in profiles:
        group = [
            Candidate(e.name, _priced(e, network, profile, pricing), quality_of(e.names, qualities))
            for e, network in zip(entered, networks, strict=True)
        ]
        group = list(placed(_scored(group, reference, entered), judge))
        candidates += group
        found += inversions(group, judge)
    notes = tuple(_notes(entered, qualities))
    return Ranking(
        tuple(candidates), tuple(found), _basis(candidates, reference), confidence, notes, __version__
    )


def _read(entrant: Entrant, dims: Dims, shapes: Shapes) -> Model:
    with naming(pipeline.shown(entrant.source)):
        return pipeline.read(entrant.source, dims=dims, shapes=shapes, name=entrant.name)


def _priced(entrant: Entrant, network: Model, profile: DeviceProfile, pricing: Mapping[str, Any]) -> Estimate:
    with naming(entrant.name):
        estimate = pipeline.price(network, profile, **pricing)
    if not estimate.latency_s:
        raise LatencyLabError(f"{entrant.name} takes no time on {profile.name}: there is nothing to rank")
    return estimate


def _scored(
    group: list[Candidate], reference: tuple[str, float] | None, entered: Sequence[Entrant]
) -> list[Candidate]:
    """Give a score to those with a quality."""
    if all(candidate.quality_db is None for candidate in group):
        if reference is not None:
            raise ConfigError("a reference score needs qualities: none of the networks has one")
        return group
    log2_c = _log2_c(group, reference, entered)
    return [
        candidate
        if candidate.quality_db is None
        else replace(candidate, score=score(candidate.quality_db, candidate.latency_ms, log2_c))
        for candidate in group
    ]


def _log2_c(group: list[Candidate], reference: tuple[str, float] | None, entered: Sequence[Entrant]) -> float:
    if reference is None:
        known = [(c.quality_db, c.latency_ms) for c in group if c.quality_db is not None]
        return max(solve_log2_c(quality, latency_ms, _BEST_SCORE) for quality, latency_ms in known)
    wanted, published = reference
    if published <= 0:
        raise ConfigError(f"the reference score of {wanted} must be above zero, found {published:g}")
    asked = {entrant.name for entrant in entered if wanted in entrant.names}
    for candidate in group:
        if candidate.name in asked:
            if candidate.quality_db is None:
                raise ConfigError(f"the reference {wanted} has no quality")
            return solve_log2_c(candidate.quality_db, candidate.latency_ms, published)
    raise UnknownNameError("reference", wanted, [candidate.name for candidate in group])


def _basis(candidates: Sequence[Candidate], reference: tuple[str, float] | None) -> str:
    if all(candidate.score is None for candidate in candidates):
        return ""
    if reference is None:
        return f"C so that the best on each device scores {_BEST_SCORE:g}"
    return f"C so that {reference[0]} scores {reference[1]:g} on each device"


def _notes(entered: Sequence[Entrant], qualities: Mapping[str, float]) -> list[str]:
    """Say what of the quality file was not used, and which networks it does not know."""
    if not qualities:
        return []
    used = {name for entrant in entered for name in entrant.names}
    unused = [name for name in qualities if name not in used]
    unknown = [entrant.name for entrant in entered if quality_of(entrant.names, qualities) is None]
    notes = [f"no quality for {', '.join(unknown)}: not scored"] if unknown else []
    return notes + ([f"qualities of no ranked network: {', '.join(unused)}"] if unused else [])
