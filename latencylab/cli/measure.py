"""`latencylab measure`: Time a network with onnxruntime on this machine."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._options import ModelName, report_options, shape_options, unique
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.cli._timed import sampling_options, threads_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.cli._reports import Files
    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model
    from latencylab.timing import Request
    from latencylab.timing.process import Progress

_FORMATS = ("table", "json", "csv", "md")
_PLACED = 0.99  # share of the time below which an alignment is doubtful


class _InputFile(click.ParamType["tuple[str, str]"]):
    """`x=image.npy`: feeds a file to an input."""

    name = "input=file.npy"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, path = value.partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not INPUT=FILE.npy", param, ctx)
        if not Path(path).is_file():
            self.fail(f"{path}: no such file", param, ctx)
        return name, str(Path(path).resolve())


@click.command(name="measure")
@click.argument("model", type=ModelName())
@threads_option
@click.option(
    "--input",
    "input_files",
    type=_InputFile(),
    multiple=True,
    callback=unique,
    help="Feed a .npy file to an input; default: synthesised. Repeatable.",
)
@click.option("--provider", default="CPUExecutionProvider", show_default=True, help="Execution provider.")
@click.option(
    "--optimization",
    type=click.Choice(["all", "extended", "basic", "disable"]),
    default="all",
    show_default=True,
    help="What onnxruntime may rewrite.",
)
@sampling_options(warmups=5, max_seconds=60.0)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of synthesised inputs."
)
@click.option(
    "--from",
    "made_elsewhere",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: read a saved measurement of MODEL, or a profile that onnxruntime wrote of it.",
)
@shape_options
@click.option("--top", type=click.IntRange(min=1), help="Only the N slowest kernels.")
@report_options(_FORMATS, ".json, .csv, .md or .txt", "measurements")
@terminal_options
def command(model: str, **options: Any) -> int:
    """Time MODEL with onnxruntime on this machine, kernel by kernel.

    MODEL is a path to an ONNX file, zoo:NAME, or - for stdin. The total comes from a session that is not
    profiled, the kernels' shares from one that is; both run in a process of their own, on one thread unless
    asked otherwise. Ctrl-C ends the sampling and keeps what was sampled (exit code 130).
    """
    from latencylab import pipeline
    from latencylab.align import align
    from latencylab.cli._reports import files_of
    from latencylab.cli._stdin import sources
    from latencylab.reporters import _measured

    files = files_of(options["outputs"], _measured.SUFFIXES, _measured.MARKERS, force=options["force"])
    (source,) = sources((model,))
    name = pipeline.STDIN if isinstance(source, bytes) else None
    network = pipeline.read(source, dims=options["dims"], shapes=options["shapes"], name=name)
    measurements = tuple(_measurements(source, network, options))
    measured = tuple((m, align(network.graph, m)) for m in measurements)
    _write(measured, files, options)
    for measurement, alignment in measured:
        if measurement.kernels and alignment.coverage < _PLACED:
            terminal().warn(
                f"only {alignment.coverage:.1%} of the kernels' time could be placed on the network's nodes: "
                "is this the network that was measured?"
            )
    return INTERRUPTED if any(m.is_interrupted for m in measurements) else 0


def _measurements(source: str | bytes, network: Model, options: dict[str, Any]) -> Iterator[Measurement]:
    from latencylab import timing

    if options["made_elsewhere"] is not None:
        yield from timing.from_file(options["made_elsewhere"], network.graph, network.sha256)
        return
    with _progress() as progress:
        yield from timing.measure_model(
            source, network, threads=options["threads"], settings=_settings(options), progress=progress
        )


def _settings(options: dict[str, Any]) -> Request:
    from dataclasses import replace

    from latencylab.timing.study import PLAIN

    policy = replace(
        PLAIN.policy,
        warmups=options["warmups"],
        min_runs=options["runs"],
        min_time_s=options["seconds"],
        max_time_s=options["max_seconds"],
        max_runs=max(options["runs"], PLAIN.policy.max_runs),
    )
    return replace(
        PLAIN,
        provider=options["provider"],
        optimization=options["optimization"],
        dims=options["dims"],
        input_files=options["input_files"],
        seed=options["seed"],
        policy=policy,
    )


@contextmanager
def _progress() -> Iterator[Progress]:
    """Yield what draws a bar on stderr, where that is a terminal and the user wants to hear anything."""
    if terminal().verbosity < 0 or not sys.stderr.isatty():
        yield lambda _phase, _done: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("starting", total=1.0)
        yield lambda phase, done: bars.update(task, description=phase, completed=done)


def _write(measured: tuple[Any, ...], files: Files, options: dict[str, Any]) -> None:
    from latencylab.cli._reports import write_reports
    from latencylab.reporters import _measured

    top, width = options["top"], terminal().width()

    def render(format_name: str) -> bytes:
        return _measured.render(measured, format_name, top=top, width=width)

    # The table says the warnings itself.
    if write_reports(files, options["format_name"], render) != "table":
        for warning in (warning for measurement, _ in measured for warning in measurement.warnings):
            terminal().warn(warning)
