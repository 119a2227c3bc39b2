"""The verdict: every check with what was found, and the one line that says why it failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from latencylab import units
from latencylab.printable import listed, one_line
from latencylab.result import rounded
from latencylab.units import MS_PER_S, PS_PER_S

if TYPE_CHECKING:
    from latencylab.comparison import Term
    from latencylab.gating.pricing import Case

SCHEMA_VERSION: Final = 1
_NAMED: Final = 3
_MS_PER_PS: Final = MS_PER_S / PS_PER_S

Kind = Literal["budget", "comparison", "rule"]
# off: switched off in the file. ok: nothing found. The others say how grave the finding is.
Status = Literal["off", "ok", "info", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Place:
    """What to edit: a file, its line, and the key there."""

    file: str
    line: int
    key: str

    def __str__(self) -> str:
        """Return `latencylab.toml:4 budget[0].latency_ms.max`."""
        return f"{self.file}:{self.line} {self.key}"


@dataclass(frozen=True, slots=True)
class Culprit:
    """A meta-node that caused a finding, and what it contributes, in words."""

    name: str
    kind: str
    share: str

    def __str__(self) -> str:
        """Return `depthtospace_0 (DepthToSpace, 6.86 ms)`."""
        return f"{self.name} ({self.kind}, {self.share})" if self.share else f"{self.name} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, for one network on one device.

    what: the quantity or the rule's id. text: the finding, a sentence without the network's name.
    value, limit, low, high: in the unit of `what`; None where the check has none.
    is_at_risk: the interval low..high straddles the limit. culprits: the worst first; `reason` names three.
    differences: from the baseline to now, meta-node by meta-node and the schedule's; they add up.
    """

    kind: Kind
    what: str
    case: Case
    status: Status
    text: str
    place: Place
    value: float | None = None
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    is_at_risk: bool = False
    culprits: tuple[Culprit, ...] = ()
    differences: tuple[Term, ...] = ()

    @property
    def reason(self) -> str:
        """Everything one needs to know, in one line."""
        return one_line(f"{self.case}: {self.text}{self._caused()}; edit {self.place}")

    def _caused(self) -> str:
        named = listed([str(culprit) for culprit in self.culprits], _NAMED)
        return f"; caused by {named}" if named else ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        found = {name: getattr(self, name) for name in ("value", "limit", "low", "high")}
        numbers = {name: None if value is None else rounded(value) for name, value in found.items()}
        return {
            "kind": self.kind,
            "what": self.what,
            "status": self.status,
            "text": self.text,
            "is_at_risk": self.is_at_risk,
            **numbers,
            **self.case.as_dict(),
            "place": {"file": self.place.file, "line": self.place.line, "key": self.place.key},
            "differences": [
                {"name": term.name, "difference_ms": rounded(term.difference_ps * _MS_PER_PS)}
                for term in self.differences
            ],
            "culprits": [{"name": c.name, "kind": c.kind, "share": c.share} for c in self.culprits],
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found. `gate` returns it; a failure is not an exception."""

    config: str
    checks: tuple[Check, ...]
    latencylab_version: str

    @property
    def passed(self) -> bool:
        """Whether no check of level error failed."""
        return not self.of("error")

    @property
    def exit_code(self) -> int:
        """0, or 1 where it failed."""
        return 0 if self.passed else 1

    def of(self, status: Status) -> tuple[Check, ...]:
        """Return the checks with one status, in the order of the file."""
        return tuple(check for check in self.checks if check.status == status)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks have each status, and how many are at risk."""
        found = Counter(check.status for check in self.checks)
        named: tuple[Status, ...] = ("ok", "info", "warn", "error", "off")
        at_risk = sum(check.is_at_risk for check in self.checks)
        return {name: found[name] for name in named} | {"at_risk": at_risk}

    @property
    def last_line(self) -> str:
        """Say why it failed, or what passed: the last line of every text format."""
        failed, checks = self.of("error"), units.counted(len(self.checks), "check")
        if failed:
            more = f" (and {len(failed) - 1} more above)" if len(failed) > 1 else ""
            return f"FAILED {len(failed)} of {checks}: {failed[0].reason}{more}"
        said = (f"{n} {word}" for word, n in _noteworthy(self.counts) if n)
        return f"PASSED {checks}{''.join(f', {part}' for part in said)}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as `--format json` writes it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "latencylab gate",
            "latencylab_version": self.latencylab_version,
            "config": self.config,
            "passed": self.passed,
            "reason": self.last_line,
            "counts": self.counts,
            "checks": [check.as_dict() for check in self.checks],
        }


def _noteworthy(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    warnings = "warning" if counts["warn"] == 1 else "warnings"
    return (
        (warnings, counts["warn"]),
        ("for information", counts["info"]),
        ("at risk", counts["at_risk"]),
        ("switched off", counts["off"]),
    )
