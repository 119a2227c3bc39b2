"""`latencylab crosscheck`: Predicted beside measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._options import DeviceName, ModelName, report_options, shape_options
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.cli._timed import sampling_options, threads_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from latencylab.checking import Crosscheck
    from latencylab.cli._reports import Files
    from latencylab.hosting.subjects import Subject

_FORMATS = ("table", "json", "csv", "md", "html")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(name="crosscheck", epilog="Example: latencylab crosscheck zoo:abpn_x3 net.onnx -o page.html")
@click.argument("models", type=ModelName(), nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--device", "-d", type=DeviceName(), help="Profile to check; default: host, else onnxruntime_cpu."
)
@threads_option
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
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Times that what a slow machine disturbed is measured again.",
)
@sampling_options(warmups=3, max_seconds=20.0)
@shape_options
@click.option(
    "--top", type=click.IntRange(min=0), default=5, show_default=True, help="Worst meta-nodes a model."
)
@click.option("--all", "is_whole", is_flag=True, help="Every meta-node, in execution order.")
@report_options(_FORMATS, ".json, .csv, .md, .txt, .html, .png or .svg", "cross-checks")
@terminal_options
def command(models: tuple[str, ...], **options: Any) -> int:
    """Predict MODELs, time them with onnxruntime here, and show both side by side.

    Meta-node by meta-node and in total, with the agreement over all models beside that of the best affine
    function of MACs. Ctrl-C keeps the models that are finished (exit code 130).
    """
    from latencylab.cli._reports import files_of
    from latencylab.hosting import subjects
    from latencylab.reporters import _checked

    files = files_of(options["outputs"], _checked.SUFFIXES, _checked.MARKERS, force=options["force"])
    device = subjects.device_or_host(options["device"])
    found: list[Subject] = []
    is_interrupted = False
    try:
        for subject in _subjects(models, options):
            found.append(subject)
            checked, _ = subjects.checked(subject, device, options["statistic"])
            terminal().note(f"{checked.name}: {100 * checked.error:+.1f} %")
        if not options["saved"]:
            _repeat(found, options)
    except KeyboardInterrupt:
        is_interrupted = True
    if found:
        joined = [subjects.checked(subject, device, options["statistic"]) for subject in found]
        _write(subjects.crosscheck(joined, device, options["statistic"]), files, options)
    return INTERRUPTED if is_interrupted else 0


def _repeat(found: list[Subject], options: Mapping[str, Any]) -> None:
    """Measure again, in place, what was measured while the machine was slow; what fails stays as it was."""
    from latencylab.cli._progress import progress
    from latencylab.errors import MeasurementError
    from latencylab.hosting import subjects

    for _ in range(options["retries"]):
        slow = subjects.disturbed(found)
        if not slow:
            return
        terminal().note(f"the machine was slow for {len(slow)} of {len(found)}: measuring them again")
        with progress("measuring again", len(slow)) as begin:
            for index in slow:
                begin(found[index].network.graph.name)
                try:
                    found[index] = subjects.again(found[index], options)
                except MeasurementError as error:
                    terminal().warn(f"{found[index].model}: {error}; the first measurement stands")


def _subjects(models: Sequence[str], options: Mapping[str, Any]) -> Iterator[Subject]:
    """Measure, or look up, one model after the other; what onnxruntime refuses is said and left out."""
    from latencylab.cli._progress import progress
    from latencylab.errors import MeasurementError
    from latencylab.hosting import subjects

    _check_readable(models, options)
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


def _check_readable(models: Sequence[str], options: Mapping[str, Any]) -> None:
    """Read every file before the first is measured: a mistake in the last must not cost minutes."""
    from latencylab import pipeline
    from latencylab.errors import naming
    from latencylab.hosting import subjects

    for model in models:
        # A pipe can be read once.
        if model != subjects.STDIN and not Path(model).is_fifo():
            with naming(pipeline.shown(model)):
                pipeline.read(model, dims=options["dims"], shapes=options["shapes"])


def _write(found: Crosscheck, files: Files, options: Mapping[str, Any]) -> None:
    from latencylab.cli._reports import write_reports
    from latencylab.reporters import _checked

    top, width = None if options["is_whole"] else options["top"], terminal().width()

    def render(format_name: str) -> bytes:
        return _checked.render(found, format_name, top=top, width=width)

    write_reports(files, options["format_name"], render)
