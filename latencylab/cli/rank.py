"""`latencylab rank`: Order candidates by score or latency; front and ties named."""

from __future__ import annotations

from typing import Any

import click

from latencylab import units
from latencylab.cli._options import ModelName, device_option, pricing_options, report_options, shape_options
from latencylab.cli._terminal import terminal, terminal_options

# Written out, so that --help loads no reporter; a test compares.
_FORMATS = ("table", "csv", "json", "md", "html", "png", "svg", "pdf")


class Reference(click.ParamType["tuple[str, float]"]):
    """`abpn_x3=47.18`: a network and the score published for it."""

    name = "name=score"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return (name, score)."""
        if isinstance(value, tuple):
            return value
        name, _, number = value.rpartition("=")
        try:
            return (name, float(number)) if name else self.fail(f"{value!r} is not NAME=SCORE", param, ctx)
        except ValueError:
            return self.fail(f"{value!r} is not NAME=SCORE, e.g. abpn_x3=47.18", param, ctx)


@click.command(name="rank", epilog="Example: latencylab rank zoo:abpn_x3 zoo:xlsr_x3 --quality psnr.csv")
@click.argument("models", type=ModelName(), nargs=-1, required=True, metavar="MODEL...")
@device_option
@pricing_options
@shape_options
@click.option(
    "--quality", type=click.Path(dir_okay=False), help="CSV with the columns model and psnr_db (dB)."
)
@click.option(
    "--reference", type=Reference(), help="Network and its published score: fixes the score's constant."
)
@click.option(
    "--confidence",
    type=click.FloatRange(min=0.5, max=1, max_open=True),
    default=0.9,
    show_default=True,
    help="Probability from which an order is told; closer candidates are tied.",
)
@click.option(
    "--residual-correlation",
    type=click.FloatRange(min=0, max=1),
    help="Of the model's errors on two networks that spend their time alike; default: the profile's.",
)
@report_options(_FORMATS, ".csv, .json, .md, .txt, .html, .png, .svg or .pdf", "rankings")
@terminal_options
def command(models: tuple[str, ...], devices: tuple[str, ...], **options: Any) -> None:
    """Order MODELs on each device: by the Mobile AI challenge's score with --quality, else by latency.

    MODEL is a path to an ONNX file, zoo:NAME, or - for stdin, which is ranked under the name stdin.
    A candidate is tied with those that the model's error cannot tell from it; it is dominated if another is
    at least as good and at least as fast. docs/ranking.md says how sure an order is.
    """
    from latencylab.cli._progress import progress
    from latencylab.cli._reports import files_of, write_reports
    from latencylab.cli._stdin import sources
    from latencylab.ranking import rank
    from latencylab.reporters import _rank

    files = files_of(options["outputs"], _rank.SUFFIXES, _rank.MARKERS, force=options["force"])
    names = ("quality", "reference", "confidence", "residual_correlation", "engine", "dtype", "layout")
    arguments = {name: options[name] for name in (*names, "strict", "dims", "shapes")}
    with progress(f"ranking {units.counted(len(models), 'network')}"):
        ranking = rank(sources(models), tuple(dict.fromkeys(devices)), **arguments)
    width = terminal().width()
    write_reports(files, options["format_name"], lambda name: _rank.render(ranking, name, width=width))
