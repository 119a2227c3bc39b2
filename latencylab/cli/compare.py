"""`latencylab compare`: Explain the difference of two networks, results or devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab.cli._options import (
    DEFAULT_DEVICE,
    DeviceName,
    ModelName,
    pricing_options,
    report_options,
    shape_options,
)
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from latencylab.comparison import Comparison

# Written out, so that --help loads no reporter; a test compares.
_FORMATS = ("table", "json", "md", "html")


@click.command(
    name="compare", epilog="Example: latencylab compare before.onnx after.onnx --device dolphin_npu"
)
@click.argument("base", type=ModelName())
@click.argument("head", type=ModelName(), required=False)
@click.option(
    "--device",
    "-d",
    "devices",
    type=DeviceName(),
    multiple=True,
    default=(DEFAULT_DEVICE,),
    show_default=True,
    help="Device; given twice, BASE is priced on the first and HEAD on the second.",
)
@pricing_options
@shape_options
@click.option("--all", "shows_all", is_flag=True, help="Also the meta-nodes that take the same time.")
@report_options(_FORMATS, ".json, .md, .txt or .html", "comparisons")
@terminal_options
def command(base: str, head: str | None, devices: tuple[str, ...], **options: Any) -> None:
    """Explain the difference of BASE and HEAD, meta-node by meta-node.

    Each is a path to an ONNX file, zoo:NAME, a result saved with -o RESULT.json, or - for either from stdin.
    Without HEAD, two devices are compared on BASE.
    """
    from latencylab.cli._progress import progress
    from latencylab.cli._reports import files_of, write_reports
    from latencylab.reporters import _compare

    files = files_of(options["outputs"], _compare.SUFFIXES, _compare.MARKERS, force=options["force"])
    with progress("comparing"):
        comparison = _compared(base, head, devices, options)

    width = terminal().width()

    def render(format_name: str) -> bytes:
        return _compare.render(comparison, format_name, shows_all=options["shows_all"], width=width)

    write_reports(files, options["format_name"], render)


def _compared(base: str, head: str | None, devices: tuple[str, ...], options: dict[str, Any]) -> Comparison:
    from latencylab.cli._stdin import sources
    from latencylab.comparison import compare

    if len(devices) > 2:
        raise LatencyLabError(f"compare takes one --device or two, found {len(devices)}")
    if head is None and len(devices) < 2:
        raise LatencyLabError("nothing to compare: name a HEAD, or a second --device")
    pricing = {key: options[key] for key in ("engine", "dtype", "layout", "strict", "dims", "shapes")}
    first, *others = sources((base,) if head is None else (base, head))
    return compare(first, *(others or (first,)), device=devices[0], head_device=devices[-1], **pricing)
