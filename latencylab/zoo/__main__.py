"""`python -m latencylab.zoo` writes catalogue.csv anew from the family files."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields

from latencylab import plugins
from latencylab.zoo._assembly import tally
from latencylab.zoo._catalogue import PATH, Entry
from latencylab.zoo._family import families


def render() -> str:
    """The catalogue's text: every network written once, without weights, and counted."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(Entry)], lineterminator="\n")
    writer.writeheader()
    for module in plugins.names("zoo"):
        for family in families(plugins.load("zoo", module)):
            for name, options in family.networks.items():
                counts = tally(name, family, options)
                writer.writerow(asdict(Entry(name=name, family=module, citation=family.citation, **counts)))
    return text.getvalue()


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
