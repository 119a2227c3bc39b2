"""Writes an ONNX model node by node, with every shape known as it is written.

Weights are random but the same everywhere and for ever: the bytes of SHAKE-256 over the tensor's name, which
no library's choice of generator can change.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

OPSET = 18
IR_VERSION = 8  # the one that came with opset 18: older runtimes still load the file

# Up to this many elements a tensor's values are always written: scales, slopes, shapes.
SMALL = 64
# Protocol buffers cannot serialise more; room is left for the graph itself.
_PROTOBUF_LIMIT_BYTES = 2**31 - 2**24


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph being written."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Extent of axis 1."""
        return self.shape[1]

    @property
    def spatial(self) -> tuple[int, ...]:
        """Extents behind batch and channels."""
        return self.shape[2:]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)


class GraphWriter:
    """Collects nodes and initializers; `model` closes the file.

    parameters, parameters_frozen, macs and binary_macs are tallied as the graph is written.
    """

    def __init__(self, name: str, *, weights: bool = True) -> None:
        self.name = name
        self.parameters = self.parameters_frozen = self.macs = self.binary_macs = 0
        self._weights = weights
        self._weight_bytes = 0
        self._used: Counter[str] = Counter()
        self._nodes: list[NodeProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._initializers: list[TensorProto] = []

    def input(self, name: str, shape: tuple[int, ...]) -> Value:
        """Declare a float32 input."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return Value(name, shape)

    def op(
        self, op_type: str, *inputs: Value | None, shape: Sequence[int] | None = None, **attributes: Any
    ) -> Value:
        """One node with one output, of the inputs' broadcast shape unless given; None is an absent input."""
        if shape is None:
            shape = _broadcast(op_type, [value.shape for value in inputs if value is not None])
        return self.multi_op(op_type, *inputs, shapes=(tuple(shape),), **attributes)[0]

    def multi_op(
        self, op_type: str, *inputs: Value | None, shapes: Sequence[tuple[int, ...]], **attributes: Any
    ) -> tuple[Value, ...]:
        """One node with one output per shape."""
        name = self.fresh(op_type.lower())
        outputs = [name] if len(shapes) == 1 else [f"{name}.{i}" for i in range(len(shapes))]
        names = [value.name if value else "" for value in inputs]
        self._nodes.append(helper.make_node(op_type, names, outputs, name, **attributes))
        return tuple(map(Value, outputs, shapes))

    def constant(self, values: Any, dtype: str = "int64") -> Value:
        """A constant that nobody learned: shapes, bounds, literals."""
        array = np.asarray(values, dtype)
        return self._store(self.fresh("constant"), array.shape, lambda: array, dtype)

    def learned(
        self, role: str, shape: tuple[int, ...], make: Callable[[], NDArray[Any]], *, frozen: bool = False
    ) -> Value:
        """A float parameter with the values of `make`; a frozen one is named `frozen.*` and counted apart."""
        name = self.fresh(f"frozen.{role}" if frozen else role)
        if frozen:
            self.parameters_frozen += prod(shape)
        else:
            self.parameters += prod(shape)
        return self._store(name, shape, make)

    def noise(self, role: str, shape: tuple[int, ...], std: float) -> Value:
        """Random parameters of this standard deviation (none in memory when built without weights)."""
        # The counter that makes the name unique also makes the values differ.
        seed = f"{self.name}/{role}/{self._used[role]}"
        return self.learned(role, shape, lambda: uniform(seed, shape) * np.float32(std * sqrt(3)))

    def signs(self, role: str, shape: tuple[int, ...]) -> Value:
        """Binary weights: random +1 and -1, always written since their values are their type."""
        seed = f"{self.name}/{role}/{self._used[role]}"
        name = self.fresh(role)
        self.parameters += prod(shape)
        values = np.sign(uniform(seed, shape))
        return self._store(name, shape, lambda: values, materialise=True)

    def fill(self, role: str, shape: tuple[int, ...], value: float) -> Value:
        """Parameters that all start at one value (slopes, gammas, betas)."""
        return self.learned(role, shape, lambda: np.full(shape, value, np.float32))

    def statistics(self, role: str, shape: tuple[int, ...], value: float) -> Value:
        """Running statistics: stored, never learned, no parameters."""
        return self._store(self.fresh(role), shape, lambda: np.full(shape, value, np.float32))

    def model(self, *outputs: Value) -> ModelProto:
        """Close the graph."""
        infos = [helper.make_tensor_value_info(v.name, TensorProto.FLOAT, v.shape) for v in outputs]
        graph = helper.make_graph(self._nodes, self.name, self._inputs, infos, self._initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="latencylab"
        )

    @property
    def node_count(self) -> int:
        """Nodes written so far."""
        return len(self._nodes)

    def fresh(self, stem: str) -> str:
        """Next unused name: conv.weight_0, conv.weight_1, ..."""
        number = self._used[stem]
        self._used[stem] += 1
        return f"{stem}_{number}"

    def _store(
        self,
        name: str,
        shape: tuple[int, ...],
        make: Callable[[], NDArray[Any]],
        dtype: str = "float32",
        *,
        materialise: bool = False,
    ) -> Value:
        kind = TensorProto.FLOAT if dtype == "float32" else TensorProto.INT64
        tensor = TensorProto(name=name, data_type=kind, dims=shape)
        if materialise or self._weights or prod(shape) <= SMALL:
            self._reserve(prod(shape) * np.dtype(dtype).itemsize)
            tensor.raw_data = make().astype(np.dtype(dtype).newbyteorder("<")).tobytes()
        else:
            # A graph without its weight file: latency does not depend on what the weights are.
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=f"{self.name}.weights")
        self._initializers.append(tensor)
        return Value(name, shape)

    def _reserve(self, size_bytes: int) -> None:
        self._weight_bytes += size_bytes
        if self._weight_bytes > _PROTOBUF_LIMIT_BYTES:
            raise LatencyLabError(
                f"zoo network {self.name}: its weights exceed the 2 GiB an ONNX file can hold; "
                "build it without weights"
            )


def uniform(seed: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Uniform numbers in (-1, 1), never 0, symmetric about it; equal on every machine."""
    stream = hashlib.shake_256(seed.encode()).digest(2 * prod(shape))
    steps = np.frombuffer(stream, "<u2").reshape(shape).astype(np.float32)
    return (steps + np.float32(0.5)) * np.float32(2**-15) - np.float32(1)


def _broadcast(op_type: str, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    if len(shapes) == 1:
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise LatencyLabError(
            f"zoo options give {op_type} the shapes {', '.join(map(str, shapes))}"
        ) from None
