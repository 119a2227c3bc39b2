"""`latencylab calibrate`: Fit a profile to measured rows; shows the error on networks left out."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._listing import as_json, columns, list_format
from latencylab.cli._options import DeviceName, ModelName
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from latencylab.fitting import Parameter, Row
    from latencylab.fitting.calibration import Calibration

_FILE = click.Path(dir_okay=False, path_type=Path)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _ms(value: float | None) -> str:
    return "-" if value is None else units.significant(value, 4)


_AGREEMENT: Mapping[str, Callable[[Any], str]] = {
    "device": str,
    "stage": str,
    "rows": str,
    "mape_pct": _percent,
    "median_pct": _percent,
    "worst_pct": _percent,
    "within_10_pct": _percent,
    "kendall_tau": lambda value: "-" if value is None else f"{value:.2f}",
}
_PARAMETERS: Mapping[str, Callable[[Any], str]] = {
    "parameter": str,
    "prior": _number,
    "value": _number,
    "sigma_pct": _percent,
    "low": _number,
    "high": _number,
    "rows": str,
    "note": str,
}
_CORRELATIONS: Mapping[str, Callable[[Any], str]] = {
    "first": str,
    "second": str,
    "correlation": lambda value: f"{value:+.2f}",
}
_ROWS: Mapping[str, Callable[[Any], str]] = {
    "id": str,
    "role": str,
    "measured_ms": _ms,
    "before_ms": _ms,
    "fitted_ms": _ms,
    "error_pct": _percent,
    "left_out_ms": _ms,
    "left_out_error_pct": _percent,
}


@click.command(
    name="calibrate", epilog="Example: latencylab calibrate my_npu.toml --data rows.csv -o fitted.toml"
)
@click.argument("profiles", type=DeviceName(), nargs=-1, metavar="[PROFILE]...")
@click.option(
    "--data",
    "files",
    type=_FILE,
    multiple=True,
    help="CSV of rows, or a per-kernel profile of another tool (see --model). Repeatable.",
)
@click.option(
    "--parameter",
    "patterns",
    multiple=True,
    metavar="PATH",
    help="Fit this value; a glob, or owner/path for one device's own. Default: all with bounds. Repeatable.",
)
@click.option("--model", type=ModelName(), help="The network that a per-kernel profile was made of.")
@click.option("--plan", type=_FILE, help="Take rows, devices and parameters from a plan.")
@click.option("--no-leave-out", is_flag=True, help="Skip the refits without each network: no new interval.")
@click.option("--measure", is_flag=True, help="Time designed networks here and write the profile `host`.")
@click.option(
    "--minutes", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Limit of --measure."
)
@click.option(
    "--statistic",
    type=click.Choice(["median", "min"]),
    default="median",
    show_default=True,
    help="What of a kernel's samples --measure fits; min where the machine also does other things.",
)
@click.option("--fresh", is_flag=True, help="With --measure: forget what an interrupted run left.")
@list_format
@click.option("-o", "--output", type=_FILE, help="Write a profile that extends PROFILE by the fitted values.")
@click.option("--in-place", is_flag=True, help="Change the values where they are stated; comments stay.")
@click.option("--force", is_flag=True, help="Overwrite a file that calibrate did not write.")
@terminal_options
def command(profiles: tuple[str, ...], **options: Any) -> int:
    """Fit values of PROFILEs to measured rows.

    Shows the error before, fitted, and on networks left out; each value with its uncertainty; and what the
    rows cannot tell apart. Several PROFILEs share every value they state alike.
    """
    if options["measure"]:
        return _measure_host(profiles, options)
    from latencylab.fitting import calibration as running
    from latencylab.fitting import findings

    _check(profiles, options)
    rows, chosen, sources = _task(profiles, options)
    with _progress() as progress:
        found = running.calibrate(
            rows, chosen, sources=sources, leave_out=not options["no_leave_out"], progress=progress
        )
    texts = _texts(found, profiles, options)
    data = findings.findings(found)
    click.echo(as_json(data) if options["format_name"] == "json" else _text(data))
    _write(texts)
    _warn(found, options)
    return 0


def _measure_host(profiles: tuple[str, ...], options: Mapping[str, Any]) -> int:
    from latencylab.cli._calibrate_host import measure_host

    if any(options[name] for name in ("files", "patterns", "model", "plan", "in_place")) or len(profiles) > 1:
        raise click.UsageError(
            "--measure takes one PROFILE of a CPU and only --minutes, --statistic, --fresh, -o and --force"
        )
    with _progress() as progress:
        return measure_host(profiles[0] if profiles else "onnxruntime_cpu", options, progress)


def _check(profiles: tuple[str, ...], options: Mapping[str, Any]) -> None:
    """Refuse contradictions before any work is done."""
    from latencylab.cli._output import check_writable
    from latencylab.fitting.writing import MARKER

    if options["plan"]:
        extra = [name for name in ("files", "patterns", "model", "output") if options[name]]
        if profiles or extra:
            raise click.UsageError("--plan names profiles, rows and parameters itself; use it alone")
    elif not profiles or not options["files"]:
        raise click.UsageError("name a PROFILE and its rows by --data, or a --plan, or --measure")
    if options["output"]:
        if options["in_place"]:
            raise click.UsageError("--output or --in-place, not both")
        if len(profiles) > 1:
            raise click.UsageError("--output writes one profile; several are changed by --in-place")
        if options["output"].suffix != ".toml":
            raise click.UsageError(f"{options['output']}: a profile's file ends in .toml")
        check_writable(options["output"], marker=MARKER, force=options["force"])


def _task(
    profiles: tuple[str, ...], options: Mapping[str, Any]
) -> tuple[tuple[Row, ...], tuple[Parameter, ...], tuple[str, ...]]:
    """Rows, parameters, and the files they came from."""
    from latencylab.fitting import calibration as running
    from latencylab.fitting import plan as plans

    if options["plan"]:
        plan = plans.read_plan(options["plan"])
        rows = plans.rows_of_plan(plan, options["plan"])
        path: Path = options["plan"]
        files = (path, *(path.parent / name for name in plan.rows))
        return rows, plans.parameters_of_plan(plan, rows), tuple(map(_told, files))
    found = [row for path in options["files"] for row in _rows(path, profiles, options["model"])]
    rows = running.rows_of(profiles, found)
    if len(rows) < len(found):
        terminal().note(f"left aside, of other devices: {units.counted(len(found) - len(rows), 'row')}")
    return rows, running.offered(rows, options["patterns"]), tuple(map(_told, options["files"]))


def _told(path: Path) -> str:
    """Name a file as somebody else finds it: from the working folder where it lies below that."""
    whole, here = path.resolve(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else path.name


def _rows(path: Path, profiles: tuple[str, ...], model: str | None) -> tuple[Row, ...]:
    """Rows of a CSV, or of a per-kernel profile beside its model."""
    from latencylab import importers
    from latencylab.errors import ConfigError
    from latencylab.fitting import kernels, read_rows

    if not importers.is_known(path):
        return read_rows(path)
    if model is None or len(profiles) != 1:
        raise ConfigError(f"{path} is a per-kernel profile: name one PROFILE, and its network by --model")
    joined = kernels.read_profile(path, model, profiles[0])
    for line in joined.complaints():
        terminal().warn(f"{path}: {line}")
    return joined.rows


def _texts(found: Calibration, profiles: tuple[str, ...], options: Mapping[str, Any]) -> dict[Path, bytes]:
    from latencylab.fitting import writing

    if options["in_place"]:
        return writing.in_place(found)
    if options["output"]:
        return {options["output"]: writing.overlay(found, profiles[0], options["output"])}
    return {}


def _write(texts: Mapping[Path, bytes]) -> None:
    from latencylab.cli._output import write_atomically

    for path, content in texts.items():
        write_atomically(path, content)
        terminal().note(f"wrote {path}")


def _warn(found: Calibration, options: Mapping[str, Any]) -> None:
    from latencylab.fitting.findings import groups

    for device, rows in () if options["no_leave_out"] else groups(found).items():
        if found.sigma_log(rows) is None:
            terminal().warn(f"{device}: no network could be told from others, the interval stays as it was")
    if options["patterns"] and found.untouched:
        terminal().warn(f"no row depends on {', '.join(p.name for p in found.untouched)}: not fitted")
    if not (options["output"] or options["in_place"]):
        terminal().note("nothing written: --output FILE.toml or --in-place")


def _text(data: Mapping[str, Any]) -> str:
    blocks = [
        f"error in percent\n{columns(data['agreement'], _AGREEMENT)}",
        f"parameters\n{columns(data['parameters'], _PARAMETERS)}",
        f"rows\n{columns(data['rows'], _ROWS)}",
    ]
    if data["correlations"]:
        blocks.append(f"what the rows cannot tell apart\n{columns(data['correlations'], _CORRELATIONS)}")
    if data["untouched"]:
        blocks.append("no row depends on: " + ", ".join(data["untouched"]))
    foreign = [row["id"] for row in data["rows"] if row["is_foreign"]]
    if foreign:
        blocks.append("runs what no other network does, not counted as left out: " + ", ".join(foreign))
    return "\n\n".join(blocks)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Yield what says on stderr what is going on: a spinner on a terminal, notes under -v elsewhere."""
    if terminal().verbosity < 0 or not sys.stderr.isatty():
        yield terminal().note
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
