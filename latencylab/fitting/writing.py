"""Writes fitted values into profiles: where each number is stated, with its provenance.

In place, comments and order stay as they are (tomlkit). An overlay is a small profile of its own that extends
the original. What is written is validated, as every runtime resolves it, before it is returned.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import AbstractTable, Item, Table

from latencylab import __version__, units
from latencylab.device.overlay import Layer, chain, resolve, runtime_names, with_runtime
from latencylab.device.quantities import Sourced
from latencylab.device.registry import find, split_runtime
from latencylab.device.schema import plain
from latencylab.device.validation import validate
from latencylab.errors import ConfigError
from latencylab.fitting.choice import owner_parts
from latencylab.fitting.findings import groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from latencylab.fitting.calibration import Calibration
    from latencylab.fitting.choice import Parameter
    from latencylab.fitting.rows import Row

MARKER = b"# Written by latencylab calibrate"
_HEAD = "Written by latencylab calibrate {version}: fitted values over {extends}."
_SIGMA = "root mean square of log(predicted / measured), by Student's t, at least 0.05"
_FIGURES = 4
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit:
    """One key of a file: table path with the key last, and its plain value."""

    path: Path
    keys: tuple[str, ...]
    value: Any


def in_place(calibration: Calibration) -> dict[Path, bytes]:
    """Changed texts of the files that state the fitted values. Raises ProfileError for an impossible one."""
    found: dict[Path, list[Edit]] = {}
    for device, rows in groups(calibration).items():
        for edit in _edits(calibration, device, rows, own_file=None):
            found.setdefault(edit.path, []).append(edit)
    # As bytes, which keeps line ends as they are.
    texts = {path: edited(path.read_bytes().decode(), edits) for path, edits in found.items()}
    for device in groups(calibration):
        _require_valid(_layers(device), {path.resolve(): text for path, text in texts.items()})
    return {path: text.encode() for path, text in texts.items()}


def overlay(calibration: Calibration, profile: str, path: Path) -> bytes:
    """Text of a new profile at `path` that extends a fitted one. Raises ProfileError or ConfigError."""
    original = find(split_runtime(profile)[0])
    if path.resolve() == original.resolve():
        raise ConfigError(f"{path} is the profile that is fitted: --in-place changes it")
    base = chain(original, find)
    document = _new_document(base[-1], profile, path)
    edits = [
        edit
        for device, rows in groups(calibration).items()
        if split_runtime(device)[0] == split_runtime(profile)[0]
        for edit in _edits(calibration, device, rows, own_file=path)
    ]
    text = edited(tomlkit.dumps(document), edits)
    _require_valid((*base, Layer(path, "", tomllib.loads(text))), {})
    return text.encode()


def _new_document(original: Layer, profile: str, path: Path) -> tomlkit.TOMLDocument:
    name = split_runtime(profile)[0]
    is_file = name.endswith(".toml") or os.sep in name
    extends = Path(os.path.relpath(original.path, path.parent)).as_posix() if is_file else name
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEAD.format(version=__version__, extends=extends)))
    document.add("schema_version", tomlkit.item(1))
    document.add("extends", tomlkit.item(extends))
    document.add("name", tomlkit.item(path.stem))
    document.add("title", tomlkit.item(f"{original.tables.get('title', name)}, calibrated"))
    return document


def _edits(
    calibration: Calibration, device: str, rows: Sequence[Row], own_file: Path | None
) -> Iterator[Edit]:
    """What changes for one device and runtime; own_file: an overlay that takes everything."""
    layers = _layers(device)
    runtime = calibration.predictor.profile(device).runtime.name
    for parameter in calibration.chosen:
        if rows[0] in calibration.of(parameter):
            for dotted in parameter.paths:
                path, prefix = _place(layers, runtime, parameter.device, dotted, own_file)
                keys = (*prefix, *dotted.split("."))
                yield Edit(path, keys, _leaf(calibration, parameter, dotted, rows[0]))
    sigma = calibration.sigma_log(rows)
    if sigma is not None:
        prefix = _accuracy_prefix(layers, runtime)
        file = own_file or layers[-1].path
        for key, value in _accuracy(calibration, rows, sigma).items():
            yield Edit(file, (*prefix, "accuracy", key), value)


def _place(
    layers: tuple[Layer, ...], runtime: str, whose: str, dotted: str, own_file: Path | None
) -> tuple[Path, tuple[str, ...]]:
    """File and table prefix where a value takes effect for this runtime, as far up as its owner reaches."""
    owner, asked = owner_parts(whose)
    device_file = own_file or layers[-1].path
    keys = dotted.split(".")
    if asked:
        declared = [layer.path for layer in layers if asked in layer.tables.get("runtimes", {})]
        return (device_file if owner or own_file else declared[0]), ("runtimes", asked)
    stating = [layer for layer in with_runtime(layers, runtime or None) if _states(layer.tables, keys)]
    prefix = ("runtimes", runtime) if stating and stating[-1].prefix else ()
    if owner or own_file or not stating:
        return device_file, prefix
    return stating[-1].path, prefix


def _accuracy_prefix(layers: tuple[Layer, ...], runtime: str) -> tuple[str, ...]:
    """The device's own table for its default runtime, a table of their own for the others."""
    default = [layer.tables["default_runtime"] for layer in layers if "default_runtime" in layer.tables]
    overlays = (layer for layer in with_runtime(layers, runtime or None) if layer.prefix)
    if not runtime:
        return ()
    is_hidden = any(_states(layer.tables, ["accuracy"]) for layer in overlays)
    return () if default[-1:] == [runtime] and not is_hidden else ("runtimes", runtime)


