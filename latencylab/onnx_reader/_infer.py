"""Shapes and types of a node's outputs: onnx's own inference, asked once per distinct call.

Networks repeat themselves, and the candidates of a search repeat each other: two hundred identical blocks
cost one question each kind of node, so reading stays linear and cheap. Operators onnx has no shapes for
(com.microsoft, a few others) are answered in `_contrib`.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TypeProto, checker, defs, helper, numpy_helper, shape_inference

from latencylab.errors import ModelError
from latencylab.onnx_reader import _contrib, _guards, _misfits
from latencylab.onnx_reader._order import shown
from latencylab.onnx_reader._text import dimensions, one_line
from latencylab.onnx_reader._value import CODES, Partial, Value, partial_from_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from latencylab.onnx_reader._order import Step

_FAULTS = (
    *(shape_inference.InferenceError, checker.ValidationError, RuntimeError, ValueError, IndexError),
    *(KeyError, TypeError, OverflowError, MemoryError),
)
_FLOAT_DECIDES_SHAPE = frozenset({"Resize", "Upsample", "Range", "OneHot", "MelWeightMatrix"})


@lru_cache(maxsize=4096)
def _schema(op_type: str, version: int, domain: str) -> defs.OpSchema | None:
    try:
        return defs.get_schema(op_type, version, domain)
    except (defs.SchemaError, RuntimeError, ValueError, TypeError):
        return None


@lru_cache(maxsize=65536)
def _tensor_type(dtype: str, shape: tuple[int, ...]) -> TypeProto:
    return helper.make_tensor_type_proto(CODES[dtype], shape)


_MOST_ANSWERS = 8192


@lru_cache(maxsize=16)
def _answers(opsets: tuple[tuple[str, int], ...], ir_version: int) -> dict[Any, tuple[Partial, ...]]:  # noqa: ARG001
    """What was asked before for models of these operator sets; the cache is what makes it the same dict."""
    return {}


class Inference:
    """Answers for one model: its operator sets, and what was asked before."""

    def __init__(self, opsets: Mapping[str, int], ir_version: int) -> None:
        self._opsets = opsets
        self._imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        self._ir_version = ir_version
        self._known = _answers(tuple(sorted(opsets.items())), ir_version)

    def schema(self, step: Step) -> defs.OpSchema | None:
        """The operator's schema in this model's opset, or None where onnx does not know it."""
        return _schema(step.op_type, self._opsets.get(step.domain, 1), step.domain)

    def outputs(
        self, step: Step, spelling: bytes, attributes: Mapping[str, Any], inputs: Sequence[Value | None]
    ) -> tuple[Partial, ...]:
        """One Partial an output, in order.

        spelling: the serialised attributes, which tell two calls apart.
        Raises ModelError if the inputs do not fit the operator.
        """
        present = tuple(map(bool, step.outputs))
        given = tuple([_identity(step.op_type, value) for value in inputs])
        key = (step.op_type, step.domain, spelling, present, given)
        answer = self._known.get(key)
        if answer is None:
            if len(self._known) >= _MOST_ANSWERS:
                self._known.clear()
            answer = self._known[key] = self._ask(step, attributes, inputs)
        return answer

    def _ask(
        self, step: Step, attributes: Mapping[str, Any], inputs: Sequence[Value | None]
    ) -> tuple[Partial, ...]:
        known = self.schema(step)
        try:
            own = _contrib.outputs(self, step.op_type, step.domain, attributes, inputs)
            if own is not None:
                return own + (Partial(),) * (len(step.outputs) - len(own))
            if known is None:
                return (Partial(),) * len(step.outputs)
            _guards.check(step, attributes)
            found = self._ask_onnx(known, step, inputs)
            if step.domain == "":
                _misfits.check(step.op_type, inputs, attributes)
            return found
        except _FAULTS as error:
            given = ", ".join(dimensions(value.shape) for value in inputs if value is not None)
            reason = one_line(str(error)).removeprefix("[ShapeInferenceError] ")
            raise ModelError(f"{shown(step.node)} does not fit its inputs ({given}): {reason}") from error

    def standard(
        self, op_type: str, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
    ) -> tuple[int | None, ...] | None:
        """Shape of the first output of a standard operator on these inputs, at the newest opset."""
        names = [f"i{index}" if value is not None else "" for index, value in enumerate(inputs)]
        node = helper.make_node(op_type, names, ["y"], **attributes)
        version = defs.onnx_opset_version()
        known = defs.get_schema(op_type, version, "")
        types = {
            name: _type_of(value) for name, value in zip(names, inputs, strict=True) if value is not None
        }
        found = shape_inference.infer_node_outputs(
            known, node, types, opset_imports=[helper.make_opsetid("", version)]
        )
        return partial_from_type(found["y"]).shape if "y" in found else None

    def _ask_onnx(
        self, known: defs.OpSchema, step: Step, inputs: Sequence[Value | None]
    ) -> tuple[Partial, ...]:
        given = {name: value for name, value in zip(step.inputs, inputs, strict=True) if value is not None}
        types = {name: _type_of(value) for name, value in given.items()}
        data = {
            name: numpy_helper.from_array(value.array, name)
            for name, value in given.items()
            if value.array is not None and _decides_shape(step.op_type, value)
        }
        found = shape_inference.infer_node_outputs(
            known, step.node, types, data, opset_imports=self._imports, ir_version=self._ir_version
        )
        return tuple(
            [partial_from_type(found[name]) if name in found else Partial() for name in step.outputs]
        )


def _type_of(value: Value) -> TypeProto:
    return value.container if value.container is not None else _tensor_type(value.dtype, value.shape)


def _decides_shape(op_type: str, value: Value) -> bool:
    """Whether a shape may hang on this constant's content (sizes, axes, pads; not scales or biases)."""
    small = prod(value.shape) <= 8
    return value.dtype == "int64" or (small and (value.dtype == "int32" or op_type in _FLOAT_DECIDES_SHAPE))


def _identity(op_type: str, value: Value | None) -> Any:
    if value is None:
        return None
    if value.array is not None and _decides_shape(op_type, value):
        return (value.dtype, value.shape, np.ascontiguousarray(value.array).tobytes())
    if value.container is not None:
        return (value.dtype, value.shape, value.container.SerializeToString(deterministic=True))
    return (value.dtype, value.shape)
