"""`latencylab profile`: Predict the latency of networks, meta-node by meta-node."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._options import (
    ModelName,
    device_option,
    output_options,
    pricing_options,
    shape_options,
    view_options,
)
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device import DeviceProfile
    from latencylab.fusion import Decomposition
    from latencylab.onnx_reader import Model
    from latencylab.result import Estimate

# Formats that people read: they say what to change.
_ADVISING = frozenset({"table", "md", "html"})


@click.command(name="profile", epilog="Example: latencylab profile net.onnx --device dolphin_npu -o net.html")
@click.argument("models", type=ModelName(), nargs=-1, required=True, metavar="MODEL...")
@device_option
@pricing_options
@shape_options
@view_options
@output_options
@click.option(
    "--advice/--no-advice",
    "is_advised",
    default=None,
    help="Say what to change; default: where a table, Markdown or HTML shows it.",
)
@click.option(
    "--explain-fusion", is_flag=True, help="Also print what was fused, and why near misses were not."
)
@terminal_options
def command(models: tuple[str, ...], devices: tuple[str, ...], **options: Any) -> None:
    """Predict the latency of MODELs, meta-node by meta-node.

    MODEL is a path to an ONNX file, zoo:NAME, or - for stdin. Several models and devices give a result each.
    """
    from latencylab.cli import _stdin
    from latencylab.cli._output import Output
    from latencylab.reporters import View

    output = Output.asked(options["format_name"], options["outputs"], force=options["force"])
    sources = _stdin.sources(models)
    view = View(
        sort=options["sort"],
        top=options["top"],
        width=terminal().width(),
        color=terminal().uses_color(sys.stdout),
        budget_s=options["budget_s"],
        model=sources[0] if len(sources) == 1 else None,
    )
    if options["is_advised"] is None:
        options["is_advised"] = not _ADVISING.isdisjoint({output.stdout, *(name for _, name in output.files)})
    results = tuple(_results(sources, devices, options))
    estimates = tuple(estimate for estimate, _ in results)
    _warn(estimates, is_table=output.stdout == "table")
    output.write(estimates, view)
    if options["explain_fusion"]:
        _explain(tuple(found for _, found in results if found), is_table=output.stdout == "table")


def _results(
    sources: tuple[str | bytes, ...], devices: tuple[str, ...], options: dict[str, Any]
) -> Iterator[tuple[Estimate, Decomposition | None]]:
    from latencylab import pipeline
    from latencylab.binding import dealt
    from latencylab.cli._progress import progress
    from latencylab.errors import naming

    profiles = [pipeline.load_device(device) for device in dict.fromkeys(devices)]
    bound = dealt(sources, options["dims"], options["shapes"])
    with progress("reading", len(sources) * len(profiles)) as begin:
        for source, (dims, shapes) in zip(sources, bound, strict=True):
            name = pipeline.STDIN if isinstance(source, bytes) else None
            with naming(pipeline.shown(source)):
                network = pipeline.read(source, dims=dims, shapes=shapes, name=name)
                for profile in profiles:
                    begin(f"{network.graph.name} on {profile.name}")
                    yield _result(network, profile, options)


def _result(
    network: Model, profile: DeviceProfile, options: dict[str, Any]
) -> tuple[Estimate, Decomposition | None]:
    """Price a network on a device; with advice, and how it was fused, where these are asked for."""
    from latencylab import pipeline

    fused = None
    if options["explain_fusion"]:
        fused = pipeline.decompose(network, profile, dtype=options["dtype"])
    pricing = {key: options[key] for key in ("engine", "dtype", "layout", "strict")}
    estimate = pipeline.price(network, profile, **pricing)
    if options["is_advised"]:
        from latencylab import advising

        estimate = advising.with_advice(estimate, network, profile, dtype=options["dtype"])
    return estimate, fused


def _warn(estimates: tuple[Estimate, ...], *, is_table: bool) -> None:
    """Say on stderr what the table says on stdout, where stdout is for a program."""
    if is_table:
        return
    from latencylab.reporters._rows import loud_lines

    for estimate in estimates:
        for line in loud_lines(estimate):
            terminal().warn(f"{estimate.model.name} on {estimate.device.name}: {line}")


def _explain(decompositions: tuple[Decomposition, ...], *, is_table: bool) -> None:
    """Print the fusion steps and the refusals: below the table, or on stderr beside a machine's format."""
    from latencylab.printable import one_line

    for fused in decompositions:
        click.echo(
            f"\nfused in {fused.graph.name}:".replace("\n", "\n" if is_table else ""), err=not is_table
        )
        for step in fused.steps:
            click.echo(f"  {one_line(str(step))}", err=not is_table)
        if fused.refusals:
            click.echo("near misses:", err=not is_table)
        for refusal in fused.refusals:
            click.echo(f"  {one_line(str(refusal))}", err=not is_table)
