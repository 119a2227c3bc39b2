"""Advice as text: what to change, one row a change; what the best changes save together; what was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from latencylab import units
from latencylab.printable import printable
from latencylab.reporters._columns import Field, aligned, paragraph
from latencylab.reporters.md import escaped, piped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from latencylab.advising import Advised, WhatIf
    from latencylab.rewrites._applying import Applied

_FIELDS: Final = (
    Field("saves ms", "number"),
    Field("then ms", "number"),
    Field("function"),
    Field("rewrite"),
    Field("change", "text"),
)


def render(
    advised: Advised, done: Applied | None, format_name: str, *, shows_all: bool = False, width: int = 160
) -> str:
    """Render advice as "table", "md" or "json".

    done: what was written, if anything. shows_all: also the changes that cost time.
    width: text columns, of the table.
    """
    if format_name == "json":
        return json.dumps(as_dict(advised, done), indent=2, sort_keys=True)
    shown = advised.what_ifs if shows_all else advised.worthwhile
    cells = [_row(what_if) for what_if in shown]
    if format_name == "md":
        table = piped(_FIELDS, cells)
        return "\n".join(_around(advised, done, table if cells else "", escaped))
    table = aligned(_FIELDS, [tuple(map(printable, row)) for row in cells], width) if cells else ""
    return "\n".join(_around(advised, done, table, lambda text: paragraph(printable(text), width)))


def _around(advised: Advised, done: Applied | None, table: str, safe: Callable[[str], str]) -> Iterator[str]:
    """Yield the table, or why there is none, between the network's name and what follows from it."""
    base = advised.base
    runtime = f":{base.device.runtime}" if base.device.runtime else ""
    yield safe(f"{base.model.name} on {base.device.name}{runtime}: {units.milliseconds(base.latency_s)} ms")
    yield ""
    yield table or safe(_nothing(advised))
    for line in (*_together(advised), *_written(done)):
        yield safe(line) if line else ""


def _nothing(advised: Advised) -> str:
    return "no rewrite saves time here" + ("; -v shows what they would cost" if advised.what_ifs else "")


def _row(what_if: WhatIf) -> tuple[str, ...]:
    change = what_if.change
    return (
        _saved(what_if.saves_s),
        units.milliseconds(what_if.latency_s),
        change.preserves + ("*" if change.given else ""),
        change.rule,
        change.text + (f" (* if {change.given})" if change.given else ""),
    )


def _together(advised: Advised) -> list[str]:
    if len(advised.combined) < 2:
        return []
    steps = ", ".join(dict.fromkeys(change.rule for change in advised.combined))
    saved_s = advised.latency_s - advised.combined_s
    return [
        "",
        f"together ({steps}): saves {_saved(saved_s)} ms, then {units.milliseconds(advised.combined_s)} ms",
    ]


def _written(done: Applied | None) -> list[str]:
    if done is None:
        return []
    rules = ", ".join(dict.fromkeys(change.rule for change in done.changes))
    return [
        "",
        f"written with {rules}",
        f"largest difference on random input: {done.max_difference:.3g} (tolerance {done.tolerance:.3g})",
    ]


def _saved(value_s: float) -> str:
    sign = "-" if value_s < 0 else ""
    return sign + units.milliseconds(abs(value_s))


def as_dict(advised: Advised, done: Applied | None) -> dict[str, Any]:
    """Return the advice as plain data, units in the names."""
    base = advised.base
    data: dict[str, Any] = {
        "model": base.model.name,
        "device": base.device.name,
        "runtime": base.device.runtime,
        "engine": base.engine,
        "layout": base.device.layout,
        "latency_ms": advised.latency_s * units.MS_PER_S,
        "advice": [_what_if(what_if) for what_if in advised.what_ifs],
        "together": {
            "changes": [change.text for change in advised.combined],
            "saves_ms": (advised.latency_s - advised.combined_s) * units.MS_PER_S,
            "latency_ms": advised.combined_s * units.MS_PER_S,
        },
    }
    if done is not None:
        data["written"] = {
            "rewrites": [change.rule for change in done.changes],
            "max_difference": done.max_difference,
            "tolerance": done.tolerance,
        }
    return data


def _what_if(what_if: WhatIf) -> dict[str, Any]:
    change = what_if.change
    return {
        "rewrite": change.rule,
        "change": change.text,
        "nodes": change.nodes,
        "preserves": change.preserves,
        "given": change.given,
        "saves_ms": what_if.saves_s * units.MS_PER_S,
        "latency_ms": what_if.latency_s * units.MS_PER_S,
    }
