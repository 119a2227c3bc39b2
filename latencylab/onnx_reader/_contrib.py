"""Output shapes of operators that onnx itself cannot answer for: onnxruntime's com.microsoft and a few more.

Most are kin of a standard operator (a quantized, fused or channels-last spelling); their shape is asked of that
operator on the inputs that matter. Source: onnxruntime docs/ContribOperators.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latencylab.onnx_reader._value import Partial, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onnx import NodeProto

    from latencylab.onnx_reader._infer import Inference

    Rule = Callable[[Inference, Sequence[Value | None], Mapping[str, Any]], tuple[Partial, ...]]

_DOMAINS = frozenset({"com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"})
_WINDOW = ("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
_POOL = ("kernel_shape", "strides", "pads", "auto_pad", "ceil_mode")


class Kin(NamedTuple):
    """A standard operator that gives the same shape.

    takes: which inputs it reads. keeps: attributes it shares. typed_by: the input whose element type the output has.
    """

    op_type: str
    takes: tuple[int, ...]
    keeps: tuple[str, ...] = ()
    typed_by: int = 0


_KIN: dict[str, Kin] = {
    "FusedConv": Kin("Conv", (0, 1), _WINDOW),
    "Conv": Kin("Conv", (0, 1), _WINDOW),
    "NhwcFusedConv": Kin("Conv", (0, 1), _WINDOW),
    "NhwcConv": Kin("Conv", (0, 1), _WINDOW),
    "QLinearConv": Kin("Conv", (0, 3), _WINDOW),
    "QLinearAdd": Kin("Add", (0, 3)),
    "QLinearMul": Kin("Mul", (0, 3)),
    "QLinearAveragePool": Kin("AveragePool", (0,), _POOL),
    "QLinearGlobalAveragePool": Kin("GlobalAveragePool", (0,)),
    "AveragePool": Kin("AveragePool", (0,), (*_POOL, "count_include_pad")),
    "GlobalAveragePool": Kin("GlobalAveragePool", (0,)),
    "GlobalMaxPool": Kin("GlobalMaxPool", (0,)),
    "MaxPool": Kin("MaxPool", (0,), (*_POOL, "dilations")),
    "NhwcMaxPool": Kin("MaxPool", (0,), (*_POOL, "dilations")),
    "ConvTransposeWithDynamicPads": Kin("ConvTranspose", (0, 1), (*_WINDOW, "output_padding")),
    "QGemm": Kin("Gemm", (0, 3), ("transA", "transB")),
    "FusedGemm": Kin("Gemm", (0, 1), ("transA", "transB")),
    "MatMulInteger16": Kin("MatMul", (0, 1)),
    "MatMulIntegerToFloat": Kin("MatMul", (0, 1), typed_by=2),
    "DynamicQuantizeMatMul": Kin("MatMul", (0, 1)),
    "QLinearMatMul": Kin("MatMul", (0, 3)),
    "TransposeMatMul": Kin("MatMul", (0, 1)),
}
_SAME = frozenset(
    "Gelu FastGelu QuickGelu BiasGelu BiasAdd BiasDropout BiasSoftmax QLinearSigmoid QLinearLeakyRelu QLinearSoftmax "
    "GroupNorm Inverse Trilu RotaryEmbedding GridSample LayerNormalization SimplifiedLayerNormalization BitmaskDropout".split()
)
_SAME_STANDARD = frozenset({"GroupNormalization", "MeanVarianceNormalization"})
_SAME_ML = frozenset({"Scaler", "Imputer", "Normalizer"})


def outputs(
    inference: Inference,
    node: NodeProto,
    domain: str,
    attributes: Mapping[str, Any],
    inputs: Sequence[Value | None],
) -> tuple[Partial, ...] | None:
    """Partials of the leading outputs, or None where onnx (or nobody) is to be asked."""
    op_type = node.op_type
    if domain == "":
        return _same(inputs) if op_type in _SAME_STANDARD else None
    if domain == "ai.onnx.ml":
        return _same_as_float(inputs) if op_type in _SAME_ML else None
    if domain not in _DOMAINS:
        return None
    if op_type in _RULES:
        return _RULES[op_type](inference, inputs, attributes)
    if op_type in _SAME:
        return _same(inputs)
    if op_type in _KIN:
        channels_last = (
            bool(attributes.get("channels_last")) or op_type.startswith("Nhwc") or domain.endswith("nhwc")
        )
        return _kin(inference, _KIN[op_type], inputs, attributes, channels_last=channels_last)
    return None


def _first(inputs: Sequence[Value | None], index: int = 0) -> Value:
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise ValueError(f"input {index} is absent")
    return value


def _same(inputs: Sequence[Value | None]) -> tuple[Partial, ...]:
    first = _first(inputs)
    return (Partial(first.dtype, first.shape),)


def _same_as_float(inputs: Sequence[Value | None]) -> tuple[Partial, ...]:
    return (Partial("float32", _first(inputs).shape),)


def _kin(
    inference: Inference,
    kin: Kin,
    inputs: Sequence[Value | None],
    attributes: Mapping[str, Any],
    *,
    channels_last: bool,
) -> tuple[Partial, ...]:
    """Ask the standard operator; channels-last activations are turned to channels-first and back."""
    taken = [
        replace(_first(inputs, index), dtype="float32", array=None, container=None) for index in kin.takes
    ]
    kept = {name: attributes[name] for name in kin.keeps if name in attributes}
    if channels_last:
        taken[0] = replace(taken[0], shape=_channels_first(taken[0].shape))
    shape = inference.standard(kin.op_type, taken, kept)
    if shape is not None and channels_last:
        shape = (shape[0], *shape[2:], shape[1])
    return (Partial(_first(inputs, kin.typed_by).dtype, shape),)


def _channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1])


def _q_concat(
    inference: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    parts = [_first(inputs, index) for index in range(2, len(inputs), 3)]
    shape = inference.standard(
        "Concat", [replace(p, array=None) for p in parts], {"axis": attributes.get("axis", 1)}
    )
    return (Partial(_first(inputs, 1).dtype, shape),)


def _q_where(
    inference: Inference, inputs: Sequence[Value | None], _: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x, y = _first(inputs, 1), _first(inputs, 4)
    return (Partial(x.dtype, np.broadcast_shapes(_first(inputs).shape, x.shape, y.shape)),)


def _q_reduce(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    rank = len(x.shape)
    axes = {axis % rank for axis in attributes.get("axes", range(rank))}
    if attributes.get("keepdims", 1):
        return (Partial(x.dtype, tuple(1 if i in axes else d for i, d in enumerate(x.shape))),)
    return (Partial(x.dtype, tuple(d for i, d in enumerate(x.shape) if i not in axes)),)


def _quantize(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    zero_point = inputs[2] if len(inputs) > 2 else None
    return (Partial(zero_point.dtype if zero_point else "uint8", _first(inputs).shape),)


def _dequantize(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    return (Partial(_first(inputs, 1).dtype, _first(inputs).shape),)


def _fused_matmul(
    inference: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    pair = []
    for index, flag in ((0, "transA"), (1, "transB")):
        value = replace(_first(inputs, index), array=None)
        swapped = value.shape[:-2] + value.shape[:-3:-1]
        pair.append(replace(value, shape=swapped) if attributes.get(flag) else value)
    return (Partial(pair[0].dtype, inference.standard("MatMul", pair, {})),)


def _matmul_nbits(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    return (Partial(x.dtype, (*x.shape[:-1], attributes["N"])),)


def _skip_norm(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    return (
        Partial(x.dtype, x.shape),
        Partial("float32", (*x.shape[:-1], 1)),
        Partial("float32", (*x.shape[:-1], 1)),
        Partial(x.dtype, x.shape),
    )


def _split_gelu(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    return (Partial(x.dtype, (*x.shape[:-1], x.shape[-1] // 2)),)


def _attention(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    """The projected values' width is a third of the packed projection, unless the sizes are given."""
    x, weights = _first(inputs), _first(inputs, 1)
    sizes = attributes.get("qkv_hidden_sizes")
    width = sizes[2] if sizes else weights.shape[-1] // 3
    return (Partial(x.dtype if x.dtype != "uint8" else "float32", (*x.shape[:-1], width)),)


