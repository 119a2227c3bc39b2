"""What a family file declares: how its networks are written, and which of them have names.

A family file holds one function per idea and one `FAMILY` (or several in `FAMILIES`). Nothing here or there
imports onnx, so that listing the zoo stays cheap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that differ only in hyper-parameters.

    write: `write(net, image, *, scale, ...)` returns the output Value, or a tuple of them; its keyword-only
        parameters, annotated int, float, str or bool, are the options a user may give.
    citation: where the network was published.
    variants: name without the scale -> options (those of `write`, or batch, colours, height, width).
    scales: each variant is named once per scale with the suffix `_x2` ...; () means that names carry none.
    input: options all variants share (batch, colours, height, width).
    """

    write: Callable[..., Any]
    citation: str
    variants: Mapping[str, Mapping[str, Any]]
    scales: tuple[int, ...] = (2, 3, 4)
    input: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """Full name -> options, in the order of declaration."""
        if not self.scales:
            return {name: {**self.input, **options} for name, options in self.variants.items()}
        return {
            f"{name}_x{scale}": {**self.input, "scale": scale, **options}
            for name, options in self.variants.items()
            for scale in self.scales
        }


def families(module: ModuleType) -> tuple[Family, ...]:
    """Families that a file declares."""
    declared: tuple[Family, ...] = getattr(module, "FAMILIES", ())
    return (module.FAMILY, *declared) if hasattr(module, "FAMILY") else declared
