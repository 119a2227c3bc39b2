"""Parameters: which numbers of which profiles a fit may move, from where, within which bounds.

An owner says whose a number is: "" (one number for all), ":RUNTIME" (all devices under it), "DEVICE", or
"DEVICE:RUNTIME"; the narrower one wins. `owner/path` names a parameter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from latencylab.device.registry import split_runtime
from latencylab.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from latencylab.device import DeviceProfile
    from latencylab.device.quantities import Sourced

# A logarithm has no zero: a bound of zero stands for this share of the upper bound.
_LEAST_SHARE: Final = 1e-3
# Bounds span four standard deviations of the prior: 95 % of it.
_SIGMAS_IN_BOUNDS: Final = 4
# A prior wider than a factor of 100 from bound to bound says next to nothing.
INFORMATIVE_SIGMA: Final = math.log(100) / _SIGMAS_IN_BOUNDS


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number to fit. device: its owner. prior_sigma: of its logarithm. is_whole: counts, not measures.

    ties: other paths of the same owner that always have the same value (one rate under several types).
    """

    path: str
    device: str
    start: float
    low: float
    high: float
    prior_sigma: float
    is_whole: bool = False
    ties: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that has this value."""
        return (self.path, *self.ties)

    def values(self, value: float) -> dict[str, float]:
        """The value by every name that it goes by."""
        return {_named(self.device, path): value for path in self.paths}

    @property
    def name(self) -> str:
        """`path`, or `owner/path`."""
        return _named(self.device, self.path)

    @property
    def is_informed(self) -> bool:
        """Whether the prior alone already says something."""
        return self.prior_sigma <= INFORMATIVE_SIGMA


def _named(owner: str, path: str) -> str:
    return f"{owner}/{path}" if owner else path


def split_name(name: str) -> tuple[str, str]:
    """Owner and path of a parameter's name; the owner may itself be a path with slashes."""
    owner, _, path = name.rpartition("/")
    return owner, path


def covers(owner: str, device: str, runtime: str) -> bool:
    """Whether an owner's parameter holds for a row's device (as written there), resolved for a runtime."""
    name, own_runtime = owner_parts(owner)
    is_device = not name or name in {device, split_runtime(device)[0]}
    return is_device and (not own_runtime or own_runtime == runtime)


def owner_parts(owner: str) -> tuple[str, str]:
    """Device and runtime of an owner; "" where it names none."""
    if owner.startswith(":"):
        return "", owner[1:]
    name, runtime = split_runtime(owner)
    return name, runtime or ""


def narrowness(owner: str) -> tuple[bool, bool]:
    """Sort key of owners: of two that cover a row, the later one decides."""
    name, runtime = owner_parts(owner)
    return bool(name), bool(runtime)


def from_value(path: str, owner: str, value: Sourced) -> Parameter:
    """A parameter as a profile states it.

    It starts at the prior, so that fitting twice gives the same: what stood there before the first fit, or
    the middle of the bounds. Raises ConfigError for a value without bounds.
    """
    if value.low is None or value.high is None or not value.is_fittable:
        raise ConfigError(
            f"{owner or 'profile'}: {path} states no bounds (low, high), so it cannot be fitted"
        )
    low, high = max(value.low, value.high * _LEAST_SHARE), value.high
    is_fitted = value.provenance == "fitted"
    start = value.prior or (math.sqrt(low * high) if is_fitted else float(value.value))
    is_known = value.sigma_pct and not is_fitted
    sigma = value.sigma_pct / 100 if value.sigma_pct and is_known else prior_sigma(low, high)
    start = min(max(start, low), high)
    return Parameter(path, owner, start, low, high, sigma, isinstance(value.value, int))


def prior_sigma(low: float, high: float) -> float:
    """Sigma of the logarithm of a prior that bounds alone describe."""
    return math.log(high / low) / _SIGMAS_IN_BOUNDS


def chosen(profiles: Mapping[str, DeviceProfile], patterns: Sequence[str] = ()) -> tuple[Parameter, ...]:
    """Parameters of several profiles (by NAME:RUNTIME, as rows name them).

    Without patterns every value with bounds that no datasheet states. A pattern names a path, or
    `owner/path`, and may be a glob.

    Raises UnknownNameError for a pattern that matches nothing, ConfigError for an exactly named value without
    bounds.
    """
    found = {p.name: p for p in _offered(profiles)}
    if not patterns:
        stated = {name: p for name, p in found.items() if not _is_datasheet(profiles, p)}
        return tuple(stated.values())
    kept: dict[str, Parameter] = {}
    for pattern in patterns:
        matching = [p for p in found.values() if _matches(pattern, p)]
        kept.update({p.name: p for p in matching or (_own(profiles, pattern, found),)})
    return tuple(kept.values())


def _offered(profiles: Mapping[str, DeviceProfile]) -> Iterator[Parameter]:
    """Every fittable value: one number where all profiles state the same, else one for each that differs."""
    paths = dict.fromkeys(path for profile in profiles.values() for path in profile.parameters())
    for path in paths:
        values = {key: p.parameters()[path] for key, p in profiles.items() if path in p.parameters()}
        values = {key: value for key, value in values.items() if value.is_fittable}
        for owner, value in _owners(values):
            yield from_value(path, owner, value)


def _owners(values: Mapping[str, Sourced]) -> Iterator[tuple[str, Sourced]]:
    """Who owns each of the values that one path has, by NAME:RUNTIME.

    Equal values are one value, stated once further up: of those that devices share, the most common belongs
    to all; what differs belongs to a device, or to a device under a runtime.
    """
    left = dict(values)
    groups = _alike(left)
    spanning = [keys for keys in groups if len({split_runtime(key)[0] for key in keys}) > 1]
    shared = max(spanning or groups, key=len) if spanning or len(groups) == 1 else []
    if shared:
        yield "", left[shared[0]]
    left = {key: value for key, value in left.items() if key not in shared}
    taken = {split_runtime(key)[0] for key in shared}
    for device in dict.fromkeys(split_runtime(key)[0] for key in left):
        own = {key: value for key, value in left.items() if split_runtime(key)[0] == device}
        parts = _alike(own)
        most = max(parts, key=len)
        whole = device if device not in taken and (len(most) > 1 or len(own) == 1) else most[0]
        yield whole, own[most[0]]
        yield from ((key, own[key]) for part in parts if part is not most for key in part)


def _alike(values: Mapping[str, Sourced]) -> list[list[str]]:
    """Keys of equal values together."""
    groups: dict[Sourced, list[str]] = {}
    for key, value in values.items():
        groups.setdefault(value, []).append(key)
    return list(groups.values())


def _is_datasheet(profiles: Mapping[str, DeviceProfile], parameter: Parameter) -> bool:
    for key, profile in profiles.items():
        if covers(parameter.device, key, profile.runtime.name) and parameter.path in profile.parameters():
            return profile.parameters()[parameter.path].provenance == "datasheet"
    return False


def _matches(pattern: str, parameter: Parameter) -> bool:
    # A path may hold "*" as a key of its own ("efficiency.*"): as it is written it always matches itself.
    names = (parameter.name, parameter.path)
    return pattern in names or any(fnmatchcase(name, pattern) for name in names)


def _own(profiles: Mapping[str, DeviceProfile], name: str, offered: Iterable[str]) -> Parameter:
    """A parameter for one owner of a number that others share, or a refusal that says why."""
    owner, path = split_name(name)
    for key, profile in profiles.items():
        if covers(owner, key, profile.runtime.name) and path in profile.parameters():
            return from_value(path, owner, profile.parameters()[path])
    raise UnknownNameError("parameter", name, offered)
