"""Attention and recurrent layers, against the operators they are made of."""

from __future__ import annotations

from operator_calls import work

from latencylab.graph import Graph, Node
from latencylab.work import Work

B, H, Q, K, D, V = 2, 8, 10, 12, 16, 4


def spelled(keys: int = K) -> Work:
    """Scores, scale, softmax and values as nodes of their own."""
    scores = (B, H, Q, keys)
    query_key = work("MatMul", [(B, H, Q, D), (B, H, D, keys)], [scores])
    softmax = work("Mul", [scores, ()], [scores]) + work("Softmax", [scores], [scores])
    return query_key + softmax + work("MatMul", [scores, (B, H, keys, V)], [(B, H, Q, V)])


def test_attention_is_two_products_and_a_softmax() -> None:
    heads = [(B, H, Q, D), (B, H, K, D), (B, H, K, V)]
    assert work("Attention", heads, [(B, H, Q, V)]) == spelled()
    packed = [(B, Q, H * D), (B, K, H * D), (B, K, H * V)]
    assert work("Attention", packed, [(B, Q, H * V)], q_num_heads=H, kv_num_heads=H) == spelled()


def test_shared_key_heads_do_not_spare_macs() -> None:
    shared = [(B, H, Q, D), (B, 2, K, D), (B, 2, K, V)]
    assert work("Attention", shared, [(B, H, Q, V)]) == spelled()


def test_masks_and_caches() -> None:
    heads = [(B, H, Q, D), (B, H, K, D), (B, H, K, V)]
    masked = work("Attention", [*heads, (Q, K)], [(B, H, Q, V)], is_causal=1)
    assert masked == spelled() + Work(arithmetic_ops=2 * B * H * Q * K)
    past = [None, (B, H, 5, D), (B, H, 5, V)]
    present = [(B, H, K + 5, D), (B, H, K + 5, V)]
    cached = work("Attention", [*heads, *past], [(B, H, Q, V), *present])
    assert cached == spelled(K + 5) + Work(move_ops=B * H * (K + 5) * (D + V))
    capped = work("Attention", heads, [(B, H, Q, V)], softcap=30.0)
    assert capped.transcendental_ops == 2 * B * H * Q * K


def test_flex_attention_adds_its_bodies() -> None:
    heads = [(B, H, Q, D), (B, H, K, D), (B, H, K, V)]
    from operator_calls import tensor

    scores = {name: tensor(name, B, H, Q, K) for name in ("s", "t")}
    body = Graph("score_mod", (Node("tanh", "Tanh", ("s",), ("t",)),), scores, ("s",), ("t",))
    found = work("FlexAttention", heads, [(B, H, Q, V)], "ai.onnx.preview", score_mod=body)
    assert found == spelled() + Work(transcendental_ops=B * H * Q * K)


def test_microsoft_spellings() -> None:
    packed = [(B, Q, H * D), (B, K, H * D), (B, K, H * V)]
    assert work("MultiHeadAttention", packed, [(B, Q, H * V)], "com.microsoft", num_heads=H) == spelled()
    hidden, qkv = 32, H * (2 * D + V)
    projected = work(
        "Attention", [(B, Q, hidden), (hidden, qkv), (qkv,)], [(B, Q, H * V)], "com.microsoft", num_heads=H
    )
    assert projected.macs == B * Q * hidden * qkv + spelled(Q).macs


def test_linear_attention_is_linear_in_tokens() -> None:
    def macs(tokens: int, rule: str) -> int:
        inputs = [(1, tokens, 4 * 8), (1, tokens, 2 * 8), (1, tokens, 2 * 6)]
        found = work(
            "LinearAttention",
            inputs,
            [(1, tokens, 4 * 6)],
            q_num_heads=4,
            kv_num_heads=2,
            update_rule=rule,
        )
        return found.macs

    # Outer product k v for two key heads, state times q for four query heads.
    assert macs(5, "linear") == 5 * (2 + 4) * 8 * 6
    assert macs(10, "linear") == 2 * macs(5, "linear")
    assert macs(5, "delta") == 5 * (2 + 2 + 4) * 8 * 6


def test_recurrent_layers_multiply_two_matrices_a_step() -> None:
    steps, batch, inputs, hidden = 7, 3, 5, 4

    def layer(op_type: str, gates: int) -> Work:
        shapes = [(steps, batch, inputs), (2, gates * hidden, inputs), (2, gates * hidden, hidden)]
        return work(op_type, shapes, [(steps, 2, batch, hidden)])

    def macs(gates: int) -> int:
        into = work("MatMul", [(batch, inputs), (inputs, gates * hidden)], [(batch, gates * hidden)])
        back = work("MatMul", [(batch, hidden), (hidden, gates * hidden)], [(batch, gates * hidden)])
        return (into.macs + back.macs) * steps * 2

    states = steps * batch * 2 * hidden
    assert layer("RNN", 1) == Work(macs=macs(1), transcendental_ops=states)
    assert layer("GRU", 3) == Work(macs=macs(3), arithmetic_ops=5 * states, transcendental_ops=3 * states)
    assert layer("LSTM", 4) == Work(macs=macs(4), arithmetic_ops=4 * states, transcendental_ops=5 * states)
