"""Attention: two batched matrix products around a softmax of the scores.

The whole score matrix is counted, under a mask, a window or a causal order too: dense engines compute it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latencylab.graph import Graph
from latencylab.ops._counting import optional, present
from latencylab.ops._registry import MICROSOFT, body_work, costs
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from latencylab.graph import Node, Tensor
    from latencylab.ops._registry import Inputs, Outputs


@costs("RotaryEmbedding")
@costs("RotaryEmbedding", domain=MICROSOFT)
def rotary(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """2 products and 1 sum a rotated element, 1 move an element that a partial rotation leaves alone."""
    data, elements = present(inputs, 0), outputs[0].elements
    rotated_size = int(node.attributes.get("rotary_embedding_dim", 0))
    if not rotated_size:
        return Work(arithmetic_ops=3 * elements)
    size = data.shape[-1] // (1 if len(data.shape) == 4 else int(node.attributes["num_heads"]))
    rotated = elements * rotated_size // size
    return Work(arithmetic_ops=3 * rotated, move_ops=elements - rotated)


@dataclass(frozen=True, slots=True)
class AttentionGeometry:
    """Sizes of one attention: heads are the query's; key and value heads are shared among them (GQA)."""

    batch: int
    heads: int
    queries: int
    keys: int
    key_size: int
    value_size: int

    @property
    def scores(self) -> int:
        """Elements of the score matrix."""
        return self.batch * self.heads * self.queries * self.keys

    @property
    def macs(self) -> int:
        """Query times key, then probability times value."""
        return self.scores * (self.key_size + self.value_size)

    def work(self, *, biases: int = 0, is_capped: bool = False) -> Work:
        """MACs and the softmax; scale 1, each mask or bias 1, a soft cap 2 arithmetic and a tanh a score."""
        cap = Work(arithmetic_ops=2, transcendental_ops=1) if is_capped else ZERO
        softmax = Work(arithmetic_ops=4 + biases, transcendental_ops=1, division_ops=1)
        return Work(macs=self.macs) + (softmax + cap) * self.scores


def _heads(node: Node, tensor: Tensor, attribute: str) -> tuple[int, int, int, int]:
    """(batch, heads, length, head size) of a 4-D (B, H, L, D) or packed 3-D (B, L, H x D) tensor."""
    if len(tensor.shape) == 4:
        batch, heads, length, size = tensor.shape
        return batch, heads, length, size
    batch, length, hidden = tensor.shape
    heads = int(node.attributes[attribute])
    return batch, heads, length, hidden // heads


@costs("Attention")
def attention(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: scores x (key size + value size); softmax, scale, mask and cap a score; 1 move a cached one."""
    batch, heads, queries, size = _heads(node, present(inputs, 0), "q_num_heads")
    _, _, keys, _ = _heads(node, present(inputs, 1), "kv_num_heads")
    _, _, _, value_size = _heads(node, present(inputs, 2), "kv_num_heads")
    past = optional(inputs, 4)
    shape = AttentionGeometry(batch, heads, queries, keys + (past.shape[-2] if past else 0), size, value_size)
    # A mask, the number of valid keys, a causal order: each masks the scores once.
    masks = sum(optional(inputs, index) is not None for index in (3, 6))
    masks += bool(node.attributes.get("is_causal", 0))
    caches = sum(t.elements for t in outputs[1:3]) if past else 0
    work = shape.work(biases=masks, is_capped=bool(node.attributes.get("softcap", 0.0)))
    return work + Work(move_ops=caches)


@costs("FlexAttention", domain="ai.onnx.preview")
def flex_attention(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: scores x (key size + value size); softmax and scale a score; its bodies by their nodes."""
    batch, heads, queries, size = present(inputs, 0).shape
    keys, value_size = present(inputs, 1).shape[2], present(inputs, 2).shape[3]
    work = AttentionGeometry(batch, heads, queries, keys, size, value_size).work()
    for name in ("score_mod", "prob_mod"):
        if isinstance(body := node.attributes.get(name), Graph):
            work = work + body_work(body)
    return work


@costs("MultiHeadAttention", domain=MICROSOFT)
def multi_head_attention(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: scores x (key size + value size); softmax and scale a score, 1 for each mask or bias."""
    query, key = present(inputs, 0), optional(inputs, 1) or present(inputs, 0)
    heads = int(node.attributes["num_heads"])
    batch, queries = query.shape[:2]
    size = query.shape[-1] // (heads if len(query.shape) == 3 else 1)
    past = optional(inputs, 6)
    keys = key.shape[2 if len(key.shape) == 4 else 1] + (past.shape[2] if past else 0)
    value_size = outputs[0].shape[-1] // heads
    biases = sum(optional(inputs, index) is not None for index in (4, 5))
    projection_bias = query.elements if optional(inputs, 3) is not None else 0
    work = AttentionGeometry(batch, heads, queries, keys, size, value_size).work(biases=biases)
    return work + Work(arithmetic_ops=projection_bias)


@costs("GroupQueryAttention", domain=MICROSOFT)
def group_query_attention(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: scores x (key size + value size); softmax, scale and causal mask a score."""
    heads = int(node.attributes["num_heads"])
    batch, queries = present(inputs, 0).shape[:2]
    size = outputs[0].shape[-1] // heads
    # The caches hold every key so far: (batch, kv heads, keys, size).
    past = optional(inputs, 3)
    keys = outputs[1].shape[2] if len(outputs) > 1 else queries + (past.shape[2] if past else 0)
    work = AttentionGeometry(batch, heads, queries, keys, size, size).work(biases=1)
    rotated = present(inputs, 0).elements if node.attributes.get("do_rotary", 0) else 0
    return work + Work(arithmetic_ops=3 * rotated, move_ops=sum(t.elements for t in outputs[1:3]))


@costs("Attention", "QAttention", domain=MICROSOFT)
def projected_attention(node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """MACs: projection to query, key and value, then scores x (key size + value size)."""
    data, weight = present(inputs, 0), present(inputs, 1)
    batch, length, hidden = data.shape
    heads = int(node.attributes["num_heads"])
    value_size = outputs[0].shape[-1] // heads
    size = (weight.shape[1] // heads - value_size) // 2
    keys = outputs[1].shape[3] if len(outputs) > 1 else length
    projection = Work(macs=batch * length * hidden * weight.shape[1])
    return projection + AttentionGeometry(batch, heads, length, keys, size, value_size).work(biases=1)


@costs("LinearAttention")
def linear_attention(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs a token: state update for each key head (and delta correction), read-out for each query head."""
    is_delta = "delta" in str(node.attributes.get("update_rule", "gated_delta"))
    batch, tokens, hidden = present(inputs, 0).shape
    heads, kv_heads = int(node.attributes["q_num_heads"]), int(node.attributes["kv_num_heads"])
    size, value_size = hidden // heads, present(inputs, 2).shape[2] // kv_heads
    decay = optional(inputs, 4)
    gates = 0 if decay is None else decay.elements // (batch * tokens)
    token = Work(
        macs=(kv_heads * (2 if is_delta else 1) + heads) * size * value_size,
        # Scale of the result; difference to the value and update rate; decay of the state.
        arithmetic_ops=heads * value_size
        + 2 * is_delta * kv_heads * value_size
        + bool(gates) * kv_heads * size * value_size,
        transcendental_ops=gates,
    )
    return token * (batch * tokens)
