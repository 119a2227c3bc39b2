"""Laws that hold for every network and every choice of rules."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from shuffling import permuted
from sketch import Sketch
from strategies import networks

from latencylab import fusion, ops
from latencylab.graph import total

if TYPE_CHECKING:
    import random

    from latencylab.graph import Graph, MetaNode

RULES = (
    "qdq",
    "qoperator",
    "dequantize_late",
    "quantized_ends",
    "reshape_transpose_reshape",
    "channel_replicate",
    "minmax_clip",
    "hard_swish",
    "gelu",
    "silu",
    "layer_norm",
    "reduce_mean_pool",
    "std_attention",
    "pad_conv",
    "binary_conv",
    "binary_activation",
    "conv_bias",
    "conv_bn",
    "conv_scale",
    "saturating_clip",
    "conv_add",
    "conv_relu",
    "conv_clip",
    "conv_leaky_relu",
    "conv_prelu",
    "conv_sigmoid_tanh",
    "conv_hard_swish",
    "conv_swish_gelu",
    "split_conv_concat",
    "concat_wide_conv",
    "conv_depth_to_space",
    "add_activation",
)
# What folds into weights is gone; these only group, so that all work stays.
GROUPING = ("conv_add", "conv_relu", "conv_clip", "conv_prelu", "add_activation", "conv_depth_to_space")
# Wall time says nothing on a shared machine.
law = settings(deadline=None, max_examples=60)
subsets = st.sets(st.sampled_from(RULES)).map(lambda chosen: [rule for rule in RULES if rule in chosen])
everything_or_some = st.one_of(st.just(list(RULES)), subsets)


def test_every_rule_is_under_these_laws() -> None:
    variants = {"qdq_onnxruntime", "float_conv_add", "float_conv_activation"}
    assert variants | set(RULES) == set(fusion.rule_names())


@law
@given(networks(), everything_or_some)
def test_each_node_belongs_to_exactly_one_meta_node(graph: Graph, rules: list[str]) -> None:
    members = Counter(id(node) for meta in fusion.decompose(graph, rules).meta_nodes for node in meta.nodes)
    assert members == Counter(id(node) for node in graph.nodes)


@law
@given(networks(), everything_or_some)
def test_macs_are_conserved(graph: Graph, rules: list[str]) -> None:
    metas = fusion.decompose(graph, rules).meta_nodes
    assert sum(meta.work.macs for meta in metas) == ops.body_work(graph).macs


@law
@given(networks())
def test_grouping_conserves_all_work(graph: Graph) -> None:
    metas = fusion.decompose(graph, GROUPING).meta_nodes
    assert total(meta.work for meta in metas) == ops.body_work(graph)


@law
@given(networks(), everything_or_some)
def test_fusion_never_adds_traffic(graph: Graph, rules: list[str]) -> None:
    def traffic(metas: tuple[MetaNode, ...]) -> int:
        return sum(meta.read_bytes + meta.write_bytes for meta in metas)

    fused = fusion.decompose(graph, rules).meta_nodes
    assert traffic(fused) <= traffic(fusion.decompose(graph, ()).meta_nodes)


@law
@given(networks(), everything_or_some)
def test_what_is_decomposed_stays_so(graph: Graph, rules: list[str]) -> None:
    once = fusion.decompose(graph, rules)
    again = fusion.decompose(once.graph, rules)
    assert again.meta_nodes == once.meta_nodes
    assert not again.steps


@law
@given(networks(), everything_or_some)
def test_meta_nodes_stand_in_topological_order_and_lose_no_result(graph: Graph, rules: list[str]) -> None:
    decomposition = fusion.decompose(graph, rules)
    known = set(decomposition.graph.inputs)
    for meta in decomposition.meta_nodes:
        assert {tensor.name for tensor in meta.inputs} <= known
        known |= {tensor.name for tensor in meta.outputs}
    assert set(graph.outputs) <= known
    names = [meta.name for meta in decomposition.meta_nodes]
    assert len(set(names)) == len(names)


@law
@given(networks(), everything_or_some, st.randoms(use_true_random=False))
def test_the_order_of_independent_nodes_changes_nothing(
    graph: Graph, rules: list[str], chance: random.Random
) -> None:
    assert fusion.decompose(permuted(graph, chance), rules) == fusion.decompose(graph, rules)


@law
@given(networks())
def test_a_declared_type_changes_bytes_and_nothing_else(graph: Graph) -> None:
    plain = fusion.decompose(graph, GROUPING)
    declared = fusion.decompose(fusion.declare_dtype(graph, "uint8"), GROUPING)
    assert [meta.work for meta in declared.meta_nodes] == [meta.work for meta in plain.meta_nodes]
    for quantized, original in zip(declared.meta_nodes, plain.meta_nodes, strict=True):
        assert quantized.write_bytes * 4 == original.write_bytes


def calls_to_decompose(blocks: int) -> int:
    """Function calls made to decompose a chain of residual blocks that share one skip tensor."""
    sketch = Sketch()
    image = sketch.image(1, 4, 6, 6)
    x = image
    for _ in range(blocks):
        y = sketch.op("Relu", sketch.conv(x, 4))
        x = sketch.op("Add", sketch.op("Add", sketch.conv(y, 4), x), image)
    graph = sketch.graph()
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        fusion.decompose(graph, RULES)
    finally:
        sys.setprofile(None)
    return calls


def test_work_grows_linearly_with_the_network() -> None:
    calls_to_decompose(1)  # rules are imported on first use
    growth = (calls_to_decompose(160) - calls_to_decompose(80)) / (
        calls_to_decompose(80) - calls_to_decompose(40)
    )
    assert 1.9 < growth < 2.1
