"""Candidate and Ranking: what a ranking says, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latencylab import units
from latencylab.result import rounded

if TYPE_CHECKING:
    import pandas as pd

    from latencylab.comparison import Change
    from latencylab.result import Estimate


@dataclass(frozen=True, slots=True)
class Candidate:
    """One network on one device, and where it stands among the others there.

    rank: 1 + the number of candidates that are told to be better; None without a quality where others have
        one.
    tied_with: names that the model cannot tell from it, nearest first.
    dominated_by: a candidate that is at least as good and as fast; "" on the front or without a quality.
    is_dominance_told: whether that one is told to be faster, too.
    """

    name: str
    estimate: Estimate
    quality_db: float | None = None
    score: float | None = None
    rank: int | None = None
    tied_with: tuple[str, ...] = ()
    dominated_by: str = ""
    is_dominance_told: bool = False

    @property
    def device(self) -> str:
        """Device and runtime, as `--device` takes them."""
        info = self.estimate.device
        return f"{info.name}:{info.runtime}" if info.runtime else info.name

    @property
    def latency_ms(self) -> float:
        """Predicted latency."""
        return self.estimate.latency_s * units.MS_PER_S

    @property
    def is_on_front(self) -> bool:
        """Whether no other is at least as good and at least as fast."""
        return self.quality_db is not None and not self.dominated_by

    def as_dict(self) -> dict[str, Any]:
        """Return a row of plain data, units in the names."""
        estimate = self.estimate
        return {
            "model": self.name,
            "device": estimate.device.name,
            "runtime": estimate.device.runtime,
            "engine_model": estimate.engine,
            "rank": self.rank,
            "latency_ms": rounded(self.latency_ms),
            "latency_low_ms": rounded(estimate.low_s * units.MS_PER_S),
            "latency_high_ms": rounded(estimate.high_s * units.MS_PER_S),
            "quality_db": self.quality_db,
            "score": None if self.score is None else rounded(self.score),
            "is_on_front": self.is_on_front,
            "dominated_by": self.dominated_by,
            "is_dominance_told": self.is_dominance_told,
            "tied_with": list(self.tied_with),
            "macs": estimate.model.macs,
            "parameters": estimate.model.parameters,
            "dram_bytes": estimate.dram_bytes,
            "unpriced": sum(item.count for item in estimate.unpriced),
        }


@dataclass(frozen=True, slots=True)
class Inversion:
    """A network with at most half the MACs of another that is slower all the same, and what makes it so.

    causes: the meta-nodes that add most time, against the other network's. is_told: whether the model is sure
    which of the two is slower.
    """

    slower: Candidate
    faster: Candidate
    causes: tuple[Change, ...]
    is_told: bool

    def __str__(self) -> str:
        """Say it in a sentence."""
        share = self.slower.estimate.model.macs / self.faster.estimate.model.macs
        times = self.slower.latency_ms / self.faster.latency_ms
        causes = ", ".join(
            f"{c.part.name} ({c.part.kind} on {c.part.engine}, "
            f"{units.significant(c.part.latency_ps / units.PS_PER_S * units.MS_PER_S)} ms)"
            for c in self.causes
        )
        doubt = "" if self.is_told else " (tied in time)"
        return (
            f"{self.slower.name} has {100 * share:.0f} % of the MACs of {self.faster.name}, "
            f"yet takes {times:.2f} times as long{doubt}: {causes}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "slower": self.slower.name,
            "faster": self.faster.name,
            "device": self.slower.device,
            "is_told": self.is_told,
            "causes": [
                {
                    "name": c.part.name,
                    "kind": c.part.kind,
                    "engine": c.part.engine,
                    "latency_ms": rounded(c.part.latency_ps / units.PS_PER_S * units.MS_PER_S),
                    "adds_ms": rounded(c.difference_ps / units.PS_PER_S * units.MS_PER_S),
                }
                for c in self.causes
            ],
        }


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, device by device, the best first.

    score_basis: what fixed the constant C of the scores; "" without qualities. confidence: the probability
    from which an order is told. notes: e.g. rows of the quality file that fit no network.
    """

    candidates: tuple[Candidate, ...]
    inversions: tuple[Inversion, ...]
    score_basis: str
    confidence: float
    notes: tuple[str, ...]
    latencylab_version: str

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices in the order asked for."""
        return tuple(dict.fromkeys(candidate.device for candidate in self.candidates))

    @property
    def has_quality(self) -> bool:
        """Whether any candidate has a quality."""
        return any(candidate.quality_db is not None for candidate in self.candidates)

    def on(self, device: str) -> tuple[Candidate, ...]:
        """Candidates on one device, the best first."""
        return tuple(candidate for candidate in self.candidates if candidate.device == device)

    def front(self, device: str) -> tuple[Candidate, ...]:
        """The Pareto front of quality against latency on one device, the fastest first."""
        front = (candidate for candidate in self.on(device) if candidate.is_on_front)
        return tuple(sorted(front, key=lambda candidate: candidate.latency_ms))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as `--format json` writes it."""
        return {
            "schema_version": 1,
            "kind": "latencylab ranking",
            "latencylab_version": self.latencylab_version,
            "score_basis": self.score_basis,
            "confidence": self.confidence,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
            "inversions": [inversion.as_dict() for inversion in self.inversions],
            "notes": list(self.notes),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the candidates as a pandas DataFrame, a row each, units in the columns' names."""
        import pandas as pd

        return pd.DataFrame([candidate.as_dict() for candidate in self.candidates])
