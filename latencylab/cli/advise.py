"""`latencylab advise`: Say what to change in a network, ranked by the milliseconds it saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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

if TYPE_CHECKING:
    from latencylab.advising import Advised
    from latencylab.rewrites._applying import Applied


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
    from latencylab.reporters import _advised

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
    shows_all, width = terminal().verbosity > 0, terminal().width()
    click.echo(_advised.render(advised, done, options["format_name"], shows_all=shows_all, width=width))


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
