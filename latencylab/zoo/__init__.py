"""The zoo: reference networks and the study's meta-nodes, a family a file, built with onnx.helper.

    build("abpn_x3")                                 what `zoo:abpn_x3` names on the command line
    build("abpn_x3?height=180&width=320")            the same with options in the name
    build("ecbsr_m4c16_x2", spelling="torchscript")  pixel shuffle and repeats as an exporter spells them

Listing (`names`, `catalogue`) reads one small file; building imports onnx and one family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latencylab.errors import UnknownNameError
from latencylab.zoo import _options
from latencylab.zoo._catalogue import Entry, entries, network

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Entry", "build", "catalogue", "metanode_names", "names"]

_METANODES = "metanodes"


def catalogue() -> tuple[Entry, ...]:
    """Every network with its parameters, MACs (at its default size) and citation; meta-nodes not included."""
    return tuple(entry for entry in entries().values() if entry.family != _METANODES)


def names() -> tuple[str, ...]:
    """Names of the networks, family by family."""
    return tuple(entry.name for entry in catalogue())


def metanode_names() -> tuple[str, ...]:
    """Names of the study's meta-nodes, in the order of its table."""
    return tuple(name for name, entry in entries().items() if entry.family == _METANODES)


def build(name: str, *, weights: bool = True, **options: Any) -> ModelProto:
    """Build a network or meta-node by name, which may carry options; keyword options win over those.

    Options of every network: batch, colours, height, width, spelling (clean, torchscript, dynamo); the others
    are the keyword parameters of its family. Without `weights`, tensors above 64 elements are declared as
    external data that no file holds, except binary weights, whose values are their type.

    Raises UnknownNameError for a network or option nobody has, with the nearest; LatencyLabError for values
    that make no network.
    """
    bare, inline = _options.parse(name)
    if bare not in entries():
        raise UnknownNameError("zoo network", bare, entries(), "latencylab zoo list")
    from latencylab.zoo._assembly import assemble

    family, declared = network(bare)
    return assemble(bare, family, {**declared, **inline, **options}, weights=weights)
