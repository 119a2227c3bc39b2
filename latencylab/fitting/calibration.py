"""A calibration from rows to findings: before, fitted, and with every network left out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from latencylab import device as devices
from latencylab import units
from latencylab.device.registry import split_runtime
from latencylab.errors import ConfigError, LatencyLabError
from latencylab.fitting.agreement import Agreement, agreement, sigma_of_interval
from latencylab.fitting.choice import chosen as choose
from latencylab.fitting.choice import covers
from latencylab.fitting.leaving_out import LeftOut, leave_one_network_out, require_milliseconds
from latencylab.fitting.predictor import Predictor
from latencylab.fitting.rows import FIT, Row, narrowed, require_distinct
from latencylab.fitting.solver import Fit, effects, fit, require_determined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from latencylab.device import DeviceProfile
    from latencylab.fitting.choice import Parameter

# A parameter that moves no row by so much when halved or doubled is not what these rows tell about.
_LEAST_EFFECT: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a fit found.

    chosen: the parameters fitted. untouched: those set aside because no row depends on them.
    before_ms, fit.predicted_ms: of every row of the predictor, in order. left_out: rows predicted by fits
    that had not seen their network; empty where that was not asked for or there is but one network.
    sources: names of the files that the rows came from.
    """

    predictor: Predictor
    chosen: tuple[Parameter, ...]
    untouched: tuple[Parameter, ...]
    before_ms: tuple[float, ...]
    fit: Fit
    left_out: tuple[LeftOut, ...]
    sources: tuple[str, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, fitted or only reported."""
        return self.predictor.rows

    def of(self, parameter: Parameter) -> tuple[Row, ...]:
        """Fitted rows that a parameter holds for."""
        return tuple(
            row
            for row in self.rows
            if row.role == FIT
            and covers(parameter.device, row.device, self.predictor.profile(row.device).runtime.name)
            and parameter.path in self.predictor.profile(row.device).parameters()
        )

    def fitted(self, rows: Sequence[Row]) -> Agreement | None:
        """Agreement of the fit itself with rows it has seen."""
        return self._agreement(rows, dict(zip(self._ids(), self.fit.predicted_ms, strict=True)))

    def before(self, rows: Sequence[Row]) -> Agreement | None:
        """Agreement of the profiles as they stood."""
        return self._agreement(rows, dict(zip(self._ids(), self.before_ms, strict=True)))

    def unseen(self, rows: Sequence[Row]) -> Agreement | None:
        """Agreement with rows whose network was left out and runs nothing that no other network does."""
        predicted = {out.row.id: out.predicted_ms for out in self.left_out if not out.is_foreign}
        return self._agreement([row for row in rows if row.id in predicted], predicted)

    def sigma_log(self, rows: Sequence[Row]) -> float | None:
        """Sigma of the interval from rows left out; None where nothing could be.

        Differences of networks say nothing of the interval of a network, nor do foreign operators.
        """
        ids = {row.id for row in rows if not row.minus}
        outs = [out for out in self.left_out if out.row.id in ids and not out.is_foreign]
        if not outs:
            return None
        return sigma_of_interval([out.row.latency_ms for out in outs], [out.predicted_ms for out in outs])

    def _ids(self) -> list[str]:
        return [row.id for row in self.rows]

    def _agreement(self, rows: Sequence[Row], predicted: dict[str, float]) -> Agreement | None:
        return agreement([row.latency_ms for row in rows], [predicted[row.id] for row in rows])


def calibrate(
    rows: Sequence[Row],
    chosen: Sequence[Parameter],
    *,
    sources: Sequence[str] = (),
    leave_out: bool = True,
    progress: Callable[[str], None] = lambda _text: None,
) -> Calibration:
    """Fit the chosen parameters to the rows, and again without each network.

    Raises ConfigError for rows that cannot determine them or are not in milliseconds, and the errors of
    reading for rows whose device or model cannot be used.
    """
    predictor = Predictor(rows)
    used = [row for row in rows if row.role == FIT]
    progress(f"reading {len({row.model for row in rows})} networks")
    _require_settable(predictor)
    before_ms = tuple(predictor.predict_ms({}))
    _require_differences(rows, before_ms)
    require_milliseconds(rows, before_ms)
    progress(f"what {units.counted(len(chosen), 'parameter')} may do")
    moved = effects(predictor, chosen, used) if used else {}
    kept = tuple(p for p in chosen if moved.get(p.name, 0.0) >= _LEAST_EFFECT)
    if chosen and used and not kept:
        raise ConfigError(f"no row depends on {', '.join(p.name for p in chosen[:6])}: nothing to fit")
    require_determined(used, kept)
    progress(f"fitting {units.counted(len(kept), 'parameter')} to {units.counted(len(used), 'row')}")
    found = fit(predictor, kept)
    left_out = leave_one_network_out(predictor, kept, progress=progress) if leave_out else ()
    untouched = tuple(p for p in chosen if p not in kept)
    return Calibration(predictor, kept, untouched, before_ms, found, left_out, tuple(sources))


def _require_settable(predictor: Predictor) -> None:
    """Raise the error of a value that a row sets for itself and its profile does not take, naming the row."""
    for row in predictor.rows:
        try:
            predictor.profile_with(row, {})
        except LatencyLabError as error:
            error.args = (f"row {row.id}: set: {error}",)
            raise


def _require_differences(rows: Sequence[Row], predicted_ms: Sequence[float]) -> None:
    """Raise ConfigError for a row whose `minus` takes longer than its `model`: no logarithm is left."""
    for row, milliseconds in zip(rows, predicted_ms, strict=True):
        if row.minus and milliseconds <= 0:
            raise ConfigError(f"row {row.id}: minus {row.minus} takes longer than {row.model}: swapped?")


def rows_of(profiles: Sequence[str], rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows of the named profiles, their device spelled as the profile was asked for.

    profiles: NAME (every runtime of it), NAME:RUNTIME, or paths. A row's device is a profile's name or alias.
    Raises ConfigError if none is left.
    """
    require_distinct(rows, "rows")
    found = tuple(own for row in rows for own in _asked(profiles, row))
    if not found:
        named = ", ".join(sorted({row.device for row in rows})[:6])
        raise ConfigError(f"no row is of {', '.join(profiles)}: the rows name {named}")
    return found


def _asked(profiles: Sequence[str], row: Row) -> Iterator[Row]:
    """The row under the first profile that it belongs to."""
    device, runtime = split_runtime(row.device)
    for asked in profiles:
        name, wanted = split_runtime(asked)
        if device in {name, *_names(name)} and (wanted is None or runtime in {None, wanted}):
            chosen_runtime = runtime or wanted
            yield narrowed(row, device=f"{name}:{chosen_runtime}" if chosen_runtime else name)
            return


def _names(profile: str) -> tuple[str, ...]:
    loaded = devices.load(profile)
    return (loaded.name, *loaded.aliases)


def offered(
    rows: Sequence[Row], patterns: Sequence[str], predictor: Predictor | None = None
) -> tuple[Parameter, ...]:
    """Parameters that the profiles of the rows offer, or those that patterns name: see `choice.chosen`."""
    source = predictor or Predictor(rows)
    profiles: dict[str, DeviceProfile] = {row.device: source.profile(row.device) for row in rows}
    return choose(profiles, patterns)
