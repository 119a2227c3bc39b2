"""`latencylab measure`: Time a network with onnxruntime on this machine."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._options import ModelName, shape_options, unique
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.measurement import Measurement
    from latencylab.onnx_reader import Model
    from latencylab.timing import Request
    from latencylab.timing.process import Progress

_STDIN = "-"
_FORMATS = ("table", "json", "csv", "md")
_PLACED = 0.99  # share of the time below which an alignment is doubtful


class ThreadCounts(click.ParamType["tuple[int, ...]"]):
    """`1,2`: one measurement a count."""

    name = "n,n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse the counts, each once."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 4096 for part in parts):
            self.fail(f"{value!r} is not a list of thread counts, e.g. 1,2", param, ctx)
        return tuple(dict.fromkeys(map(int, parts)))


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
@click.option(
    "--threads", type=ThreadCounts(), default="1", show_default=True, help="Intra-op threads; 1,2: both."
)
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
@click.option("--warmups", type=click.IntRange(min=0), default=5, show_default=True, help="Runs set apart.")
@click.option("--runs", type=click.IntRange(min=1), default=20, show_default=True, help="Runs at least.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=2.0, show_default=True, help="Time at least."
)
@click.option(
    "--max-seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Time at most."
)
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
@click.option(
    "--format", "format_name", type=click.Choice(_FORMATS), help="Format on stdout; default: table."
)
@click.option("-o", "--output", "outputs", multiple=True, help="Write .json, .csv, .md or .txt. Repeatable.")
@click.option("--force", is_flag=True, help="Overwrite files that are not measurements of latencylab.")
@terminal_options
def command(model: str, **options: Any) -> int:
    """Time MODEL with onnxruntime on this machine, kernel by kernel.

    MODEL is a path to an ONNX file, zoo:NAME, or - for stdin. The total comes from a session that is not
    profiled, the kernels' shares from one that is; both run in a process of their own, on one thread unless
    asked otherwise. Ctrl-C ends the sampling and keeps what was sampled (exit code 130).
    """
    from latencylab import pipeline
    from latencylab.align import align

    files = _files(options["outputs"], force=options["force"])
    source, name = (sys.stdin.buffer.read(), "stdin") if model == _STDIN else (model, None)
    network = pipeline.read(source, dims=options["dims"], shapes=options["shapes"], name=name)
    measurements = tuple(_measured(source, network, options))
    measured = tuple((m, align(network.graph, m)) for m in measurements)
    _write(measured, files, options)
    for measurement, alignment in measured:
        if measurement.kernels and alignment.coverage < _PLACED:
            terminal().warn(
                f"only {alignment.coverage:.1%} of the kernels' time could be placed on the network's nodes: "
                "is this the network that was measured?"
            )
    return INTERRUPTED if any(m.is_interrupted for m in measurements) else 0


def _measured(source: str | bytes, network: Model, options: dict[str, Any]) -> Iterator[Measurement]:
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


def _files(outputs: tuple[str, ...], *, force: bool) -> tuple[tuple[Path, str], ...]:
    """Check the files before any work is done: path and format, by suffix."""
    from latencylab.cli._output import check_writable
    from latencylab.errors import UnknownNameError
    from latencylab.reporters._measured import MARKERS

    known = {".json": "json", ".csv": "csv", ".md": "md", ".txt": "table"}
    files = []
    for path in map(Path, outputs):
        if path.suffix.lower() not in known:
            raise UnknownNameError("file suffix of", path.name, known)
        format_name = known[path.suffix.lower()]
        check_writable(path, marker=MARKERS[format_name], force=force)
        files.append((path, format_name))
    return tuple(files)


def _write(measured: tuple[Any, ...], files: tuple[tuple[Path, str], ...], options: dict[str, Any]) -> None:
    from latencylab.cli._output import write_atomically, write_stdout
    from latencylab.reporters import _measured as reporter

    for path, format_name in files:
        write_atomically(path, reporter.render(measured, format_name, top=options["top"]))
        terminal().note(f"wrote {path}")
    shown = options["format_name"] or (None if files else "table")
    if shown != "table":
        for measurement, _ in measured:
            for warning in measurement.warnings:
                terminal().warn(warning)
    if shown:
        write_stdout(reporter.render(measured, shown, top=options["top"], width=terminal().width()))
