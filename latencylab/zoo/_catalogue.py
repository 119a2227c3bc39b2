"""catalogue.csv: what `zoo list` shows, so that listing builds nothing and imports no family.

Written by `python -m latencylab.zoo` from the families themselves; a test keeps it current. A
family file it does not know yet is imported to be listed, so that adding a file is enough.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from latencylab import plugins
from latencylab.zoo._family import Family, families

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATH = Path(__file__).with_name("catalogue.csv")


@dataclass(frozen=True, slots=True)
class Entry:
    """One named network at its default size; the counts are None until the catalogue is written anew.

    macs: multiply-accumulates of convolutions and fully connected layers, binary ones included, an inference.
    """

    name: str
    family: str
    nodes: int | None
    parameters: int | None
    parameters_frozen: int | None
    macs: int | None
    citation: str


@cache
def entries() -> Mapping[str, Entry]:
    """Every network and meta-node by name."""
    found = {entry.name: entry for entry in _read()}
    known = {entry.family for entry in found.values()}
    for module in plugins.names("zoo"):
        if module not in known:
            found |= {e.name: e for e in _declared(module)}
    return found


def network(name: str) -> tuple[Family, Mapping[str, object]]:
    """The family of an entry's name, which alone is imported, and the options of the name."""
    declared = families(plugins.load("zoo", entries()[name].family))
    return next((family, family.networks[name]) for family in declared if name in family.networks)


def _read() -> Iterator[Entry]:
    with PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts = {key: int(row[key]) for key in ("nodes", "parameters", "parameters_frozen", "macs")}
            yield Entry(name=row["name"], family=row["family"], citation=row["citation"], **counts)


def _declared(module: str) -> Iterator[Entry]:
    for family in families(plugins.load("zoo", module)):
        for name in family.networks:
            yield Entry(name, module, None, None, None, None, family.citation)
