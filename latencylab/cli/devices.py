"""`latencylab devices`: List, show or check device profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._listing import as_json, columns, list_format
from latencylab.cli._options import DeviceName
from latencylab.cli._terminal import terminal_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIST: Mapping[str, Callable[[Any], str]] = {
    "name": str,
    "title": str,
    "runtimes": ", ".join,
    "dtype": str,
    "peak_tops": units.significant,
    "dram_gb_per_s": units.significant,
    "assumed_pct": lambda value: f"{value:.0f}",
}
_ENGINES: Mapping[str, Callable[[Any], str]] = {
    "name": str,
    "role": str,
    "count": str,
    "clock_hz": units.si,
    "macs_per_s": units.si,
    "lane_cycles_per_s": units.si,
    "launch_s": lambda value: f"{value:g}",
    "handover_s": lambda value: f"{value:g}",
}
_PEAKS: Mapping[str, Callable[[Any], str]] = {
    "dtype": str,
    "tops": units.significant,
    "ridge_macs_per_byte": units.significant,
}
_PARAMETERS: Mapping[str, Callable[[Any], str]] = {
    "path": str,
    "value": lambda value: f"{value:g}",
    "provenance": str,
    "source": str,
}


@click.group(name="devices")
def command() -> None:
    """List, show or check device profiles."""


@command.command(name="list")
@list_format
@terminal_options
def list_devices(format_name: str) -> None:
    """List the shipped devices: peak rate, memory rate, and the share of values that are assumed."""
    from latencylab import device

    rows = []
    for name in device.names():
        row = device.summarize(device.load(name))
        rows.append(
            row | {"runtimes": list(device.runtimes(name)), "dram_gb_per_s": row["dram_bytes_per_s"] / 1e9}
        )
    click.echo(as_json(rows) if format_name == "json" else columns(rows, _LIST))


@command.command(name="show")
@click.argument("name", type=DeviceName(), metavar="DEVICE")
@list_format
@terminal_options
def show(name: str, format_name: str) -> None:
    """Show a profile whole: derived figures, and every value with its source."""
    from latencylab import device

    data = device.describe(device.load(name))
    click.echo(as_json(data) if format_name == "json" else _text(data))


def _text(data: Mapping[str, Any]) -> str:
    summary = data["summary"]
    known = ", ".join(f"{count} {name}" for name, count in data["provenance"].items())
    lines = [
        f"{summary['name']}: {summary['title']}",
        f"runtime {summary['runtime']} {summary['runtime_version']}".rstrip(),
        f"{units.significant(summary['peak_tops'])} TOPS in {summary['dtype']}",
        f"{summary['dram_bytes_per_s'] / 1e9:.1f} GB/s of DRAM as streamed",
        f"ridge point {units.significant(summary['ridge_macs_per_byte'])} MACs a byte",
        f"layout: native {summary['native_layout']}, deployment {summary['deployment_layout']}",
        f"values: {known}; {summary['assumed_pct']:.0f} % assumed",
        f"accuracy: {data['accuracy']['evidence']} ({data['accuracy']['rows']} rows)",
    ]
    tables = (
        ("engines", data["engines"], _ENGINES),
        ("peaks", data["peaks"], _PEAKS),
        ("values", data["parameters"], _PARAMETERS),
    )
    blocks = ["\n".join(lines), *(f"{title}\n{columns(rows, shown)}" for title, rows, shown in tables)]
    blocks.append("fusion rules, in order: " + ", ".join(data["fusion"]))
    blocks += [f"{rule['level']}: {rule['id']}: {rule['reason']}" for rule in data["rules"]]
    return "\n\n".join(blocks)


@command.command(name="check")
@click.argument("names", type=DeviceName(), nargs=-1, metavar="[DEVICE]...")
@terminal_options
def check(names: tuple[str, ...]) -> None:
    """Check profiles (default: all shipped) under every runtime; every fault is listed."""
    from latencylab import device
    from latencylab.errors import ProfileError
    from latencylab.printable import one_line

    faulty = []
    for name in names or device.names():
        faults = device.check(name)
        click.echo(f"{name}: {'ok' if not faults else 'faulty'}")
        for fault in faults:
            click.echo(f"  {one_line(fault)}")
        faulty += [name] if faults else []
    if faulty:
        raise ProfileError(f"{len(faulty)} faulty: {', '.join(faulty)}")
