"""`latencylab devices`: List, show or check device profiles."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from latencylab import units
from latencylab.cli._listing import as_json, columns, list_format
from latencylab.cli._options import DeviceName
from latencylab.cli._terminal import terminal, terminal_options
from latencylab.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
    # As many digits as a profile states: 1048576 bytes are not 1.04858e+06.
    "value": lambda value: f"{value:.10g}",
    "provenance": str,
    "source": str,
}
# A source longer than this is not written twice.
_LONG = 60


@click.group(name="devices")
def command() -> None:
    """List, show or check device profiles."""


@command.command(name="list", short_help="List the shipped devices.")
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


@command.command(name="show", short_help="Show a profile, every value with its source.")
@click.argument("name", type=DeviceName(), metavar="DEVICE")
@list_format
@terminal_options
def show(name: str, format_name: str) -> None:
    """Show a profile whole: derived figures, and every value with its source."""
    from latencylab import device

    data = device.describe(device.load(name))
    click.echo(as_json(data) if format_name == "json" else _text(data))


def _text(data: Mapping[str, Any]) -> str:
    tables = (
        ("engines", data["engines"], _ENGINES),
        ("peaks", data["peaks"], _PEAKS),
        ("values", list(_without_repetition(data["parameters"])), _PARAMETERS),
    )
    blocks = ["\n".join(map(_wrapped, _facts(data)))]
    blocks += [f"{title}\n{columns(rows, shown)}" for title, rows, shown in tables]
    blocks.append("\n".join(map(_wrapped, _assignment(data))))
    blocks.append(_wrapped("fusion rules, in order: " + ", ".join(data["fusion"])))
    blocks += [_wrapped(f"{rule['level']}: {rule['id']}: {rule['reason']}") for rule in data["rules"]]
    return "\n\n".join(blocks)


def _facts(data: Mapping[str, Any]) -> list[str]:
    summary = data["summary"]
    known = ", ".join(f"{count} {name}" for name, count in data["provenance"].items())
    scratchpad = summary["scratchpad_bytes"]
    return [
        f"{summary['name']}: {summary['title']}",
        f"runtime {summary['runtime']} {summary['runtime_version']}".rstrip(),
        f"{units.significant(summary['peak_tops'])} TOPS in {summary['dtype']}",
        f"{summary['dram_bytes_per_s'] / 1e9:.1f} GB/s of DRAM as streamed",
        *([f"{scratchpad / units.BYTES_PER_KIB:g} KiB of scratchpad"] if scratchpad else []),
        f"ridge point {units.significant(summary['ridge_macs_per_byte'])} MACs a byte",
        f"layout: native {summary['native_layout']}, deployment {summary['deployment_layout']}",
        f"values: {known}; {summary['assumed_pct']:.0f} % assumed",
        f"accuracy: {data['accuracy']['evidence']} ({units.counted(data['accuracy']['rows'], 'row')})",
    ]


def _assignment(data: Mapping[str, Any]) -> Iterator[str]:
    """Say which engine runs what, in the deployment type."""
    by_engine: dict[str, list[str]] = {}
    for operator in data["operators"]:
        by_engine.setdefault(operator["engine"], []).append(operator["op_type"])
    yield f"operators in {data['summary']['dtype']} (* = any other)"
    for engine, names in by_engine.items():
        yield f"{engine}: {', '.join(names)}"


def _without_repetition(parameters: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Refer a long source that stands again to where it stood first."""
    first: dict[str, str] = {}
    for row in parameters:
        path = first.setdefault(row["source"], row["path"])
        is_long = path != row["path"] and len(row["source"]) > _LONG
        yield {**row, "source": f"as {path}"} if is_long else row


def _wrapped(text: str) -> str:
    return textwrap.fill(printable(text), terminal().width(), subsequent_indent="  ")


@command.command(name="check", short_help="Check profiles, shipped or your own.")
@click.argument("names", type=DeviceName(), nargs=-1, metavar="[DEVICE]...")
@terminal_options
def check(names: tuple[str, ...]) -> None:
    """Check profiles (default: all shipped) under every runtime; every fault is listed."""
    from latencylab import device
    from latencylab.errors import ProfileError
    from latencylab.printable import one_line

    faulty = []
    for name in names or device.names():
        faults = (*device.check(name), *_rule_faults(name))
        click.echo(f"{name}: {'ok' if not faults else 'faulty'}")
        for fault in faults:
            click.echo(f"  {one_line(fault)}")
        faulty += [name] if faults else []
    if faulty:
        raise ProfileError(f"{len(faulty)} faulty: {', '.join(faulty)}")


def _rule_faults(name: str) -> Iterator[str]:
    """Find design rules that the gate does not know: they would never be checked."""
    from latencylab import device
    from latencylab.device.faults import nearest
    from latencylab.errors import LatencyLabError
    from latencylab.gating.rule_names import OPTIONS

    try:
        rules = device.load(name).rules
    except LatencyLabError:
        return
    for position, rule in enumerate(rules):
        if rule.id not in OPTIONS:
            found = f"found {rule.id!r}, expected a design rule{nearest(rule.id, OPTIONS)}"
            yield f"{name}: rules.{position}.id: {found}"
