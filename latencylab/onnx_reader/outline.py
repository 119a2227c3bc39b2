"""The nodes of an ONNX file as they stand: no normalisation, no shapes, unknown operators welcome.

For graphs that onnxruntime wrote after optimizing, whose private operators no shape inference knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.graph import Node
from latencylab.onnx_reader._attributes import attributes_of
from latencylab.onnx_reader._source import open_source

if TYPE_CHECKING:
    from pathlib import Path


def outline(path: Path) -> tuple[Node, ...]:
    """Return the main graph's nodes in file order, subgraphs left out.

    Raises InputFileError and ModelError as `read` does.
    """
    return tuple(
        Node(
            name=proto.name,
            op_type=proto.op_type,
            inputs=tuple(proto.input),
            outputs=tuple(proto.output),
            attributes=attributes_of(proto.attribute),
            domain=proto.domain,
        )
        for proto in open_source(path).proto.graph.node
    )
