"""`latencylab metanodes`: Predict the meta-nodes of the ABPN study, one by one."""

from __future__ import annotations

import sys
from typing import Any

import click

from latencylab.cli._options import device_option, output_options, pricing_options
from latencylab.cli._terminal import terminal, terminal_options


@click.command(name="metanodes")
@device_option
@pricing_options
@output_options
@terminal_options
def command(devices: tuple[str, ...], **options: Any) -> None:
    """Predict every meta-node of the ABPN study by itself: 28 channels, 360x640, to 1080p.

    The study took networks apart into such nodes, timed each on the device, and only then designed a network.
    """
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
