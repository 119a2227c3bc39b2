"""Shapes that contradict each other although onnx's inference lets them pass; every runtime refuses them.

Source: the operators' specifications, onnx docs/Operators.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from latencylab.onnx_reader._text import dimensions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from latencylab.onnx_reader._value import Value

    Inputs = Sequence[Value | None]
    Attributes = Mapping[str, Any]
    Shape = tuple[int, ...]


def check(op_type: str, inputs: Inputs, attributes: Attributes) -> None:
    """Raise ValueError, saying what does not fit what, for such a call of a standard operator."""
    rule = _RULES.get(op_type)
    if rule is not None:
        rule(inputs, attributes)


def _shape(inputs: Inputs, index: int) -> Shape | None:
    value = inputs[index] if index < len(inputs) else None
    return None if value is None else value.shape


def _refuse(is_misfit: bool, what: str) -> None:
    if is_misfit:
        raise ValueError(what)


def _convolution(weight_at: int, bias_at: int, *, is_transposed: bool = False) -> Callable[..., None]:
    def rule(inputs: Inputs, attributes: Attributes) -> None:
        data, weight, bias = (_shape(inputs, index) for index in (0, weight_at, bias_at))
        if data is None or weight is None or len(data) != len(weight) or len(data) < 3:
            return  # onnx says so itself
        groups = attributes.get("group", 1)
        _refuse(groups < 1, f"group is {groups}")
        read, written = (weight[0], weight[1] * groups) if is_transposed else (weight[1] * groups, weight[0])
        _refuse(read != data[1], f"the weight is for {read} input channels, not {data[1]}")
        _refuse(weight[0] % groups > 0, f"{weight[0]} channels do not divide into {groups} groups")
        kernel = attributes.get("kernel_shape") or weight[2:]
        _refuse(
            kernel != weight[2:],
            f"kernel_shape is {dimensions(kernel)}, the weight's {dimensions(weight[2:])}",
        )
        _refuse(bias not in {None, (written,)}, f"the bias is not one number for each of {written} channels")

    return rule


def _depth_to_space(inputs: Inputs, attributes: Attributes) -> None:
    data, block = _shape(inputs, 0), attributes.get("blocksize", 1)
    _refuse(
        data is not None and len(data) == 4 and block > 0 and data[1] % block**2 > 0,
        f"its channels are no multiple of {block} x {block}",
    )


def _space_to_depth(inputs: Inputs, attributes: Attributes) -> None:
    data, block = _shape(inputs, 0), attributes.get("blocksize", 1)
    _refuse(
        data is not None and len(data) == 4 and block > 0 and any(size % block for size in data[2:]),
        f"its height and width are no multiples of {block}",
    )


def _gemm(inputs: Inputs, attributes: Attributes) -> None:
    left, right, bias = (_shape(inputs, index) for index in range(3))
    if left is None or right is None or bias is None or len(left) != 2 or len(right) != 2:
        return
    rows, columns = left[int(attributes.get("transA", 0) != 0)], right[int(attributes.get("transB", 0) == 0)]
    _refuse(
        not _broadcasts(bias, (rows, columns)), f"the bias {dimensions(bias)} does not fit {rows}x{columns}"
    )


def _prelu(inputs: Inputs, _attributes: Attributes) -> None:
    data, slope = _shape(inputs, 0), _shape(inputs, 1)
    if data is None or slope is None:
        return
    # Before opset 7 a slope a channel is a plain vector.
    fits = _broadcasts(slope, data) or slope == data[1:2]
    _refuse(not fits, f"the slope {dimensions(slope)} does not fit {dimensions(data)}")


def _instance_normalization(inputs: Inputs, _attributes: Attributes) -> None:
    data = _shape(inputs, 0)
    if data is not None and len(data) > 1:
        fits = all(_shape(inputs, index) == (data[1],) for index in (1, 2))
        _refuse(not fits, f"scale and shift are not one number for each of {data[1]} channels")


def _transpose(inputs: Inputs, attributes: Attributes) -> None:
    data, order = _shape(inputs, 0), attributes.get("perm")
    if data is not None and order is not None:
        _refuse(len(order) != len(data), f"perm has {len(order)} entries for {len(data)} dimensions")


def _broadcasts(shape: Shape, target: Shape) -> bool:
    """Whether a tensor stretches to the target, which stays as it is."""
    padded = (1,) * (len(target) - len(shape)) + shape
    return len(padded) == len(target) and all(a in {1, b} for a, b in zip(padded, target, strict=True))


_RULES: Final[dict[str, Callable[[Inputs, Attributes], None]]] = {
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1, bias_at=99),
    "ConvTranspose": _convolution(1, 2, is_transposed=True),
    "DeformConv": _convolution(1, 3),
    "QLinearConv": _convolution(3, 8),
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Gemm": _gemm,
    "InstanceNormalization": _instance_normalization,
    "PRelu": _prelu,
    "Transpose": _transpose,
}