def _states(tables: Mapping[str, Any], keys: Sequence[str]) -> bool:
    node: Any = tables
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def _layers(device: str) -> tuple[Layer, ...]:
    return chain(find(split_runtime(device)[0]), find)


def _leaf(calibration: Calibration, parameter: Parameter, dotted: str, row: Row) -> dict[str, Any]:
    """The sourced value as it is written."""
    stated = calibration.predictor.profile(row.device).parameters()[dotted]
    sigma = calibration.fit.sigma.get(parameter.name)
    rows = calibration.of(parameter)
    low, high = _bounds(parameter, stated)
    fitted = type(stated)(
        value=_rounded(calibration.fit.values[parameter.name], parameter, low, high),
        provenance="fitted",
        source=f"{_files(calibration)} ({units.counted(len(rows), 'row')})",
        low=low,
        high=high,
        prior=_rounded(parameter.start, parameter, low, high),
        sigma_pct=None if sigma is None else _figures(100 * sigma, 2),
        residual=_residual(calibration, rows),
    )
    leaf: dict[str, Any] = plain(fitted)
    return leaf


def _bounds(parameter: Parameter, stated: Sourced) -> tuple[float, float]:
    """Those of the profile where the fit kept to them, else those of the plan."""
    if stated.low is None or stated.high is None:
        return parameter.low, parameter.high
    is_within = stated.low <= parameter.low and parameter.high <= stated.high
    return (stated.low, stated.high) if is_within else (parameter.low, parameter.high)


def _rounded(value: float, parameter: Parameter, low: float, high: float) -> Any:
    """To the figures that a fit can tell, within the bounds; whole numbers stay what they are."""
    return round(value) if parameter.is_whole else min(max(_figures(value, _FIGURES), low), high)


def _figures(value: float, figures: int) -> float:
    return float(f"{value:.{figures}g}")


def _files(calibration: Calibration) -> str:
    return ", ".join(calibration.sources) or "rows"


def _residual(calibration: Calibration, rows: Sequence[Row]) -> str:
    seen, unseen = calibration.fitted(rows), calibration.unseen(rows)
    text = f"mean error {100 * seen.mape:.1f} %" if seen else ""
    return f"{text}, {100 * unseen.mape:.1f} % on networks left out" if unseen else text


def _accuracy(calibration: Calibration, rows: Sequence[Row], sigma: float) -> dict[str, Any]:
    unseen = calibration.unseen(rows)
    mape = f", mean error {100 * unseen.mape:.1f} %" if unseen else ""
    sourced = Sourced(
        value=_figures(sigma, 3),
        provenance="fitted",
        source=f"{_files(calibration)}: {_SIGMA}",
        residual=_residual(calibration, rows),
    )
    return {
        "sigma_log": plain(sourced),
        "rows": unseen.rows if unseen else len(rows),
        "evidence": f"{_files(calibration)}: each network predicted by a fit without it{mape}",
    }


def edited(text: str, edits: Iterable[Edit]) -> str:
    """TOML text with other values; everything else as it was: comments, order, line ends, byte order mark."""
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    line_end = "\r\n" if "\r\n" in text else "\n"
    document = tomlkit.parse(text.removeprefix(mark).replace("\r\n", "\n"))
    for edit in edits:
        *tables, last = edit.keys
        node: Any = document
        for key in tables:
            if key not in node:
                node[key] = tomlkit.table(is_super_table=True)
            node = node[key]
        _set(node, last, edit.value)
    return mark + tomlkit.dumps(document).replace("\n", line_end)


def _set(table: AbstractTable, key: str, value: Any) -> None:
    new = _inline(value) if isinstance(value, dict) else tomlkit.item(value)
    old = table.item(key) if key in table and hasattr(table, "item") else None
    if isinstance(old, Table):
        # Written as a table of its own: its keys change, their comments stay.
        for name in [name for name in old if name not in value]:
            old.remove(name)
        old.update(value)
        return
    if isinstance(old, Item):
        for part in ("indent", "comment_ws", "comment", "trail"):
            setattr(new.trivia, part, getattr(old.trivia, part))
    table[key] = new


def _inline(value: Mapping[str, Any]) -> Item:
    """An inline table in the style of the shipped profiles: `{ value = 1, source = "x" }`."""
    cells = ", ".join(f"{key} = {tomlkit.item(_plainest(cell)).as_string()}" for key, cell in value.items())
    return tomlkit.value(f"{{ {cells} }}")


def _plainest(value: Any) -> Any:
    """60 for 60.0: a bound is read the same and written shorter."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e6 else value


def _require_valid(layers: tuple[Layer, ...], texts: Mapping[Path, str]) -> None:
    """Resolve every runtime with the changed texts in place of the files."""
    changed = tuple(
        Layer(layer.path, layer.prefix, tomllib.loads(texts[layer.path.resolve()].lstrip(_BYTE_ORDER_MARK)))
        if layer.path.resolve() in texts
        else layer
        for layer in layers
    )
    for runtime in runtime_names(changed) or (None,):
        validate(resolve(changed, runtime), with_runtime(changed, runtime))


__all__ = ["MARKER", "Edit", "edited", "in_place", "overlay"]
