"""Small graphs for tests, written down one operator a line, without a model file."""

from __future__ import annotations

from typing import Any

from latencylab.graph import Graph, Node, Tensor

Shape = tuple[int, ...]


class Sketch:
    """A graph that grows; every method returns the name of the tensor it adds, named after its node."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.inputs: list[str] = []

    def image(self, *shape: int, name: str = "x", dtype: str = "float32") -> str:
        self.inputs.append(name)
        return self._tensor(Tensor(name, shape, dtype))

    def constant(self, *shape: int, values: tuple[Any, ...] | None = None, **fields: Any) -> str:
        fields = {"name": f"c{len(self.tensors)}", "dtype": "float32"} | fields
        return self._tensor(Tensor(shape=shape, is_constant=True, values=values, **fields))

    def number(self, value: float) -> str:
        return self.constant(values=(value,))

    def integers(self, *values: int) -> str:
        return self.constant(len(values), values=values, dtype="int64")

    def op(
        self,
        op_type: str,
        *inputs: str,
        shape: Shape | None = None,
        name: str = "",
        dtype: str = "",
        **attributes: Any,
    ) -> str:
        """One output: of the first input's shape and type unless said."""
        name = name or f"{op_type.lower()}_{sum(node.op_type == op_type for node in self.nodes)}"
        first = self.tensors[inputs[0]]
        output = self._tensor(
            Tensor(f"{name}.y", first.shape if shape is None else shape, dtype or first.dtype)
        )
        self.nodes.append(Node(name, op_type, inputs, (output,), attributes))
        return output

    def split(self, x: str, *channels: int) -> tuple[str, ...]:
        batch, _, *space = self.tensors[x].shape
        name = f"split_{len(self.nodes)}"
        outputs = [Tensor(f"{name}.y{i}", (batch, c, *space), "float32") for i, c in enumerate(channels)]
        names = tuple(self._tensor(output) for output in outputs)
        self.nodes.append(Node(name, "Split", (x,), names, {"axis": 1}))
        return names

    def conv(
        self, x: str, channels: int, *, kernel: int = 3, bias: bool = True, sign: bool = False, **options: Any
    ) -> str:
        """Same padding, stride 1."""
        batch, inputs, *space = self.tensors[x].shape
        pad = kernel // 2
        constants = [self.constant(channels, inputs, kernel, kernel, is_sign=sign)]
        constants += [self.constant(channels)] if bias else []
        pads = (pad, pad, pad, pad)
        return self.op("Conv", x, *constants, shape=(batch, channels, *space), pads=pads, **options)

    def depth_to_space(self, x: str, block: int) -> str:
        batch, channels, height, width = self.tensors[x].shape
        shape = (batch, channels // block**2, height * block, width * block)
        return self.op("DepthToSpace", x, shape=shape, blocksize=block, mode="CRD")

    def concat(self, *inputs: str) -> str:
        batch, _, *space = self.tensors[inputs[0]].shape
        channels = sum(self.tensors[name].shape[1] for name in inputs)
        return self.op("Concat", *inputs, shape=(batch, channels, *space), axis=1)

    def normalized(self, x: str) -> str:
        channels = self.tensors[x].shape[1]
        return self.op("BatchNormalization", x, *(self.constant(channels) for _ in range(4)))

    def quantized(self, x: str, dtype: str = "uint8") -> str:
        return self.op("QuantizeLinear", x, self.number(0.1), self.number(0), dtype=dtype)

    def dequantized(self, x: str) -> str:
        return self.op("DequantizeLinear", x, self.number(0.1), self.number(0), dtype="float32")

    def graph(self, *outputs: str) -> Graph:
        """Outputs: those named, or every tensor that nobody reads."""
        read = {name for node in self.nodes for name in node.inputs}
        written = [name for node in self.nodes for name in node.outputs]
        ends = outputs or tuple(name for name in written if name not in read)
        return Graph("sketch", tuple(self.nodes), self.tensors, tuple(self.inputs), ends)

    def _tensor(self, tensor: Tensor) -> str:
        self.tensors[tensor.name] = tensor
        return tensor.name
