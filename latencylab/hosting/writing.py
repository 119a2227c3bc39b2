"""The fitted host as a profile: a TOML that extends the shipped one, every value with its provenance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit

from latencylab import __version__
from latencylab.device.schema import plain
from latencylab.fitting.writing import MARKER, Edit, edited
from latencylab.hosting.calibration import SIGMA_FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from latencylab.device import DeviceProfile, Sourced
    from latencylab.hosting.calibration import HostFit
    from latencylab.hosting.fit import Solution
    from latencylab.measurement import Measurement

__all__ = ["MARKER", "text"]

_NOWHERE = Path("host.toml")


def text(found: HostFit, profiles: Mapping[int, DeviceProfile], facts: Mapping[str, Sourced]) -> bytes:
    """Return the profile's text. profiles: the shipped one by thread count."""
    some = next(iter(found.measurements.values()))
    edits = [Edit(_NOWHERE, tuple(path.split(".")), plain(value)) for path, value in facts.items()]
    edits += _fitted(found.single, profiles[1], (), _source(some, found), found.mape)
    if found.double:
        prefix = ("runtimes", profiles[2].runtime.name)
        edits += _fitted(found.double, profiles[2], prefix, _source(some, found), found.mape)
    edits += [Edit(_NOWHERE, ("accuracy", key), value) for key, value in _accuracy(found, some).items()]
    return edited(tomlkit.dumps(_head(some, found.base)), edits).encode()


def _head(some: Measurement, base: str) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    lines = (
        f"{MARKER.decode().removeprefix('# ')} {__version__} --measure, {some.measured_at}",
        f"{some.host.cpu}, {some.host.physical_cores} cores, {' '.join(some.host.isa)}",
        f"onnxruntime {some.runtime.version}, {some.host.os}",
    )
    for line in lines:
        document.add(tomlkit.comment(line))
    document.add("schema_version", tomlkit.item(1))
    document.add("extends", tomlkit.item(base))
    document.add("name", tomlkit.item("host"))
    document.add("title", tomlkit.item(f"onnxruntime on {some.host.cpu}"))
    return document


def _source(some: Measurement, found: HostFit) -> str:
    date = some.measured_at[:10]
    return (
        f"calibrate --measure: {len(found.measurements)} networks, onnxruntime {some.runtime.version}, {date}"
    )


def _fitted(
    solution: Solution, profile: DeviceProfile, prefix: tuple[str, ...], source: str, mape: float
) -> Iterator[Edit]:
    stated = profile.parameters()
    for path, value in solution.values.items():
        parameter, old = solution.priors[path], stated[path]
        low, high = parameter.low, parameter.high
        new = replace(
            old,
            value=round(value) if parameter.is_whole else _figures(min(max(value, low), high), 4),
            provenance="fitted",
            source=f"{source} ({solution.points[path]} kernels)",
            prior=_figures(parameter.start, 4),
            sigma_pct=_figures(100 * solution.sigma[path], 2),
            residual=f"mean error of a kernel {100 * mape:.1f} %",
        )
        leaf: dict[str, Any] = plain(new)
        yield Edit(_NOWHERE, (*prefix, *path.split(".")), leaf)


def _accuracy(found: HostFit, some: Measurement) -> dict[str, Any]:
    from latencylab.device.quantities import Positive

    sigma = Positive(
        value=_figures(found.sigma_log, 3),
        provenance="measured",
        source=f"root mean square of log(predicted / measured) on networks left out, at least {SIGMA_FLOOR}",
    )
    names = ", ".join(model.name for model in found.after) or "no network left out"
    return {
        "sigma_log": plain(sigma),
        "rows": len(found.after),
        "evidence": f"{some.host.cpu}, {some.measured_at[:10]}: {names}",
    }


def _figures(value: float, figures: int) -> float:
    return float(f"{value:.{figures}g}")
