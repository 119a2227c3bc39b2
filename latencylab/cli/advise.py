"""`latencylab advise`: Say what to change in a network, ranked by the milliseconds it saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._options import (
    DEFAULT_DEVICE,
    DeviceName,
    ModelName,
    PluginName,
    pricing_options,
    shape_options,
)
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.errors import LatencyLabError
from latencylab.printable import printable

if TYPE_CHECKING:
    from latencylab.advising import Advised
    from latencylab.rewrites._applying import Applied

_FORMATS = {"table": "simple", "md": "pipe"}


@click.command(name="advise", epilog="Example: latencylab advise net.onnx --apply -o faster.onnx")
@click.argument("model", type=ModelName())
@click.option(
    "--device",
    "-d",
    type=DeviceName(),
    default=DEFAULT_DEVICE,
    show_default=True,
    help="Device: a name, NAME:RUNTIME, or a path to a .toml.",
)
@pricing_options
@shape_options
@click.option(
    "--rewrite",
    "rules",
    type=PluginName("rewrites", "rewrite"),
    multiple=True,
    help="Only this one. Repeatable.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json", "md"]),
    default="table",
    show_default=True,
    help="Format on stdout.",
)
@click.option(
    "--apply",
    "is_applied",
    is_flag=True,
    help="Write a model with the changes that preserve the function exactly and save time.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The file that --apply writes.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@terminal_options
def command(model: str, device: str, *, is_applied: bool, output: str | None, **options: Any) -> None:
    """Say what to change in MODEL: each change re-estimated, ranked by what it saves on the device.

    MODEL is a path to an ONNX file, zoo:NAME, or - for stdin.
    Changes that cost time are shown under -v. With --apply, those that preserve the function exactly are made
    where they save time; the result is compared with MODEL by onnxruntime on random input, and written.
    """
    from latencylab import advising, pipeline
    from latencylab.cli._output import check_writable
    from latencylab.cli._progress import progress
    from latencylab.cli._stdin import sources

    if is_applied != (output is not None):
        raise click.UsageError("--apply and -o belong together: one says what to write, the other where")
    if output is not None:
        check_writable(Path(output), marker=None, force=options["force"])
    (source,) = sources((model,))
    pricing = {key: options[key] for key in ("engine", "dtype", "layout", "strict", "dims", "shapes")}
    pricing |= {
        "rules": options["rules"] or None,
        "name": pipeline.STDIN if isinstance(source, bytes) else None,
    }
    done = None
    with progress(f"trying changes of {model}"):
        advised = advising.advise(source, device, **pricing)
        if output is not None:
            exact = advising.advise(source, device, preserving=("exact",), **pricing)
            done = _write(source, exact, Path(output), options)
    click.echo(_text(advised, done, options["format_name"]))


def _write(source: str | bytes, advised: Advised, path: Path, options: dict[str, Any]) -> Applied:
    """Write the file; raises LatencyLabError where there is nothing to write."""
    from latencylab import advising
    from latencylab.cli._output import write_atomically

    changes = [change for change in advised.combined if change.is_writable]
    for layout in (change.layout for change in advised.combined if change.layout):
        terminal().warn(f"what is written is fastest with inputs and outputs in {layout}: --layout {layout}")
    if not changes:
        device = advised.base.device.name
        raise LatencyLabError(
            f"no change that keeps the function exactly saves time on {device}: nothing to write"
        )
    done = advising.apply(source, changes, dims=options["dims"], shapes=options["shapes"])
    write_atomically(path, done.model.SerializeToString())
    for change in changes:
        if change.given:
            terminal().warn(f"{path} computes the same only if {change.given} ({change.rule})")
    return done


def _text(advised: Advised, done: Applied | None, format_name: str) -> str:
    base = advised.base
    if format_name == "json":
        from latencylab.cli._listing import as_json

        return as_json(_data(advised, done))
    lines = [
        f"{printable(base.model.name)} on {base.device.name}: {units.milliseconds(base.latency_s)} ms",
        "",
        _table(advised, format_name),
        *_together(advised),
        *_written(done),
    ]
    return "\n".join(lines)


def _table(advised: Advised, format_name: str) -> str:
    """One row a change: what it saves, what it keeps of the function, what to do."""
    from tabulate import tabulate

    shown = advised.what_ifs if terminal().verbosity > 0 else advised.worthwhile
    if not shown:
        return "no rewrite saves time here" + (
            "" if advised.what_ifs == () else "; -v shows what they would cost"
        )
    rows = [
        (
            _saved(w.saves_s),
            units.milliseconds(w.latency_s),
            w.change.preserves + ("*" if w.change.given else ""),
            w.change.rule,
            printable(w.change.text) + (f" (* if {printable(w.change.given)})" if w.change.given else ""),
        )
        for w in shown
    ]
    headers = ("saves ms", "then ms", "function", "rewrite", "change")
    align = ("right", "right", "left", "left", "left")
    return str(tabulate(rows, headers, tablefmt=_FORMATS[format_name], colalign=align, disable_numparse=True))


def _together(advised: Advised) -> list[str]:
    if len(advised.combined) < 2:
        return []
    steps = ", ".join(dict.fromkeys(change.rule for change in advised.combined))
    saved_s = advised.latency_s - advised.combined_s
    return [
        "",
        f"together ({steps}): saves {_saved(saved_s)} ms, then {units.milliseconds(advised.combined_s)} ms",
    ]


def _written(done: Applied | None) -> list[str]:
    if done is None:
        return []
    rules = ", ".join(dict.fromkeys(change.rule for change in done.changes))
    return [
        "",
        f"written with {rules}",
        f"largest difference on random input: {done.max_difference:.3g} (tolerance {done.tolerance:.3g})",
    ]


def _saved(value_s: float) -> str:
    sign = "-" if value_s < 0 else ""
    return sign + units.milliseconds(abs(value_s))


def _data(advised: Advised, done: Applied | None) -> dict[str, Any]:
    """Return the advice as plain data, units in the names."""
    base = advised.base
    data: dict[str, Any] = {
        "model": base.model.name,
        "device": base.device.name,
        "runtime": base.device.runtime,
        "engine": base.engine,
        "layout": base.device.layout,
        "latency_ms": advised.latency_s * units.MS_PER_S,
        "advice": [
            {
                "rewrite": w.change.rule,
                "change": w.change.text,
                "nodes": w.change.nodes,
                "preserves": w.change.preserves,
                "given": w.change.given,
                "saves_ms": w.saves_s * units.MS_PER_S,
                "latency_ms": w.latency_s * units.MS_PER_S,
            }
            for w in advised.what_ifs
        ],
        "together": {
            "changes": [change.text for change in advised.combined],
            "saves_ms": (advised.latency_s - advised.combined_s) * units.MS_PER_S,
            "latency_ms": advised.combined_s * units.MS_PER_S,
        },
    }
    if done is not None:
        data["written"] = {
            "rewrites": [change.rule for change in done.changes],
            "max_difference": done.max_difference,
            "tolerance": done.tolerance,
        }
    return data
