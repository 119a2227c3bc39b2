"""`latencylab crosscheck`: Predicted beside measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._options import DeviceName, ModelName, shape_options
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.cli.measure import ThreadCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from latencylab.checking import CheckedModel, Crosscheck
    from latencylab.hosting.subjects import Subject
    from latencylab.measurement import Measurement

_FORMATS = ("table", "json", "csv", "md", "html")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(name="crosscheck")
@click.argument("models", type=ModelName(), nargs=-1, required=True, metavar="MODEL...")
@click.option("--device", type=DeviceName(), help="Profile to check; default: host, else onnxruntime_cpu.")
@click.option(
    "--threads", type=ThreadCounts(), default="1", show_default=True, help="Intra-op threads; 1,2: both."
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "uint8"]),
    default="float32",
    show_default=True,
    help="uint8: quantized by onnxruntime (QDQ) on random images.",
)
@click.option(
    "--measured",
    "saved",
    type=_FILE,
    multiple=True,
    help="Measure nothing: take saved measurements of the MODELs, e.g. a board's. Repeatable.",
)
@click.option("--keep", type=_FOLDER, help="Keep measurements here, and use those that are here already.")
@click.option(
    "--statistic",
    type=click.Choice(["median", "min"]),
    default="median",
    show_default=True,
    help="What of the samples is compared; min where the machine also does other things.",
)
@click.option(
    "--clock",
    type=click.Choice(["wall", "cpu"]),
    default="wall",
    show_default=True,
    help="cpu: processor time, which other programs do not lengthen; one thread only.",
)
@click.option("--warmups", type=click.IntRange(min=0), default=3, show_default=True, help="Runs set apart.")
@click.option("--runs", type=click.IntRange(min=1), default=20, show_default=True, help="Runs at least.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=2.0, show_default=True, help="Time at least."
)
@click.option(
    "--max-seconds", type=click.FloatRange(min=0), default=20.0, show_default=True, help="Time at most."
)
@shape_options
@click.option(
    "--top", type=click.IntRange(min=0), default=5, show_default=True, help="Worst meta-nodes a model."
)
@click.option("--all", "is_whole", is_flag=True, help="Every meta-node, in execution order.")
@click.option(
    "--format", "format_name", type=click.Choice(_FORMATS), help="Format on stdout; default: table."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    help="Write .json, .csv, .md, .txt, .html, .png or .svg. Repeatable.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are not cross-checks of latencylab.")
@terminal_options
def command(models: tuple[str, ...], **options: Any) -> int:
    """Predict MODELs, time them with onnxruntime here, and show both side by side.

    Meta-node by meta-node and in total, with the agreement over all models beside that of the best affine
    function of MACs. Ctrl-C keeps the models that are finished (exit code 130).
    """
    from latencylab.hosting import subjects

    files = _files(options["outputs"], force=options["force"])
    device = subjects.device_or_host(options["device"])
    found: list[tuple[CheckedModel, Measurement]] = []
    is_interrupted = False
    try:
        for subject in _subjects(models, options):
            found.append(subjects.checked(subject, device, options["statistic"]))
            terminal().note(f"{subject.network.graph.name}: {100 * found[-1][0].error:+.1f} %")
    except KeyboardInterrupt:
        is_interrupted = True
    if found:
        _write(subjects.crosscheck(found, device, options["statistic"]), files, options)
    return INTERRUPTED if is_interrupted else 0


def _subjects(models: Sequence[str], options: Mapping[str, Any]) -> Iterator[Subject]:
    """Measure, or look up, one model after the other; what onnxruntime refuses is said and left out."""
    from latencylab.cli._progress import progress
    from latencylab.errors import MeasurementError
    from latencylab.hosting import subjects

    saved = subjects.read_saved(options["saved"])
    refused: list[str] = []
    done = 0
    with progress("measuring", len(models)) as begin:
        for model in models:
            begin(model)
            try:
                for subject in subjects.of(model, options, saved):
                    done += 1
                    yield subject
            except MeasurementError as error:
                refused.append(f"{model}: {error}")
                if len(models) > 1:
                    terminal().warn(refused[-1])
    if refused and not done:
        more = "no model could be checked" if len(models) > 1 else refused[0]
        raise MeasurementError(more)


def _files(outputs: tuple[str, ...], *, force: bool) -> tuple[tuple[Path, str], ...]:
    """Check the files before any work is done: path and format, by suffix."""
    from latencylab.cli._output import check_writable
    from latencylab.errors import UnknownNameError
    from latencylab.reporters._checked import MARKERS

    known = {".txt": "table"} | {f".{name}": name for name in MARKERS if name != "table"}
    files = []
    for path in map(Path, outputs):
        if path.suffix.lower() not in known:
            raise UnknownNameError("file suffix of", path.name, known)
        format_name = known[path.suffix.lower()]
        check_writable(path, marker=MARKERS[format_name], force=force)
        files.append((path, format_name))
    return tuple(files)


def _write(found: Crosscheck, files: tuple[tuple[Path, str], ...], options: Mapping[str, Any]) -> None:
    from latencylab.cli._output import write_atomically, write_stdout
    from latencylab.reporters import _checked as reporter

    top = None if options["is_whole"] else options["top"]
    for path, format_name in files:
        write_atomically(path, reporter.render(found, format_name, top=top))
        terminal().note(f"wrote {path}")
    shown = options["format_name"] or (None if files else "table")
    if shown:
        write_stdout(reporter.render(found, shown, top=top, width=terminal().width()))
