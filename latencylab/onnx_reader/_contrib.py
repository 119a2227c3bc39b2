"""Output shapes of operators that onnx itself cannot answer for: onnxruntime's com.microsoft and a few more.

Most are kin of a standard operator (a quantized, fused or channels-last spelling); their shape is asked of
that operator on the inputs that matter. Source: onnxruntime's docs/ContribOperators.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latencylab import dtypes
from latencylab.onnx_reader._value import Partial, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latencylab.onnx_reader._infer import Inference

_DOMAINS = frozenset({"com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"})
_WINDOW = ("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
_POOL = ("kernel_shape", "strides", "pads", "auto_pad", "ceil_mode")


class Kin(NamedTuple):
    """A standard operator that gives the same shape.

    takes: which inputs it reads. keeps: attributes it shares. typed_by: the input whose type the output has.
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
_SAME = (
    *(
        "BiasAdd",
        "BiasDropout",
        "BiasGelu",
        "BiasSoftmax",
        "BitmaskDropout",
        "FastGelu",
        "Gelu",
        "GridSample",
    ),
    *(
        "GroupNorm",
        "Inverse",
        "LayerNormalization",
        "QuickGelu",
        "RotaryEmbedding",
        "SimplifiedLayerNormalization",
    ),
    "Trilu",
)
_SAME_QUANTIZED = ("QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax")
_SAME_ELSEWHERE = frozenset(
    {("", "GroupNormalization"), ("", "MeanVarianceNormalization")}
    | {("ai.onnx.ml", name) for name in ("Imputer", "Normalizer", "Scaler")}
)
"""Operators of onnx itself that have no inference of their own."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A call whose shapes are asked for."""

    inference: Inference
    inputs: Sequence[Value | None]
    attributes: Mapping[str, Any]

    def input(self, index: int) -> Value:
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise ValueError(f"input {index} is absent")
        return value._replace(array=None)

    def optional(self, index: int) -> Value | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def standard(
        self, op_type: str, inputs: Sequence[Value], **attributes: Any
    ) -> tuple[int | None, ...] | None:
        return self.inference.standard(op_type, inputs, attributes)


def outputs(
    inference: Inference,
    op_type: str,
    domain: str,
    attributes: Mapping[str, Any],
    inputs: Sequence[Value | None],
) -> tuple[Partial, ...] | None:
    """Partials of the leading outputs, or None where onnx (or nobody) is to be asked."""
    ask = _Ask(inference, inputs, attributes)
    if (domain, op_type) in _SAME_ELSEWHERE:
        return _same(ask)
    if domain not in _DOMAINS:
        return None
    if op_type in _RULES:
        return _RULES[op_type](ask)
    if op_type in _KIN:
        is_nhwc = attributes.get("channels_last") or op_type.startswith("Nhwc") or domain.endswith("nhwc")
        return _kin(ask, _KIN[op_type], channels_last=bool(is_nhwc))
    return None


def _kin(ask: _Ask, kin: Kin, *, channels_last: bool) -> tuple[Partial, ...]:
    """Ask the standard operator; channels-last activations are turned to channels-first and back."""
    taken = [ask.input(index)._replace(dtype="float32", container=None) for index in kin.takes]
    if channels_last:
        taken[0] = taken[0]._replace(shape=_channels_first(taken[0].shape))
    kept = {name: ask.attributes[name] for name in kin.keeps if name in ask.attributes}
    shape = ask.standard(kin.op_type, taken, **kept)
    if shape is not None and channels_last:
        shape = (shape[0], *shape[2:], shape[1])
    return (Partial(ask.input(kin.typed_by).dtype, shape),)


def _channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1])


def _same(ask: _Ask) -> tuple[Partial, ...]:
    first = ask.input(0)
    return (Partial(first.dtype if first.dtype in dtypes.FLOATS else "float32", first.shape),)


def _same_quantized(ask: _Ask) -> tuple[Partial, ...]:
    return (Partial(ask.input(0).dtype, ask.input(0).shape),)


def _q_concat(ask: _Ask) -> tuple[Partial, ...]:
    parts = [ask.input(index) for index in range(2, len(ask.inputs), 3)]
    shape = ask.standard("Concat", parts, axis=ask.attributes.get("axis", 1))
    return (Partial(ask.input(1).dtype, shape),)


def _q_where(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(1)
    return (Partial(x.dtype, np.broadcast_shapes(ask.input(0).shape, x.shape, ask.input(4).shape)),)


def _q_reduce(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    rank = len(x.shape)
    axes = {axis % rank for axis in ask.attributes.get("axes", range(rank))}
    if ask.attributes.get("keepdims", 1):
        return (Partial(x.dtype, tuple(1 if i in axes else d for i, d in enumerate(x.shape))),)
    return (Partial(x.dtype, tuple(d for i, d in enumerate(x.shape) if i not in axes)),)


def _quantize(ask: _Ask) -> tuple[Partial, ...]:
    zero_point = ask.optional(2)
    return (Partial(zero_point.dtype if zero_point else "uint8", ask.input(0).shape),)


def _dequantize(ask: _Ask) -> tuple[Partial, ...]:
    return (Partial(ask.input(1).dtype, ask.input(0).shape),)


def _fused_matmul(ask: _Ask) -> tuple[Partial, ...]:
    a, b = ask.input(0), ask.input(1)
    if ask.attributes.get("transA"):
        a = a._replace(shape=a.shape[:-2] + a.shape[:-3:-1])
    if ask.attributes.get("transB"):
        b = b._replace(shape=b.shape[:-2] + b.shape[:-3:-1])
    return (Partial(a.dtype, ask.standard("MatMul", [a, b])),)


def _matmul_nbits(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    return (Partial(x.dtype, (*x.shape[:-1], ask.attributes["N"])),)


def _skip_norm(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    statistics = Partial("float32", (*x.shape[:-1], 1))
    return (Partial(x.dtype, x.shape), statistics, statistics, Partial(x.dtype, x.shape))


def _split_gelu(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    return (Partial(x.dtype, (*x.shape[:-1], x.shape[-1] // 2)),)


def _attention(ask: _Ask) -> tuple[Partial, ...]:
    """The values' width is a third of the packed projection, unless the sizes are given."""
    x, weights = ask.input(0), ask.input(1)
    sizes = ask.attributes.get("qkv_hidden_sizes")
    width = sizes[2] if sizes else weights.shape[-1] // 3
    return (Partial(x.dtype if x.dtype in dtypes.FLOATS else "float32", (*x.shape[:-1], width)),)


def _multi_head_attention(ask: _Ask) -> tuple[Partial, ...]:
    query, value = ask.input(0), ask.optional(2)
    width = value.shape[-1] if value is not None and len(value.shape) == 3 else query.shape[-1]
    return (Partial(query.dtype, (*query.shape[:2], width)),)


def _reorder_input(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    return (Partial(x.dtype, _channels_first(x.shape) if ask.attributes.get("channels_last") else x.shape),)


def _reorder_output(ask: _Ask) -> tuple[Partial, ...]:
    x = ask.input(0)
    channels = ask.attributes.get("channels", x.shape[1])
    spatial = x.shape[2:]
    is_nhwc = ask.attributes.get("channels_last")
    return (
        Partial(x.dtype, (x.shape[0], *spatial, channels) if is_nhwc else (x.shape[0], channels, *spatial)),
    )


_RULES: dict[str, Callable[[_Ask], tuple[Partial, ...]]] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_SAME_QUANTIZED, _same_quantized),
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