def _multi_head_attention(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    query = _first(inputs)
    value = inputs[2] if len(inputs) > 2 else None
    width = value.shape[-1] if value is not None and len(value.shape) == 3 else query.shape[-1]
    return (Partial(query.dtype, (*query.shape[:2], width)),)


def _reorder_input(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    return (Partial(x.dtype, _channels_first(x.shape) if attributes.get("channels_last") else x.shape),)


def _reorder_output(
    _: Inference, inputs: Sequence[Value | None], attributes: Mapping[str, Any]
) -> tuple[Partial, ...]:
    x = _first(inputs)
    channels = attributes.get("channels", x.shape[1])
    if attributes.get("channels_last"):
        return (Partial(x.dtype, (x.shape[0], *x.shape[2:], channels)),)
    return (Partial(x.dtype, (x.shape[0], channels, *x.shape[2:])),)


_RULES: dict[str, Rule] = {
    "QLinearConcat": _q_concat,
    "QLinearWhere": _q_where,
    "QLinearReduceMean": _q_reduce,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "FusedMatMul": _fused_matmul,
    "MatMulNBits": _matmul_nbits,
    "MatMulBnb4": _matmul_nbits,
    "SkipLayerNormalization": _skip_norm,
    "SkipSimplifiedLayerNormalization": _skip_norm,
    "BiasSplitGelu": _split_gelu,
    "Attention": _attention,
    "QAttention": _attention,
    "MultiHeadAttention": _multi_head_attention,
    "ReorderInput": _reorder_input,
    "ReorderOutput": _reorder_output,
}
