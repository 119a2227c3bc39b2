"""Qualities by model name, from a CSV: `model,psnr_db`, other columns as they please."""

from __future__ import annotations

import csv
import io
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

from latencylab.errors import ConfigError, InputFileError

if TYPE_CHECKING:
    from _csv import Reader as _Reader
    from collections.abc import Mapping

_MODEL: Final = ("model", "network", "name", "entry")
_QUALITY: Final = ("psnr_db", "quality_db", "psnr")
# More than any format of an image can have.
_MOST_DB: Final = 200


def read_quality(path: str | Path) -> dict[str, float]:
    """Read qualities in dB by model name; a row without a quality is left out.

    Raises InputFileError for a file that cannot be read, ConfigError for a missing column, for what is no
    number and for a model with two qualities; the message names the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputFileError(f"cannot read {path}: {reason}") from error
    # Not splitlines: a quoted name may hold what Python takes for the end of a line.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return _qualities(reader, path)
    except csv.Error as error:
        raise ConfigError(f"{path}:{reader.line_num}: not CSV: {error}") from error


def _qualities(reader: _Reader, path: str | Path) -> dict[str, float]:
    headers = [header.strip() for header in next(reader, ())]
    model, quality = (_column(names, headers, path) for names in (_MODEL, _QUALITY))
    found: dict[str, float] = {}
    for cells in reader:
        row = dict(zip(headers, cells, strict=False))
        name, value = row.get(model, "").strip(), row.get(quality, "").strip()
        place = f"{path}:{reader.line_num}"
        if name and value and found.setdefault(name, _number(value, place)) != _number(value, place):
            raise ConfigError(f"{place}: {name} has two qualities, {found[name]:g} and {value} dB")
    return found


def _column(names: tuple[str, ...], headers: list[str], path: str | Path) -> str:
    for name in names:
        if headers.count(name) > 1:
            raise ConfigError(f"{path}:1: two columns {name!r}")
        if name in headers:
            return name
    raise ConfigError(f"{path}:1: no column {names[0]!r}; found {', '.join(headers) or 'nothing'}")


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ConfigError(f"{place}: {text!r} is no quality in dB")
    return value


def check_plausible(qualities: Mapping[str, float]) -> None:
    """Raise ConfigError for what is no PSNR: the score is an exponential of it."""
    for name, value in qualities.items():
        if not 0 < value <= _MOST_DB:
            raise ConfigError(
                f"the quality of {name} is {value:g} dB, expected above 0 and at most {_MOST_DB}"
            )


def quality_of(names: tuple[str, ...], qualities: Mapping[str, float]) -> float | None:
    """Look a model up by any of its names, the most specific first."""
    return next((qualities[name] for name in names if name in qualities), None)
