"""Operator calls for tests: a node with its tensors, from shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latencylab import ops
from latencylab.graph import Node, Tensor

if TYPE_CHECKING:
    from latencylab.work import Work

Shape = tuple[int, ...]


def tensor(name: str, *shape: int, dtype: str = "float32", **fields: Any) -> Tensor:
    return Tensor(name, shape, dtype, **fields)


def scalar(name: str, value: float, dtype: str = "float32") -> Tensor:
    return Tensor(name, (), dtype, is_constant=True, values=(value,))


def work(
    op_type: str,
    inputs: list[Shape | Tensor | None],
    outputs: list[Shape | Tensor],
    domain: str = "",
    **attributes: Any,
) -> Work:
    """Work of one call; an input is a shape, a tensor, or None where absent."""
    sources = tuple(_named(f"in{i}", value) for i, value in enumerate(inputs))
    results = tuple(_named(f"out{i}", value) for i, value in enumerate(outputs))
    names = tuple(t.name if t else "" for t in sources), tuple(t.name for t in results if t)
    return ops.work(
        Node("node", op_type, *names, attributes, domain), sources, tuple(t for t in results if t)
    )


def _named(name: str, value: Shape | Tensor | None) -> Tensor | None:
    return tensor(name, *value) if isinstance(value, tuple) else value
