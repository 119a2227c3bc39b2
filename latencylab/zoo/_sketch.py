"""A shape-tracking pen for the reference networks of other tasks: weightless ONNX, one line a layer."""

from __future__ import annotations

from typing import Any, Literal

from onnx import ModelProto, TensorProto, helper

Padding = Literal["same", "valid"] | int | tuple[int, int, int, int]
_OPSET, _IR_VERSION = 17, 8


class Sketch:
    """Draws an ONNX graph whose weights have shapes but no values (external data that is never opened).

    `same` is TensorFlow's padding: the output is the input divided by the stride, rounded up, and the odd row
    is padded at the end; an integer pads every side alike, as PyTorch does.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._nodes: list[Any] = []
        self._weights: list[TensorProto] = []
        self._inputs: list[Any] = []

    def input(self, name: str, *shape: int, dtype: int = TensorProto.FLOAT) -> str:
        """Declare a graph input."""
        self.shapes[name] = shape
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def weight(self, name: str, *shape: int) -> str:
        """A float32 initializer without values."""
        tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")
        self._weights.append(tensor)
        return name

    def constant(self, values: Any, *shape: int, dtype: int = TensorProto.INT64) -> str:
        """A small initializer with values (shapes, sizes, bounds)."""
        name = f"const_{len(self._weights)}"
        self._weights.append(helper.make_tensor(name, dtype, shape, values))
        return name

    def op(self, op_type: str, *inputs: str, shape: tuple[int, ...], **attributes: Any) -> str:
        """Append a node with one output of the given shape; returns the output's name."""
        name = f"{op_type.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        self.shapes[name] = shape
        return name

    def keep(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Append a node whose output has the shape of its first input."""
        return self.op(op_type, *inputs, shape=self.shapes[inputs[0]], **attributes)

    def conv(  # noqa: PLR0913 - the hyper-parameters of a convolution
        self,
        x: str,
        channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        groups: int = 1,
        pad: Padding = "same",
    ) -> str:
        """Convolution with bias (batch normalization folded into it)."""
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        batch, in_channels, *size = self.shapes[x]
        out, pads = _window(size, kernel, stride, pad)
        name = f"conv_{len(self._nodes)}"
        weight = self.weight(f"{name}.weight", channels, in_channels // groups, *kernel)
        bias = self.weight(f"{name}.bias", channels)
        return self.op(
            "Conv",
            x,
            weight,
            bias,
            shape=(batch, channels, *out),
            kernel_shape=kernel,
            strides=[stride, stride],
            pads=pads,
            group=groups,
        )

    def pool(self, op_type: str, x: str, kernel: int, *, stride: int, pad: Padding = "same") -> str:
        """MaxPool or AveragePool over square windows; average counts no padding, as TensorFlow does."""
        out, pads = _window(self.shapes[x][2:], (kernel, kernel), stride, pad)
        return self.op(
            op_type,
            x,
            shape=(*self.shapes[x][:2], *out),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=pads,
        )

    def relu6(self, x: str) -> str:
        """Clip to [0, 6]."""
        low = self.constant([0.0], dtype=TensorProto.FLOAT)
        high = self.constant([6.0], dtype=TensorProto.FLOAT)
        return self.keep("Clip", x, low, high)

    def concat(self, *inputs: str, axis: int = 1) -> str:
        """Concatenate along an axis (channels unless said)."""
        shape = list(self.shapes[inputs[0]])
        shape[axis] = sum(self.shapes[x][axis] for x in inputs)
        return self.op("Concat", *inputs, shape=tuple(shape), axis=axis)

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape to a fixed shape."""
        return self.op("Reshape", x, self.constant(shape, len(shape)), shape=shape)

    def global_average(self, x: str) -> str:
        """Mean over the image."""
        return self.op("GlobalAveragePool", x, shape=(*self.shapes[x][:2], 1, 1))

    def dense(self, x: str, features: int) -> str:
        """Fully connected layer with bias on [N, C]."""
        batch, in_features = self.shapes[x]
        name = f"dense_{len(self._nodes)}"
        weight = self.weight(f"{name}.weight", features, in_features)
        return self.op(
            "Gemm", x, weight, self.weight(f"{name}.bias", features), shape=(batch, features), transB=1
        )

    def model(self, *outputs: str, dtype: int = TensorProto.FLOAT) -> ModelProto:
        """The finished model."""
        infos = [helper.make_tensor_value_info(x, dtype, self.shapes[x]) for x in outputs]
        graph = helper.make_graph(self._nodes, self.name, self._inputs, infos, self._weights)
        return helper.make_model(
            graph,
            producer_name="latencylab",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )


def _window(
    size: list[int] | tuple[int, ...], kernel: tuple[int, int], stride: int, pad: Padding
) -> tuple[tuple[int, int], list[int]]:
    """Output size and ONNX pads (top, left, bottom, right) of a sliding window."""
    if pad == "same":
        out = tuple(-(-n // stride) for n in size)
        total = [max((o - 1) * stride + k - n, 0) for o, k, n in zip(out, kernel, size, strict=True)]
        return (out[0], out[1]), [t // 2 for t in total] + [t - t // 2 for t in total]
    pads = [0] * 4 if pad == "valid" else [pad] * 4 if isinstance(pad, int) else list(pad)
    out = tuple(
        (n + pads[i] + pads[i + 2] - k) // stride + 1
        for i, (n, k) in enumerate(zip(size, kernel, strict=True))
    )
    return (out[0], out[1]), pads
