"""Finds the gate's configuration and reads it; every fault at once, each with file, line and key."""

from __future__ import annotations

import json
import os
import shlex
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from latencylab.device.faults import nearest, shown
from latencylab.errors import ConfigError, InputFileError
from latencylab.gating import positions
from latencylab.gating.config import GateFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from latencylab.gating.positions import Key

OWN_NAME: Final = "latencylab.toml"
PYPROJECT: Final = "pyproject.toml"
_UPDATE: Final = "latencylab baseline update"
_START: Final = (
    f"no {OWN_NAME} and no [tool.latencylab] in a {PYPROJECT} here or above; a first one has [[budget]] and, "
    'on lines below it, models = ["models/*.onnx"] and latency_ms = { max = 40.0 }'
)


# What pydantic calls by the names of its types.
_PLAIN: Final = {
    "too_short": "at least one",
    "string_too_short": "a text that is not empty",
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": "an array",
    "string_type": "a text",
    "float_type": "a number",
    "int_type": "a whole number",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration and where it stands.

    prefix: the tables around it, ("tool", "latencylab") or (). named: how the user called the file; None if
    it was found.
    """

    path: Path
    file: GateFile
    prefix: Key = ()
    lines: Mapping[Key, int] = field(default_factory=dict)
    named: str | None = None

    @property
    def update_command(self) -> str:
        """Return the command that writes the baseline of this configuration."""
        return f"{_UPDATE} --config {shlex.quote(self.named)}" if self.named else _UPDATE

    @property
    def folder(self) -> Path:
        """What its paths and globs are relative to."""
        return self.path.parent

    @property
    def shown_path(self) -> str:
        """The file as seen from the working folder, with slashes: what an annotation must name."""
        return shown_path(self.path)

    def line_of(self, *key: str | int) -> int:
        """Line to edit for a key."""
        return positions.line_of((*self.prefix, *key), self.lines)

    def place(self, *key: str | int) -> str:
        """File, line and path of a key, as messages begin."""
        return f"{self.shown_path}:{self.line_of(*key)}: {self.dotted(*key)}"

    def dotted(self, *key: str | int) -> str:
        """Path of the key to edit."""
        return positions.dotted((*self.prefix, *key))


def shown_path(path: Path) -> str:
    """Path relative to the working folder where it lies below it."""
    relative = os.path.relpath(path)
    return Path(path if relative.startswith("..") else relative).as_posix()


def load(config: str | Path | None = None) -> Settings:
    """Read a configuration; without a path, the nearest one from the working folder upwards.

    Raises ConfigError for what is no valid configuration and where there is none, InputFileError for a file
    that cannot be read.
    """
    if config is not None:
        path = Path(config)
        settings = _read(path.resolve(), path)
        if settings is None:
            raise ConfigError(f"{config}: there is no [tool.latencylab] in it")
        return replace(settings, named=str(config))
    return _nearest(Path.cwd())


def _nearest(start: Path) -> Settings:
    for folder in (start, *start.parents):
        for name in (OWN_NAME, PYPROJECT):
            if (folder / name).is_file():
                settings = _read(folder / name, folder / name)
                if settings is not None:
                    return settings
    raise ConfigError(_START)


def _read(path: Path, named: Path) -> Settings | None:
    """Read one file; None for a pyproject.toml that does not speak of latencylab."""
    tables, text = _parsed(path, named)
    prefix: Key = ("tool", "latencylab") if path.name == PYPROJECT else ()
    for part in prefix:
        if not isinstance(tables, dict) or part not in tables:
            return None
        tables = tables[str(part)]
    lines = positions.lines(text)
    return Settings(path, _validated(tables, prefix, lines, shown_path(path)), prefix, lines)


def _parsed(path: Path, named: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        raise InputFileError(f"cannot read {named}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{shown_path(path)}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{shown_path(path)}: not TOML: {error}") from error


def _validated(tables: object, prefix: Key, lines: Mapping[Key, int], shown_file: str) -> GateFile:
    try:
        # As JSON, because there a strict pydantic takes lists for what they stand for.
        return GateFile.model_validate_json(json.dumps(tables, default=str))
    except ValidationError as error:
        items = error.errors(include_url=False)
        telling = [item for item in items if not _is_echo(item)] or items
        faults = dict.fromkeys(_fault(item, prefix, lines, shown_file) for item in telling)
        raise ConfigError("; ".join(faults)) from error


def _is_echo(item: ErrorDetails) -> bool:
    """Whether another fault says it better: of the items of an array, or of the array that no text was."""
    is_for_its_items = item["type"] == "too_short" and bool(item["input"])
    is_other_choice = item["type"] == "string_type" and isinstance(item["input"], list)
    return is_for_its_items or (is_other_choice and _is_choice(item["loc"][-1]))


def _fault(item: ErrorDetails, prefix: Key, lines: Mapping[Key, int], shown_file: str) -> str:
    # pydantic adds the name of the union's member it tried; such a part is no key of the file.
    key = tuple(part for part in item["loc"] if not _is_choice(part))
    line = positions.line_of((*prefix, *key), lines)
    return f"{shown_file}:{line}: {positions.dotted((*prefix, *key)) or 'the file'}: {_told(item, key)}"


def _is_choice(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"constrained-str", "str"})


def _told(item: ErrorDetails, key: Key) -> str:
    kind, message = item["type"], item["msg"]
    if kind == "extra_forbidden":
        return f"unknown key{nearest(str(key[-1]), known_keys(key[:-1]))}"
    if kind == "missing":
        return "missing"
    if kind in _PLAIN:
        return f"found {shown(item['input'])}, expected {_PLAIN[kind]}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "literal_error":
        known = [name.strip().strip("'") for name in item["ctx"]["expected"].replace(" or ", ",").split(",")]
        hint = nearest(str(item["input"]), known)
        return f"found {shown(item['input'])}, expected one of {', '.join(known)}" + (
            hint if "did" in hint else ""
        )
    return f"found {shown(item['input'])}, expected {message.removeprefix('Input should be ')}"


def known_keys(path: Key) -> tuple[str, ...]:
    """Keys that the table at a path of the file may have."""
    names = [part for part in path if isinstance(part, str)]
    model: Any = GateFile
    for name in names:
        model = _table_type(model.model_fields[name].annotation) if model else None
    return tuple(model.model_fields) if model else ()


def _table_type(annotation: Any) -> Any:
    """Find the model within an annotation: `X | None`, `tuple[X, ...]`."""
    from typing import get_args

    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for part in get_args(annotation) if (found := _table_type(part))), None)
