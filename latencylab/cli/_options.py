"""Arguments and options that several commands share, and their shell completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from latencylab import plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")

DEFAULT_DEVICE = "dolphin_npu"


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class DeviceName(click.ParamType["str"]):
    """A device by name, by NAME:RUNTIME, or by the path of a profile."""

    name = "device"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the shipped devices, the runtimes of one that is named, and files."""
        from latencylab import device
        from latencylab.errors import LatencyLabError

        name, colon, _ = incomplete.rpartition(":")
        try:
            runtimes = device.runtimes(name) if colon else ()
        except LatencyLabError:
            runtimes = ()
        spelled = (f"{name}:{runtime}" for runtime in runtimes)
        found = _items((*device.names(), device.HOST, *spelled), incomplete)
        found = found or _items(device.aliases(), incomplete)
        return found or click.Path().shell_complete(ctx, param, incomplete)


class ModelName(click.ParamType["str"]):
    """A model by path, as zoo:NAME, or - for stdin."""

    name = "model"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the zoo once `zoo:` is begun, and files."""
        if not incomplete.startswith("zoo:"):
            begun = _items(["zoo:"], incomplete) if incomplete else []
            return begun or click.Path().shell_complete(ctx, param, incomplete)
        from latencylab import zoo

        return _items((f"zoo:{name}" for name in zoo.names()), incomplete)


class PluginName(click.ParamType["str"]):
    """The name of a plug-in of one folder. It is checked where it is used, with the nearest name."""

    def __init__(self, package: str, name: str) -> None:
        self.package, self.name = package, name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Name the plug-ins there are, in --help."""
        return f"[{'|'.join(plugins.names(self.package))}]"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer the plug-ins."""
        return _items(plugins.names(self.package), incomplete)


class Milliseconds(click.FloatRange):
    """A time in milliseconds, handed on in seconds."""

    name = "ms"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        from latencylab.units import MS_PER_S

        return float(super().convert(value, param, ctx)) / MS_PER_S


class Dimension(click.ParamType["tuple[str, int]"]):
    """`H=360`: binds a free dimension by its name."""

    name = "name=size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return (name, size)."""
        if isinstance(value, tuple):
            return value
        name, equals, size = value.rpartition("=")
        if not equals or not name or not _is_number(size):
            self.fail(f"{value!r} is not NAME=SIZE, e.g. H=360", param, ctx)
        return name, int(size)


class Shape(click.ParamType["tuple[str, tuple[int, ...]]"]):
    """`input=1,3,360,640`: binds an input to a shape."""

    name = "input=n,c,h,w"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return (input's name, shape); a scalar is `input=`."""
        if isinstance(value, tuple):
            return value
        name, equals, sizes = value.rpartition("=")
        parts = [part.strip() for part in sizes.replace("x", ",").split(",")] if sizes else []
        if not equals or not name or not all(map(_is_number, parts)):
            self.fail(f"{value!r} is not INPUT=SIZES, e.g. input=1,3,360,640", param, ctx)
        return name, tuple(map(int, parts))


def _is_number(text: str) -> bool:
    # The reader says what is wrong with zero, negative and overflowing sizes.
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 30


def unique(
    context: click.Context, parameter: click.Parameter, pairs: tuple[tuple[str, Any], ...]
) -> dict[str, Any]:
    """Option callback: pairs as a mapping; a name given twice with two values is a mistake."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        if result.setdefault(name, value) != value:
            raise click.BadParameter(f"{name!r} is given twice", context, parameter)
    return result


def device_option(function: Decorated) -> Decorated:
    """Add --device, repeatable."""
    return click.option(
        "--device",
        "-d",
        "devices",
        type=DeviceName(),
        multiple=True,
        default=(DEFAULT_DEVICE,),
        show_default=True,
        help="Device: a name, NAME:RUNTIME, or a path to a .toml. Repeatable.",
    )(function)


def pricing_options(function: Decorated) -> Decorated:
    """Add what decides how a network is priced: engine, type, layout, strictness."""
    options = (
        click.option(
            "--engine", type=PluginName("engines", "engine"), help="Engine model; default: the profile's."
        ),
        click.option("--dtype", help="Deploy a float graph in this type; default: the profile's."),
        click.option(
            "--layout",
            type=click.Choice(["nchw", "nhwc"], case_sensitive=False),
            help="Layout of the network's inputs and outputs; default: the profile's.",
        ),
        click.option("--strict", is_flag=True, help="Refuse networks with unpriced operators."),
    )
    return all_of(*options)(function)


def shape_options(function: Decorated) -> Decorated:
    """Add --dim and --shape."""
    options = (
        click.option(
            "--dim",
            "dims",
            type=Dimension(),
            multiple=True,
            callback=unique,
            help="Bind a free dimension, e.g. H=360. Repeatable.",
        ),
        click.option(
            "--shape",
            "shapes",
            type=Shape(),
            multiple=True,
            callback=unique,
            help="Bind an input's shape, e.g. input=1,3,360,640. Repeatable.",
        ),
    )
    return all_of(*options)(function)


def view_options(function: Decorated) -> Decorated:
    """Add --top, --sort and --budget."""
    options = (
        click.option(
            "--budget",
            "budget_s",
            type=Milliseconds(min=0, min_open=True),
            help="Latency in ms that is allowed; the report says whether it is met.",
        ),
        click.option("--top", type=click.IntRange(min=1), help="Only the N slowest meta-nodes."),
        click.option(
            "--sort",
            type=click.Choice(["order", "time"]),
            default="order",
            show_default=True,
            help="Meta-nodes in execution order, or the slowest first.",
        ),
    )
    return all_of(*options)(function)


def output_options(function: Decorated) -> Decorated:
    """Add --format, -o and --force."""
    options = (
        click.option(
            "--format",
            "format_name",
            type=PluginName("reporters", "format"),
            help="Format on stdout; default: table, or nothing where -o is given.",
        ),
        _files_option("Write a file; its suffix is its format. Repeatable."),
        click.option("--force", is_flag=True, help="Overwrite files that are not reports of latencylab."),
    )
    return all_of(*options)(function)


def _files_option(help_text: str) -> Callable[[Decorated], Decorated]:
    return click.option(
        "-o", "--output", "outputs", type=click.Path(dir_okay=False), multiple=True, help=help_text
    )


def report_options(formats: Sequence[str], suffixes: str, reports: str) -> Callable[[Decorated], Decorated]:
    """Add --format, -o and --force to a command whose reports are no estimates.

    formats: on stdout. suffixes: of files, in words. reports: what may be overwritten, in the plural.
    """
    return all_of(
        click.option(
            "--format", "format_name", type=click.Choice(formats), help="Format on stdout; default: table."
        ),
        _files_option(f"Write {suffixes}. Repeatable."),
        click.option("--force", is_flag=True, help=f"Overwrite files that are not {reports} of latencylab."),
    )


def all_of(*options: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Make one decorator of several options, which --help lists in this order."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
