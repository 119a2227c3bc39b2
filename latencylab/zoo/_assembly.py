"""Family + options -> a written network. Imports onnx, so only what builds imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latencylab.zoo import _options
from latencylab.zoo._builder import Net, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

    from latencylab.zoo._family import Family

# LR input of the study: x3 makes it 1080p.
_DEFAULTS: Mapping[str, Any] = {"batch": 1, "colours": 3, "height": 360, "width": 640, "spelling": "clean"}


def assemble(name: str, family: Family, options: Mapping[str, Any], *, weights: bool = True) -> ModelProto:
    """Write the network; options as `_options.check` takes them."""
    net, outputs = _write(name, family, options, weights=weights)
    return net.model(*outputs)


def tally(name: str, family: Family, options: Mapping[str, Any]) -> dict[str, int]:
    """What the catalogue says of a network, counted while it is written without weights."""
    net, _ = _write(name, family, options, weights=False)
    return {
        "nodes": net.node_count,
        "parameters": net.parameters,
        "parameters_frozen": net.parameters_frozen,
        "macs": net.macs,
    }


def _write(
    name: str, family: Family, options: Mapping[str, Any], *, weights: bool
) -> tuple[Net, tuple[Value, ...]]:
    checked = {**_DEFAULTS, **_options.check(name, family.write, options)}
    shape = tuple(checked.pop(axis) for axis in ("batch", "colours", "height", "width"))
    net = Net(name, weights=weights, spelling=checked.pop("spelling"))
    outputs = family.write(net, net.input("image", shape), **checked)
    return net, outputs if isinstance(outputs, tuple) else (outputs,)
