"""`latencylab metanodes`: Predict, or time here, the meta-nodes of the ABPN study, one by one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._failures import INTERRUPTED
from latencylab.cli._listing import as_json, columns
from latencylab.cli._options import device_option, output_options, pricing_options
from latencylab.cli._terminal import terminal, terminal_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from latencylab.measurement import Measurement

_MEASURED: Mapping[str, Callable[[Any], str]] = {
    "meta_node": str,
    "min_ms": units.significant,
    "median_ms": units.significant,
    "p90_ms": units.significant,
    "mad_pct": lambda value: f"{value:.1f}",
    "runs": str,
}


@click.command(name="metanodes")
@device_option
@pricing_options
@click.option("--measure", is_flag=True, help="Time them with onnxruntime on this machine: some minutes.")
@output_options
@terminal_options
def command(devices: tuple[str, ...], *, measure: bool, **options: Any) -> int:
    """Predict every meta-node of the ABPN study by itself: 28 channels, 360x640, to 1080p.

    The study took networks apart into such nodes, timed each on the device, and only then designed a network.
    With --measure they are timed here, on one thread, and no device is asked.
    """
    if measure:
        return _measure(options)
    _predict(devices, options)
    return 0


def _predict(devices: tuple[str, ...], options: Mapping[str, Any]) -> None:
    from latencylab import pipeline, zoo
    from latencylab.cli._output import Output
    from latencylab.cli._progress import progress
    from latencylab.reporters import View

    output = Output.asked(options["format_name"], options["outputs"], force=options["force"])
    pricing = {key: options[key] for key in ("engine", "dtype", "layout", "strict")}
    profiles = [pipeline.load_device(device) for device in dict.fromkeys(devices)]
    networks = [pipeline.read(f"zoo:{name}") for name in zoo.metanode_names()]
    estimates = []
    with progress("pricing", len(profiles) * len(networks)) as begin:
        for profile in profiles:
            for network in networks:
                begin(f"{network.graph.name} on {profile.name}")
                estimates.append(pipeline.price(network, profile, **pricing))
    view = View(is_summary=True, width=terminal().width(), color=terminal().uses_color(sys.stdout))
    output.write(tuple(estimates), view)


def _measure(options: Mapping[str, Any]) -> int:
    given = [key for key in ("engine", "dtype", "layout", "strict", "outputs") if options[key]]
    if given or options["format_name"] not in {None, "table", "json"}:
        raise click.UsageError("--measure times the networks as they are; it takes --format table or json")
    rows, code = [], 0
    for measurement in _measurements():
        rows.append(_row(measurement))
        for warning in measurement.warnings:
            terminal().warn(f"{measurement.model_name}: {warning}")
        if measurement.is_interrupted:
            code = INTERRUPTED
            break
    click.echo(as_json(rows) if options["format_name"] == "json" else columns(rows, _MEASURED))
    return code


def _measurements() -> Iterator[Measurement]:
    from latencylab import pipeline, timing, zoo

    names = zoo.metanode_names()
    for position, name in enumerate(names, 1):
        terminal().note(f"{position} of {len(names)}: {name}")
        yield from timing.measure_model(f"zoo:{name}", pipeline.read(f"zoo:{name}"))


def _row(measurement: Measurement) -> dict[str, Any]:
    return {
        "meta_node": measurement.model_name,
        "min_ms": measurement.min_ns / 1e6,
        "median_ms": measurement.median_ns / 1e6,
        "p90_ms": measurement.p90_ns / 1e6,
        "mad_pct": 100 * measurement.mad_ns / measurement.median_ns,
        "runs": len(measurement.samples_ns),
    }
