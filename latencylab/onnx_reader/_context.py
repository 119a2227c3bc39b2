"""Context: what all graphs of one model share while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import defs

from latencylab.errors import ModelError
from latencylab.onnx_reader._attributes import attributes_of
from latencylab.onnx_reader._infer import Inference
from latencylab.onnx_reader._order import canonical
from latencylab.onnx_reader._text import check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx import GraphProto, ModelProto, NodeProto

    from latencylab.onnx_reader._order import Step

OLDEST_OPSET = 6


class Context:
    """Operator sets, names already given, what was inferred, and what had to be assumed.

    symbols: sizes of the inputs' symbolic dimensions. is_resized: an input has another size than in the file.
    """

    def __init__(self, model: ModelProto) -> None:
        check_text(opset.domain for opset in model.opset_import)
        opsets = {canonical(opset.domain): opset.version for opset in model.opset_import}
        _check_opset(opsets, model.graph)
        self.opset = opsets.get("", 0)
        self.inference = Inference(opsets, model.ir_version)
        self.symbols: dict[str, int] = {}
        self.is_resized = False
        self._assumptions: dict[str, None] = {}
        self._names = _Names()
        self._labels = _Names(node.name for node in model.graph.node)
        self._attributes: dict[bytes, dict[str, Any]] = {}

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Sentences in the order in which they were assumed, each once."""
        return tuple(self._assumptions)

    def assume(self, sentence: str) -> None:
        self._assumptions[sentence] = None

    def fresh(self, name: str) -> str:
        """A tensor name not given before: the file's own, or that with a number (bodies may repeat names)."""
        return self._names.take(name)

    def label(self, step: Step) -> str:
        """A node name not given before: the file's own, or the operator and its place in the order."""
        return self._labels.take(step.node.name, f"{step.op_type}_{step.position}")

    def unique_label(self, name: str) -> str:
        """`name`, or that with a number where a node of the file bears it."""
        return self._labels.take("", name)

    def attributes(self, node: NodeProto) -> tuple[bytes, Mapping[str, Any]]:
        """A node's attributes, serialised and as plain values; equal ones share one mapping."""
        spelling = b"\0".join([attribute.SerializeToString() for attribute in node.attribute])
        plain = self._attributes.get(spelling)
        if plain is None:
            plain = self._attributes[spelling] = attributes_of(node.attribute)
        return spelling, plain


class _Names:
    """Hands out each name once."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        """`reserved`: names that nothing may be renamed to, because something bears them."""
        self._given: set[str] = set()
        self._reserved = set(reserved)
        self._counts: dict[str, int] = {}

    def take(self, name: str, otherwise: str = "") -> str:
        """`name` if it is not empty and free; else `otherwise` (default: `name`), numbered until free."""
        if name and name not in self._given:
            self._given.add(name)
            return name
        stem = candidate = otherwise or name
        while candidate in self._given or candidate in self._reserved:
            self._counts[stem] = self._counts.get(stem, 0) + 1
            candidate = f"{stem}_{self._counts[stem]}"
        self._given.add(candidate)
        return candidate


def _check_opset(opsets: Mapping[str, int], graph: GraphProto) -> None:
    version = opsets.get("")
    newest = defs.onnx_opset_version()
    if version is None:
        if any(canonical(node.domain) == "" for node in graph.node):
            raise ModelError("the model does not say which opset of ai.onnx it uses (no opset_import)")
    elif version < OLDEST_OPSET:
        raise ModelError(
            f"opset {version} is older than {OLDEST_OPSET}: convert the model with onnx.version_converter"
        )
    elif version > newest:
        raise ModelError(
            f"opset {version} is newer than {newest}, the newest the installed onnx knows: upgrade onnx"
        )
