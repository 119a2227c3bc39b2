"""Shape arithmetic with operators that hardly ever take part in it, by onnx's reference implementation.

Importing it takes longer than a whole estimate, hence only where nothing else knows the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, defs, helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.onnx_reader._attributes import Array

_FAULTS = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)


def compute(
    op_type: str, arrays: Sequence[Array | None], attributes: Mapping[str, Any], output_count: int
) -> tuple[Array, ...] | None:
    """Outputs of one call in its newest spelling; None where the reference has no answer."""
    from onnx.reference import ReferenceEvaluator

    names = ["" if array is None else f"i{index}" for index, array in enumerate(arrays)]
    feeds = {name: np.asarray(array) for name, array in zip(names, arrays, strict=True) if array is not None}
    outputs = [f"o{index}" for index in range(output_count)]
    try:
        node = helper.make_node(op_type, names, outputs, **attributes)
        infos = [helper.make_value_info(name, _type_of(array)) for name, array in feeds.items()]
        results = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs]
        graph = helper.make_graph([node], "fold", infos, results)
        imports = [helper.make_opsetid("", defs.onnx_opset_version())]
        model = helper.make_model(graph, opset_imports=imports)
        computed = ReferenceEvaluator(model).run(None, feeds)
    except _FAULTS:
        return None
    return tuple(np.asarray(array) for array in computed)


def _type_of(array: Array) -> Any:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
