"""The baseline: numbers kept in the repository, sorted JSON, with hashes of what they were made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latencylab import __version__
from latencylab.comparison import Part, parts, picoseconds
from latencylab.errors import InputFileError, ResultError
from latencylab.result import rounded
from latencylab.units import MS_PER_S, PS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from latencylab.result import Estimate

SCHEMA_VERSION: Final = 1
MARKER: Final = b'"kind": "latencylab baseline"'
_PS_PER_MS: Final = PS_PER_S // MS_PER_S


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class _Kernel(_Table):
    name: str
    kind: str
    engine: str
    shape: tuple[int, ...]
    macs: int = Field(ge=0)
    dram_bytes: int = Field(ge=0)
    start_ms: float = Field(ge=0)
    latency_ms: float = Field(ge=0)


class _Entry(_Table):
    model_sha256: str
    device_sha256: str
    cost_model_version: str
    latency_ms: float = Field(ge=0)
    meta_nodes: tuple[_Kernel, ...]


class _File(_Table):
    entries: dict[str, _Entry]


@dataclass(frozen=True, slots=True)
class Entry:
    """What was predicted for one case, when, so to speak: the hashes say from what."""

    model_sha256: str
    device_sha256: str
    cost_model_version: str
    latency_ps: int
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, estimate: Estimate) -> Entry:
        """Keep an estimate."""
        return cls(
            estimate.model.sha256,
            estimate.device.sha256,
            estimate.cost_model_version,
            picoseconds(estimate.latency_s),
            parts(estimate),
        )


def dumps(entries: Mapping[str, Entry]) -> bytes:
    """Write a baseline: sorted keys, a trailing newline, no date: the same numbers give the same bytes."""
    document = {
        "kind": "latencylab baseline",
        "schema_version": SCHEMA_VERSION,
        "latencylab_version": __version__,
        "entries": {case: _encoded(entry) for case, entry in entries.items()},
    }
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _encoded(entry: Entry) -> dict[str, Any]:
    return {
        "model_sha256": entry.model_sha256,
        "device_sha256": entry.device_sha256,
        "cost_model_version": entry.cost_model_version,
        "latency_ms": _ms(entry.latency_ps),
        "meta_nodes": [
            {
                "name": part.name,
                "kind": part.kind,
                "engine": part.engine,
                "shape": list(part.shape),
                "macs": part.macs,
                "dram_bytes": part.dram_bytes,
                "start_ms": _ms(part.start_ps),
                "latency_ms": _ms(part.latency_ps),
            }
            for part in entry.parts
        ],
    }


def load(path: Path, shown: str, update: str = "latencylab baseline update") -> dict[str, Entry]:
    """Read a baseline. shown: how messages call the file; update: the command that makes it anew.

    Raises InputFileError where there is none, ResultError for one that is corrupt or of another schema
    version; both say what to run.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise InputFileError(f"there is no baseline {shown}; make it: {update}") from error
    except OSError as error:
        raise InputFileError(f"cannot read {shown}: {error.strerror}") from error
    return {case: _decoded(entry) for case, entry in _validated(text, shown, update).entries.items()}


def _validated(text: bytes, shown: str, update: str) -> _File:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{shown}: corrupt baseline: not JSON ({error}); make it anew: {update}") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        found = "no schema_version" if version is None else f"schema version {version!r}"
        raise ResultError(
            f"{shown}: a baseline with {found}; this latencylab reads {SCHEMA_VERSION}; "
            f"make it anew: {update}"
        )
    try:
        return _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultError(
            f"{shown}: corrupt baseline: {where}: {first['msg']}; make it anew: {update}"
        ) from error


def _decoded(entry: _Entry) -> Entry:
    kernels = tuple(
        Part(k.name, k.kind, k.engine, k.shape, k.macs, k.dram_bytes, _ps(k.start_ms), _ps(k.latency_ms))
        for k in entry.meta_nodes
    )
    hashes = (entry.model_sha256, entry.device_sha256, entry.cost_model_version)
    return Entry(*hashes, _ps(entry.latency_ms), kernels)


def _ms(value_ps: int) -> float:
    return rounded(value_ps / _PS_PER_MS)


def _ps(value_ms: float) -> int:
    return round(Decimal(repr(value_ms)) * _PS_PER_MS)
