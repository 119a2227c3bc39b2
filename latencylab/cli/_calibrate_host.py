"""The `--measure` of `latencylab calibrate`: this machine's own profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._listing import as_json, columns
from latencylab.cli._terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from latencylab.device import DeviceProfile
    from latencylab.hosting import HostFit

_TOTALS: Mapping[str, Callable[[Any], str]] = {
    "network": str,
    "measured_ms": units.significant,
    "before_ms": units.significant,
    "before_error_pct": lambda value: f"{value:+.1f}",
    "after_ms": units.significant,
    "after_error_pct": lambda value: f"{value:+.1f}",
}
# Of the time asked for: designed networks, networks left out; the rest is for starting and fitting.
_DESIGN, _LEFT_OUT = 0.76, 0.14


def measure_host(base: str, options: Mapping[str, Any], say: Callable[[str], None]) -> int:
    """Measure this machine, fit the CPU profile `base` to it, and write the profile that `host` names.

    Returns the exit code: an interruption keeps what was measured, and says so.
    """
    import time

    from latencylab.cli._output import check_writable, write_atomically
    from latencylab.device import host_path
    from latencylab.hosting import Budget, Store, calibrate, facts, writing
    from latencylab.hosting.bencher import OnnxruntimeBencher
    from latencylab.timing import host as hosts

    path: Path = options["output"] or _made(host_path())
    check_writable(path, marker=writing.MARKER, force=options["force"])
    machine = hosts.describe()
    known = facts.of(machine)
    profiles = _profiles(base, known, len(machine.affinity) or machine.logical_cores)
    store = Store.of(machine)
    if options["fresh"]:
        store.clear()
    if len(store):
        terminal().tell(f"going on from {len(store)} measurements of an earlier run; --fresh forgets them")
    seconds = 60 * options["minutes"]
    try:
        found = calibrate(
            OnnxruntimeBencher(),
            store,
            profiles,
            time.monotonic,
            budget=Budget(_DESIGN * seconds, _LEFT_OUT * seconds),
            statistic=options["statistic"],
            progress=lambda phase, done: say(f"{done:4.0%} {phase}"),
        )
    except KeyboardInterrupt:
        terminal().error(
            f"interrupted; {len(store)} measurements are kept, the same command goes on from them"
        )
        return INTERRUPTED
    write_atomically(path, writing.text(found, profiles, known))
    store.clear()
    data = findings(found)
    click.echo(as_json(data) if options["format_name"] == "json" else _text(data))
    terminal().tell(f"wrote {path}" + (": --device host names it" if path == host_path() else ""))
    _warn(found)
    return 0


def _made(path: Path) -> Path:
    """Let the user's configuration folder exist: nobody makes it by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _profiles(base: str, known: Mapping[str, Any], cores: int) -> dict[int, DeviceProfile]:
    """Load the profile for one thread, and for two where there are two cores."""
    from latencylab import device
    from latencylab.errors import ConfigError

    single = device.load(base)
    if single.core is None:
        raise ConfigError(
            f"{base}: --measure fits a profile with a core (engines.*.core), as onnxruntime_cpu"
        )
    profiles = {1: single.with_values(known)}
    if cores > 1 and "threads_2" in device.runtimes(base):
        profiles[2] = device.load(base, "threads_2").with_values(known)
    return profiles


def findings(found: HostFit) -> dict[str, Any]:
    """Return plain data: what was measured, and the networks left out before and after."""
    rows = [
        {
            "network": before.name,
            "measured_ms": 1e3 * before.measured_s,
            "before_ms": 1e3 * before.predicted_s,
            "before_error_pct": 100 * before.error,
            "after_ms": 1e3 * after.predicted_s,
            "after_error_pct": 100 * after.error,
        }
        for before, after in zip(found.before, found.after, strict=True)
    ]
    return {
        "networks_measured": len(found.measurements),
        "kernels_measured": found.points,
        "coefficients_fitted": len(found.single.values) + (len(found.double.values) if found.double else 0),
        "kernel_mean_error_pct": 100 * found.mape,
        "left_out": rows,
        "mean_error_before_pct": _mean(rows, "before_error_pct"),
        "mean_error_after_pct": _mean(rows, "after_error_pct"),
        "refused": list(found.refused),
    }


def _mean(rows: list[dict[str, Any]], key: str) -> float | None:
    return sum(abs(row[key]) for row in rows) / len(rows) if rows else None


def _text(data: Mapping[str, Any]) -> str:
    counts = f"{data['networks_measured']} networks, {data['kernels_measured']} kernels"
    error = f"mean error of a kernel {data['kernel_mean_error_pct']:.1f} %"
    lines = [f"{counts}, {data['coefficients_fitted']} coefficients; {error}"]
    if data["left_out"]:
        lines += ["", "networks left out", columns(data["left_out"], _TOTALS)]
        before, after = data["mean_error_before_pct"], data["mean_error_after_pct"]
        lines += [f"mean error {before:.1f} % before, {after:.1f} % after"]
    return "\n".join(lines)


def _warn(found: HostFit) -> None:
    for refusal in found.refused:
        terminal().warn(f"left aside: {refusal}")
    noisy = [name for name, m in found.measurements.items() if m.mad_ns > 0.05 * m.median_ns]
    if len(noisy) > len(found.measurements) / 4:
        terminal().warn(
            f"unstable machine: {len(noisy)} of {len(found.measurements)} networks scattered by more than "
            "5 %; stop what else is running and calibrate again"
        )
